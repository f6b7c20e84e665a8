"""Replacing values inside JSON text without parsing it as a whole: works on malformed and repeated members too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|-?\d[\d.eE+-]*', re.S)
_COLON = re.compile(r"\s*:")
#: Called with the names above a value, outermost first, and the value's text; returns what stands in its place.
ReplaceValue = Callable[[tuple[str, ...], str], str]


def replace_values(text: str, replace: ReplaceValue) -> str:
    """Return ``text`` with each string and number in value position passed through ``replace``.

    What is unchanged keeps its spelling byte for byte. A changed number becomes a string.
    """
    walk = _Walk(replace)
    pieces: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        pieces += (text[end : found.start()], walk.step(found[0], bool(_COLON.match(text, found.end()))))
        end = found.end()
    return "".join(pieces) + text[end:]


class _Walk:
    def __init__(self, replace: ReplaceValue) -> None:
        self._replace = replace
        self._above: list[tuple[str, ...]] = []
        self._path: tuple[str, ...] = ()
        self._key = ""

    def step(self, piece: str, is_name: bool) -> str:
        """Return what stands for one token."""
        if piece in "{[":
            self._above.append(self._path)
            self._path = (*self._path, self._key)
            self._key = self._key if piece == "[" else ""
            return piece
        if piece in "}]":
            self._path = self._above.pop() if self._above else ()
            self._key = ""
            return piece
        if is_name and piece[0] == '"':
            self._key = _decoded(piece)
            return piece
        return self._value(piece)

    def _value(self, token: str) -> str:
        value = _decoded(token)
        changed = self._replace((*self._path, self._key), value)
        return token if changed == value else _encoded(changed)


def _encoded(value: str) -> str:
    readable = value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return json.dumps(value, ensure_ascii=not readable)


def _decoded(token: str) -> str:
    if token[0] != '"':
        return token
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1]
