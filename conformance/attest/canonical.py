"""Canonical JSON (RFC 8785), strictly: one value has one spelling, and whatever parsers disagree about is refused.

Numbers are integers no larger than 2^53-1 in size; there are no floating point numbers anywhere in a report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import rfc8785

from conformance.errors import HarnessError

#: The largest integer that every JSON parser reads alike.
INTEGER_MAX = 2**53 - 1
#: No report is larger, in bytes.
SIZE_MAX = 32 * 1024 * 1024
#: No report nests deeper.
DEPTH_MAX = 32

#: An unfinished string reaches to the end, so that looking for strings takes linear time on any input.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.S)
_BRACKET = re.compile(rb"[\[\]{}]")


class NotStrict(ValueError):
    """JSON that is not read, with a stable reason ``code``."""

    def __init__(self, code: str, summary: str) -> None:
        self.code = code
        super().__init__(summary)


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 bytes of ``value``; raises HarnessError for anything a report must not hold."""
    place = _unfit(value, "$")
    if place:
        raise HarnessError(
            f"a report cannot hold {place}",
            remedy="Use integers with a unit in the name, strings, lists and tables.",
        )
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise HarnessError(f"a report cannot hold this value: {error}") from error


def parse(data: bytes, *, size_max: int = SIZE_MAX, depth_max: int = DEPTH_MAX) -> Any:
    """Return the value of JSON text in any spelling.

    Raises :class:`NotStrict` with code TOO_LARGE, TOO_DEEP, NOT_UTF8, NOT_JSON, DUPLICATE_KEY, FLOAT or BIG_INTEGER.
    """
    if len(data) > size_max:
        raise NotStrict("TOO_LARGE", f"{len(data)} bytes, at most {size_max} are read")
    if _depth(data) > depth_max:
        raise NotStrict("TOO_DEEP", f"nested deeper than {depth_max} levels")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_small_integer,
        )
    except UnicodeDecodeError as error:
        raise NotStrict("NOT_UTF8", f"byte {error.start} is not UTF-8") from None
    except NotStrict:
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrict("NOT_JSON", f"not JSON: {error}") from None


def parse_canonical(data: bytes, *, size_max: int = SIZE_MAX, depth_max: int = DEPTH_MAX) -> Any:
    """Return the value of canonical JSON; any other spelling of it is refused with code NOT_CANONICAL."""
    value = parse(data, size_max=size_max, depth_max=depth_max)
    try:
        same = rfc8785.dumps(value) == data
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NotStrict("NOT_CANONICAL", f"no canonical form exists: {error}") from None
    if not same:
        raise NotStrict("NOT_CANONICAL", "the bytes are not the canonical form (RFC 8785) of their value")
    return value


def _depth(data: bytes) -> int:
    """Return how deep brackets nest outside strings, without recursion."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotStrict("DUPLICATE_KEY", f"the member {twice!r} occurs twice")
    return found


def _no_float(text: str) -> Any:
    raise NotStrict("FLOAT", f"{text[:40]} is not an integer")


def _small_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > INTEGER_MAX:
        raise NotStrict("BIG_INTEGER", f"{text[:40]} is beyond the integers that all parsers read alike")
    return int(text)


def _unfit(value: Any, place: str) -> str:
    """Return what in ``value`` no report may hold and where, or ""."""
    if isinstance(value, Mapping):
        parts = ((f"{place}.{key}", item) for key, item in value.items())
        return next((found for where, item in parts if (found := _unfit(item, where))), "")
    if isinstance(value, list | tuple):
        numbered = ((f"{place}[{index}]", item) for index, item in enumerate(value))
        return next((found for where, item in numbered if (found := _unfit(item, where))), "")
    if isinstance(value, float):
        return f"the floating point number {value} at {place}"
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return f"an integer beyond 2^53-1 at {place}"
    return "" if value is None or isinstance(value, str | int) else f"a {type(value).__name__} at {place}"
