"""Variables named after who holds them: where a request names the same holder."""

from __future__ import annotations

import re


def names(text: str, holder: str) -> bool:
    """Tell whether ``text`` names ``holder``, who is written in capitals, as a word and in whatever letters."""
    return re.search(rf"(?<![A-Z0-9]){re.escape(holder)}(?![A-Z0-9])", text.upper()) is not None
