"""Text from a product under test is hostile: what could act on a reader's screen is made visible instead."""

from __future__ import annotations

import re

#: Control characters (but tab and newline), directional overrides and other characters that hide or reorder text,
#: lone surrogates, and code points that XML 1.0 does not allow.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def visible(value: object) -> str:
    """Return ``value`` as text in which every hidden or acting character is written as an escape, like ``\\x1b``.

    Newlines and tabs stay; a carriage return before a newline is dropped, since HTTP bodies are full of them.
    """
    text = str(value).replace("\r\n", "\n")
    return _UNSEEN.sub(_escape, text)


def one_line(value: object) -> str:
    """Return :func:`visible` text on a single line."""
    return " ".join(visible(value).split())


def _escape(match: re.Match[str]) -> str:
    point = ord(match.group())
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
