"""Secrets that the harness knows by value, found again under the encodings in which they travel."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

#: What stands where a secret stood.
REDACTED = "[redacted]"
#: Shorter values are not searched for: they would occur everywhere by chance.
SECRET_LENGTH_MIN = 6


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


class KnownSecrets:
    """A growing set of secret values. Safe to use from several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._needles: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more value; one shorter than :data:`SECRET_LENGTH_MIN` is left to the rules by name."""
        if len(secret) < SECRET_LENGTH_MIN:
            return
        with self._lock:
            fresh = {item for item in spellings(secret) if len(item) >= SECRET_LENGTH_MIN} - self._needles
            if fresh:
                self._needles |= fresh
                longest_first = sorted(self._needles, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def removed_from(self, text: str) -> str:
        """Return ``text`` without any known secret in any spelling."""
        pattern = self._pattern
        return pattern.sub(REDACTED, text) if pattern else text

    def found_in(self, text: str) -> bool:
        """Tell whether any known secret occurs in ``text`` in any spelling."""
        pattern = self._pattern
        return bool(pattern and pattern.search(text))
