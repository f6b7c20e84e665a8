"""Writing TOML for people: values on one line, a comment behind them, nothing that needs another escape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A comment that makes a line longer than this goes above it.
COMMENT_MAX = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A key with its value, or one that is only proposed (``off``) or to be filled in (``asked``), with a comment."""

    key: str
    value: Any
    comment: str = ""
    off: bool = False
    asked: bool = False

    def text(self) -> str:
        """Return the line as it stands in the file."""
        mark = "# ? " if self.asked else "# " if self.off else ""
        made = f"{mark}{key(self.key)} = {value(self.value)}"
        notes = [one_line(note) for note in self.comment.split("\n") if note]
        if len(notes) == 1 and len(made) + len(notes[0]) <= COMMENT_MAX:
            return f"{made}  # {notes[0]}"
        return "\n".join([*(f"# {note}" for note in notes), made])


@dataclass(slots=True)
class Section:
    """A table with its lines, under comments."""

    header: str
    lines: list[Line] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    off: bool = False

    def text(self) -> str:
        """Return the section as it stands in the file."""
        above = [f"# {one_line(text)}" for text in self.comments]
        mark = "# " if self.off else ""
        lines = [line.text() for line in self.lines]
        lines = [part for line in lines for part in line.split("\n")]
        return "\n".join([*above, f"{mark}[{self.header}]", *(mark + line if self.off else line for line in lines)])


def key(name: str) -> str:
    """Return a key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else string(name)


def string(text: str) -> str:
    """Return a basic string; TOML's escapes are JSON's, but DEL must be escaped too."""
    escaped = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
    # Lone surrogates, which JSON documents may hold, cannot stand in a file.
    return escaped.encode("utf-8", "replace").decode("utf-8")


def value(item: Any) -> str:
    """Return a value on one line; null, which TOML does not have, becomes empty text."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, Mapping):
        inner = ", ".join(f"{key(str(name))} = {value(part)}" for name, part in item.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(item, list | tuple):
        return "[" + ", ".join(value(part) for part in item) + "]"
    if isinstance(item, int | float):
        return repr(item)
    return string("" if item is None else str(item))


def one_line(text: str, limit: int = 200) -> str:
    """Return text that is safe in a comment: one line without control characters, and short."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    joined = " ".join(plain.encode("utf-8", "replace").decode("utf-8").split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"
