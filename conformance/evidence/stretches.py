"""Text between quotation marks: what can only stand there is looked for only there, and only where it may be."""

from __future__ import annotations

import re
from collections.abc import Callable


def redo_stretches(text: str, sign: re.Pattern[str], redo: Callable[[str], str]) -> str:
    """Return ``text`` with ``redo`` applied to each stretch between two quotation marks that holds a ``sign``.

    The same as ``redo(text)`` for what never goes beyond a quotation mark, and much faster in a large JSON text.
    """
    pieces: list[str] = []
    end = 0
    for found in sign.finditer(text):
        if found.end() <= end:
            continue
        start = text.rfind('"', end, found.start()) + 1 or end
        stop = text.find('"', found.end())
        stop = len(text) if stop < 0 else stop
        pieces += (text[end:start], redo(text[start:stop]))
        end = stop
    return "".join(pieces) + text[end:] if pieces else text
