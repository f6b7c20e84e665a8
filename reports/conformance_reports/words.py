"""The words that renderings are made of, in both languages, kept in ``words.toml`` where translators find them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from conformance.model.outcome import OUTCOME_TITLES, Outcome
from conformance.model.text import Text


@cache
def words() -> dict[str, Text]:
    """Return every word by its key."""
    source = files("conformance_reports").joinpath("words.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(source)
    return {key: Text(en, zh) for table in tables.values() for key, (en, zh) in table.items()}


def word(key: str) -> Text:
    """Return the word of ``key``; a key that no one translated is a KeyError, found by the tests."""
    return words()[key]


def has_word(key: str) -> bool:
    """Tell whether there is a word of ``key``: measurements may name what this package has never heard of."""
    return key in words()


def outcome_text(outcome: str) -> Text:
    """Return how ``outcome`` is said to people."""
    return OUTCOME_TITLES[Outcome(outcome)]


def scale_text(value: str) -> Text:
    """Return how a level, severity, method, verdict or kind of the model is said to people."""
    return words().get(f"is.{value}") or Text(value)
