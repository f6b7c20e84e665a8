"""Comparing values with what the mapping says: one rule for ``where``, ``words``, ``states``, ``is``, ``unless``.

true and false    JSON's, TOML's and the texts "true", "True", "TRUE" … are the same
numbers           are the same as their text: 1 and "1"
texts             letter by letter, capitals and small ones apart
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_TRUTH = ("true", "false")


def word(value: Any) -> str:
    """Return the text that a value is compared by."""
    text = str(value)
    small = text.lower()
    return small if small in _TRUTH else text


def worded(words: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a table whose keys are ready to be looked up by :func:`word`."""
    return {word(key): value for key, value in words.items()}


def all_words(value: Any) -> tuple[str, ...]:
    """Return a value, or each of a list, as it is compared."""
    listed: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
    return tuple(word(item) for item in listed)
