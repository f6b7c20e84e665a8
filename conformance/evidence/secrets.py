"""Secrets that the harness knows by value, found again under the encodings in which they travel."""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Hashable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import ahocorasick

#: What stands where a secret stood.
REDACTED = "[redacted]"
#: Shorter values are not searched for: they would occur everywhere by chance.
SECRET_LENGTH_MIN = 6
#: Before a text of this length is searched, all automata become one: passing over it once pays for that.
_LONG = 200_000
#: How much is remembered, in characters or bytes.
REMEMBERED_MAX = 8 * 1024 * 1024


def spellings(secret: str) -> Iterator[str]:
    """Yield ``secret`` as it looks plain, percent-encoded, in JSON, HTML and hex, and inside any Base64 text."""
    data = secret.encode("utf-8")
    yield secret
    yield quote(secret, safe="")
    yield quote(secret, safe="").lower() if "%" in quote(secret, safe="") else secret
    yield quote_plus(secret)
    yield quote(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield html.escape(secret)
    yield data.hex()
    yield data.hex().upper()
    yield data.decode("latin-1")
    for offset in range(3):
        yield from _inside_base64(data, offset)


def _inside_base64(data: bytes, offset: int) -> Iterator[str]:
    """Yield the characters that ``data`` alone decides when it begins ``offset`` bytes into a group of three."""
    encoded = base64.b64encode(b"\0" * offset + data)
    first = (offset * 8 + 5) // 6
    end = (offset + len(data)) * 8 // 6
    core = encoded[first:end].decode("ascii")
    yield core
    yield core.replace("+", "-").replace("/", "_")


class Remembered:
    """Results by what they follow from, of at most :data:`REMEMBERED_MAX` characters or bytes together."""

    def __init__(self) -> None:
        self._results: dict[Hashable, Any] = {}
        self._size = 0
        #: Returns the result kept for a key, or None.
        self.get = self._results.get

    def keep(self, key: Hashable, result: Any, size: int) -> None:
        """Keep a result; with too many, all earlier ones are forgotten."""
        if size > REMEMBERED_MAX // 8:
            return
        self._size += size
        if self._size > REMEMBERED_MAX:
            self._results.clear()
            self._size = size
        self._results[key] = result


class KnownSecrets:
    """A growing set of secret values. Safe to use from several threads.

    Searching takes a time proportional to the text alone, however many secrets there are: tokens come by the hundred.
    The spellings are kept in automata of falling size; the small ones are merged as they come, so that knowing one
    more secret does not build everything anew.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._needles: set[str] = set()
        self._automata: tuple[ahocorasick.Automaton, ...] = ()
        #: What was worked out with the secrets known so far; see :attr:`remembered`.
        self._remembered = Remembered()
        self._learn(secrets)

    @property
    def remembered(self) -> Remembered:
        """What holds as long as no further secret is known. Take it *before* working out what is to be kept in it."""
        return self._remembered

    def add(self, *secrets: str) -> None:
        """Know more values; one shorter than :data:`SECRET_LENGTH_MIN` is left to the rules by name."""
        self._learn(secrets)

    def removed_from(self, text: str) -> str:
        """Return ``text`` without any known secret in any spelling."""
        spans = self._spans(text)
        if not spans:
            return text
        pieces: list[str] = []
        end = 0
        for start, stop in _united(spans):
            pieces += (text[end:start], REDACTED)
            end = stop
        return "".join(pieces) + text[end:]

    def found_in(self, text: str) -> bool:
        """Tell whether any known secret occurs in ``text`` in any spelling."""
        return any(True for automaton in self._automata for _ in automaton.iter(text))

    def _learn(self, secrets: Iterable[str]) -> None:
        with self._lock:
            long_enough = (secret for secret in secrets if len(secret) >= SECRET_LENGTH_MIN)
            fresh = {item for secret in long_enough for item in spellings(secret) if len(item) >= SECRET_LENGTH_MIN}
            fresh -= self._needles
            if fresh:
                self._needles |= fresh
                self._automata = _merged(self._automata, fresh)
                # Only now: what somebody still works out without the new secret is kept where nobody looks any more.
                self._remembered = Remembered()

    def _spans(self, text: str) -> list[tuple[int, int]]:
        if len(text) >= _LONG and len(self._automata) > 1:
            with self._lock:
                self._automata = _merged((), self._needles)
        return [(last + 1 - length, last + 1) for automaton in self._automata for last, length in automaton.iter(text)]


def _merged(automata: tuple[ahocorasick.Automaton, ...], words: set[str]) -> tuple[ahocorasick.Automaton, ...]:
    """Return the automata with ``words`` known too: one more, which swallows those that are not much larger."""
    kept = list(automata)
    while kept and len(kept[-1]) <= 2 * len(words):
        words = words | set(kept.pop().keys())
    made = ahocorasick.Automaton()
    for word in words:
        made.add_word(word, len(word))
    made.make_automaton()
    return (*kept, made)


def _united(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans from left to right, those that overlap as one."""
    spans.sort()
    start, stop = spans[0]
    for following, end in spans[1:]:
        if following >= stop:
            yield start, stop
            start = following
        stop = max(stop, end)
    yield start, stop
