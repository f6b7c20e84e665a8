"""Words of commands: what the harness printed, read into text and variables, and quoted again for a script."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text that stands for itself, or the name of a variable."""

    text: str
    variable: bool = False


Word = list[Piece]


def words(command: str) -> list[Word]:
    """Return the words of a command as the harness writes it: bare, in single or in double quotes."""
    found: list[Word] = [[]]
    position, quote = 0, ""
    while position < len(command):
        char = command[position]
        variable = _VARIABLE.match(command, position) if quote != "'" else None
        if variable:
            found[-1].append(Piece(variable[1], True))
            position = variable.end()
            continue
        if quote == '"' and char == "\\" and command[position + 1 : position + 2] in ('"', "\\", "$", "`"):
            position += 1
            found[-1].append(Piece(command[position]))
        elif quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char == " ":
            found.append([])
        else:
            found[-1].append(Piece(char))
        position += 1
    return [joined(word) for word in found if word]


def joined(word: Word) -> Word:
    """Join neighbouring pieces of text."""
    made: Word = []
    for piece in word:
        if made and not piece.variable and not made[-1].variable:
            made[-1] = Piece(made[-1].text + piece.text)
        else:
            made.append(piece)
    return made


def quoted(word: Word) -> str:
    """Return a word as it stands in a script: text in single quotes, variables in double quotes."""
    return "".join(f'"${{{p.text}}}"' if p.variable else single(p.text) for p in word) or "''"


def single(text: str) -> str:
    """Return text as one word of a script."""
    return shlex.quote(text)


def replaced(word: Word, value: str, by: list[Piece]) -> Word:
    """Return a word with ``by`` wherever it held ``value``."""
    made: Word = []
    for piece in word:
        if piece.variable or value not in piece.text:
            made.append(piece)
            continue
        parts = piece.text.split(value)
        for index, part in enumerate(parts):
            made += ([*by] if index else []) + ([Piece(part)] if part else [])
    return joined(made)


def formatted(word: Word) -> str:
    """Return the arguments of a printf whose format is ``word``: no value of a variable is taken for a format."""
    form = "".join("%s" if piece.variable else piece.text for piece in word)
    return " ".join([single(form), *(f'"${{{piece.text}}}"' for piece in word if piece.variable)])
