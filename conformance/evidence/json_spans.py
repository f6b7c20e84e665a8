"""Replacing values inside JSON text without parsing it as a whole: works on malformed and repeated members too.

The time it takes grows with the length of the text alone, whatever a hostile product puts into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

#: A string (an unfinished one reaches to the end of the text), a bracket or a number. The first group tells that a
#: string is finished, the second that a colon follows it, so that it is a name.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:(")(?=(\s*:)?)|\\?\Z)|[{}\[\]]|-?\d[\d.eE+-]*', re.S)
_NAME, _UNFINISHED = 2, None
#: Tells whether everything under a name is secret.
Hides = Callable[[str], bool]
#: Tells whether a value that nothing hides stays as it is, from its name and the text between its quotes, as it
#: stands there. May be False where a closer look finds nothing either.
Stays = Callable[[str, str], bool]
#: Called with the nearest name above a value, whether any name above it hides it, the value's text, and whether that
#: stands so in the JSON text, without escapes.
ReplaceValue = Callable[[str, bool, str, bool], str]


def replace_values(text: str, hides: Hides, stays: Stays, replace: ReplaceValue) -> str:
    """Return ``text`` with each string and number in value position passed through ``replace``, unless it ``stays``.

    What is unchanged keeps its spelling byte for byte. A changed number becomes a string.
    """
    pieces: list[str] = []
    end = 0
    #: For each open bracket, whether a name above it hides what is inside.
    hidden = [False]
    key = ""
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece in "{[":
            hidden.append(hidden[-1] or hides(key))
            key = key if piece == "[" else ""
        elif piece in "}]":
            if len(hidden) > 1:
                hidden.pop()
            key = ""
        elif found.lastindex == _NAME:
            key = _decoded(piece)
        else:
            concealed = hidden[-1] or hides(key)
            string = piece[0] == '"'
            finished = not string or found.lastindex is not _UNFINISHED
            if not concealed and finished and stays(key, piece[1:-1] if string else piece):
                continue
            changed = _value(piece, finished, key, concealed, replace)
            if changed is not piece:
                pieces += (text[end : found.start()], changed)
                end = found.end()
    return "".join(pieces) + text[end:] if pieces else text


def _value(piece: str, finished: bool, key: str, hidden: bool, replace: ReplaceValue) -> str:
    """Return what stands for one value: the very piece where nothing changed."""
    value = _decoded(piece) if finished else piece[1:]
    changed = replace(key, hidden, value, "\\" not in piece)
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
