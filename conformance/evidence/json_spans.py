"""Replacing values inside JSON text without parsing it as a whole: works on malformed and repeated members too.

The time it takes grows with the length of the text alone, whatever a hostile product puts into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import IntEnum

#: A string (an unfinished one reaches to the end of the text), a bracket or a number. The first group tells that a
#: string is finished, the second that a colon follows it, so that it is a name.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:(")(?=(\s*:)?)|\\?\Z)|[{}\[\]]|-?\d[\d.eE+-]*', re.S)
_FINISHED, _NAME = 1, 2


class Treatment(IntEnum):
    """How values under a name are treated: as any, one by one whatever they look like, or as secrets all of them."""

    OPEN = 0
    GUARDED = 1
    HIDDEN = 2


#: Tells how values under a name are treated.
Treat = Callable[[str], Treatment]
#: Tells of a value under an open name, as it is spelled, that it stays as it is. False means that it must be looked at.
Stays = Callable[[str], bool]
#: Called with the nearest name above a value, whether any name above it hides it, the value's text, and whether that
#: stands so in the JSON text, without escapes.
ReplaceValue = Callable[[str, bool, str, bool], str]


def replace_values(text: str, treat: Treat, stays: Stays, replace: ReplaceValue) -> str:
    """Return ``text`` with each string and number in value position passed through ``replace``, unless it ``stays``.

    What is unchanged keeps its spelling byte for byte. A changed number becomes a string.
    """
    pieces: list[str] = []
    end = 0
    #: For each open bracket, whether a name above it hides what is inside.
    hidden = [False]
    #: Names come again and again: each as it is spelled, with what it says and how its values are treated.
    names: dict[str, tuple[str, Treatment]] = {}
    nameless = ("", treat(""))
    key, treatment = nameless
    for found in _TOKEN.finditer(text):
        piece, kind = found[0], found.lastindex
        if kind == _NAME:
            if piece not in names:
                names[piece] = (name := _decoded(piece)), treat(name)
            key, treatment = names[piece]
        elif piece in "{[":
            hidden.append(hidden[-1] or treatment is Treatment.HIDDEN)
            key, treatment = (key, treatment) if piece == "[" else nameless
        elif piece in "}]":
            if len(hidden) > 1:
                hidden.pop()
            key, treatment = nameless
        else:
            number = piece[0] != '"'
            if not treatment and not hidden[-1] and (kind or number) and stays(piece if number else piece[1:-1]):
                continue
            concealed = hidden[-1] or treatment is Treatment.HIDDEN
            changed = _value(piece, number or kind == _FINISHED, key, concealed, replace)
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
