"""The shape of answers: which bytes are constant, which values are free, and which decide what an answer means.

A value is *free* when it was another one nearly every time, repeats a text of the request, or is an instant: then
every value of the same characters and length fits. All others are *words*: only those that were seen fit, and the
ones seen together decide the state. So a code of success never fits as anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

#: Different values of one member up to which it is one of words.
_WORDS_MAX = 16
#: Shares of different values from which a member is free: three quarters.
_FREE_OF_FOUR = 3
#: A JSON value that is no container. A text is a value only where no colon follows.
_SCALAR = re.compile(
    rb'("(?:[^"\\\x00-\x1f]|\\.)*"(?!\s*:)'
    rb"|(?<![0-9A-Za-z.+-])-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![0-9A-Za-z.+-])"
    rb"|(?<![0-9A-Za-z.+-])(?:true|false|null)(?![0-9A-Za-z.+-]))"
    rb'|"(?:[^"\\\x00-\x1f]|\\.)*"'
)
_TEXT = re.compile(rb'"[ !#-\[\]-~]*"')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_INSTANT = re.compile(rb'"?[0-9][0-9TZ:.+ -]{9,40}"?')
#: What any number looks like, as long as it stays one in JSON.
_ANY_NUMBER = rb"-?(?:0|[1-9][0-9]{0,17})"
_ANY_FRACTION = rb"\.[0-9]{1,9}"


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one answer as they stand in its bytes, and what the driver said that it means.

    ``echoes`` are texts of the request.
    """

    values: tuple[bytes, ...]
    identifier: str
    state: str
    echoes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How answers look, and what they mean.

    ``match`` finds the id in the group ``identifier`` and the deciding words in the groups ``words``; ``state`` is what
    they mean where no word decides, otherwise ``states`` holds it by the words (one alone, or a tuple of several).
    """

    match: Callable[[bytes], re.Match[bytes] | None]
    identifier: int
    words: tuple[int, ...]
    state: str | None
    states: Mapping[bytes | tuple[bytes, ...], str]


def taken_apart(body: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the constant pieces of a JSON text and the values between them; names of members are constant."""
    pieces, values, at = [], [], 0
    for match in _SCALAR.finditer(body):
        if match[1] is None:
            continue
        pieces.append(body[at : match.start()])
        values.append(match[1])
        at = match.end()
    return (*pieces, body[at:]), tuple(values)


def compile_shape(pieces: tuple[bytes, ...], samples: Sequence[Sample]) -> Shape | None:
    """Return the shape of answers, or None where their values do not say what they mean."""
    columns = list(zip(*(sample.values for sample in samples), strict=True))
    identifier = _identifier_at(columns, samples)
    patterns = [_pattern(column, samples) for column in columns]
    if identifier is None or any(pattern is None for pattern in patterns):
        return None
    free = [pattern for pattern in patterns if pattern is not None]
    if not free[identifier].is_free or not columns[identifier][0].startswith(b'"'):
        return None
    deciding = [place for place, item in enumerate(free) if not item.is_free and len(set(columns[place])) > 1]
    states = _states(samples, deciding)
    if states is None:
        return None
    groups = {place: group for group, place in enumerate(sorted([*deciding, identifier]), start=1)}
    return Shape(
        match=re.compile(_joined(pieces, free, groups), re.DOTALL).fullmatch,
        identifier=groups[identifier],
        words=tuple(groups[place] for place in deciding),
        state=None if deciding else samples[0].state,
        states=states,
    )


def _states(samples: Sequence[Sample], deciding: Sequence[int]) -> dict[bytes | tuple[bytes, ...], str] | None:
    """Return the state by the words that stand in an answer, or None where equal words were of several states."""
    states: dict[bytes | tuple[bytes, ...], str] = {}
    for sample in samples:
        words = tuple(sample.values[place] for place in deciding)
        if states.setdefault(words[0] if len(words) == 1 else words, sample.state) != sample.state:
            return None
    return states


@dataclass(frozen=True, slots=True)
class _Pattern:
    form: bytes
    is_free: bool


def _identifier_at(columns: Sequence[tuple[bytes, ...]], samples: Sequence[Sample]) -> int | None:
    """Return which value is the payment's id in every answer."""
    wanted = tuple(f'"{sample.identifier}"'.encode() for sample in samples)
    return next((place for place, column in enumerate(columns) if column == wanted), None)


def _pattern(column: tuple[bytes, ...], samples: Sequence[Sample]) -> _Pattern | None:
    values = set(column)
    if len(values) == 1:
        return _Pattern(re.escape(column[0]), is_free=False)
    if _is_free(column, values, samples):
        form = _free_form(values)
        if form is not None:
            return _Pattern(form, is_free=True)
    if len(values) > _WORDS_MAX:
        return None
    return _Pattern(b"|".join(re.escape(value) for value in sorted(values)), is_free=False)


def _is_free(column: tuple[bytes, ...], values: set[bytes], samples: Sequence[Sample]) -> bool:
    if 4 * len(values) >= _FREE_OF_FOUR * len(column) or all(_INSTANT.fullmatch(value) for value in values):
        return True
    return all(
        value.strip(b'"').decode("utf-8", "replace") in sample.echoes
        for value, sample in zip(column, samples, strict=True)
    )


def _free_form(values: set[bytes]) -> bytes | None:
    """Return a pattern for values like these: of the same type, characters and length."""
    if all(_NUMBER.fullmatch(value) for value in values):
        fractions = {b"." in value for value in values}
        fraction = {frozenset({False}): b"", frozenset({True}): _ANY_FRACTION}
        return _ANY_NUMBER + fraction.get(frozenset(fractions), b"(?:" + _ANY_FRACTION + b")?")
    if not all(_TEXT.fullmatch(value) for value in values):
        return None
    inner = [value[1:-1] for value in values]
    start = _common_start(inner)
    rest = [value[len(start) :] for value in inner]
    lengths = sorted({len(value) for value in rest})
    return b'"%b[%b]{%d,%d}"' % (re.escape(start), b"".join(_classes(rest)), lengths[0], lengths[-1])


def _common_start(values: Sequence[bytes]) -> bytes:
    first, last = min(values), max(values)
    same = next((place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[:same]


def _classes(values: Sequence[bytes]) -> Iterator[bytes]:
    seen = set(b"".join(values))
    for first, last in ((0x30, 0x39), (0x61, 0x7A), (0x41, 0x5A)):
        if any(first <= character <= last for character in seen):
            yield b"%c-%c" % (first, last)
    for character in sorted(seen):
        if not bytes([character]).isalnum():
            yield b"\\" + bytes([character])


def _joined(pieces: tuple[bytes, ...], patterns: Sequence[_Pattern], groups: Mapping[int, int]) -> bytes:
    """Return the whole pattern; values with a group are captured, a text that is free without its quotes."""
    parts = [re.escape(pieces[0])]
    for place, (pattern, piece) in enumerate(zip(patterns, pieces[1:], strict=True)):
        form = pattern.form
        if place in groups:
            form = b'"(' + form[1:-1] + b')"' if pattern.is_free else b"(" + form + b")"
        parts += (form, re.escape(piece))
    return b"".join(parts)
