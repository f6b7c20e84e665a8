"""Replacing values inside JSON text without parsing it as a whole: works on malformed and repeated members too.

The time it takes grows with the length of the text alone, whatever a hostile product puts into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

#: A string (an unfinished one reaches to the end of the text), a bracket or a number.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\]]|-?\d[\d.eE+-]*', re.S)
_FINISHED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.S)
_COLON = re.compile(r"\s*:")
#: Tells whether everything under a name is secret.
Hides = Callable[[str], bool]
#: Called with the nearest name above a value, whether any name above it hides it, and the value's text.
ReplaceValue = Callable[[str, bool, str], str]


def replace_values(text: str, hides: Hides, replace: ReplaceValue) -> str:
    """Return ``text`` with each string and number in value position passed through ``replace``.

    What is unchanged keeps its spelling byte for byte. A changed number becomes a string.
    """
    walk = _Walk(hides, replace)
    pieces: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        pieces += (text[end : found.start()], walk.step(found[0], bool(_COLON.match(text, found.end()))))
        end = found.end()
    return "".join(pieces) + text[end:]


class _Walk:
    def __init__(self, hides: Hides, replace: ReplaceValue) -> None:
        self._hides = hides
        self._replace = replace
        #: For each open bracket, whether a name above it hides what is inside.
        self._hidden = [False]
        self._key = ""

    def step(self, piece: str, is_name: bool) -> str:
        """Return what stands for one token."""
        if piece in "{[":
            self._hidden.append(self._hidden[-1] or self._hides(self._key))
            self._key = self._key if piece == "[" else ""
            return piece
        if piece in "}]":
            if len(self._hidden) > 1:
                self._hidden.pop()
            self._key = ""
            return piece
        if is_name and piece[0] == '"':
            self._key = _decoded(piece)
            return piece
        return self._value(piece)

    def _value(self, piece: str) -> str:
        finished = piece[0] != '"' or bool(_FINISHED.fullmatch(piece))
        value = _decoded(piece) if finished else piece[1:]
        changed = self._replace(self._key, self._hidden[-1] or self._hides(self._key), value)
        if changed == value:
            return piece
        return _encoded(changed) if finished else _encoded(changed)[:-1]


def _encoded(value: str) -> str:
    readable = value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return json.dumps(value, ensure_ascii=not readable)


def _decoded(token: str) -> str:
    if token[0] != '"':
        return token
    if "\\" not in token:
        return token[1:-1]
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1]
