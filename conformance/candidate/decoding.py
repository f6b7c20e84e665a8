"""Content codings, decoded piece by piece under a size limit: a bomb is cut off, not unpacked."""

from __future__ import annotations

import zlib
from typing import Any

#: What the harness asks for.
ACCEPTED = "gzip, deflate"


class TooLarge(Exception):
    """More came, or came out of decompression, than the limit allows."""


class Undecodable(Exception):
    """The body is not in the coding that its header names."""


class Body:
    """Collects a body up to ``limit`` bytes, before and after decoding."""

    def __init__(self, coding: str, limit: int) -> None:
        self._limit = limit
        self._seen = 0
        self._decoder: Any = _decoder(coding.strip().lower())
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire; raises TooLarge or Undecodable."""
        self._seen += len(data)
        if self._seen > self._limit:
            self._keep(data[: max(0, self._limit - self._size)])
            raise TooLarge(f"more than {self._limit} bytes")
        if self._decoder is None:
            self._keep(data)
            return
        self._inflate(data)

    def value(self) -> bytes:
        """Return what was collected so far."""
        return b"".join(self._parts)

    def _inflate(self, data: bytes) -> None:
        try:
            out = self._decoder.decompress(data, self._limit - self._size + 1)
        except zlib.error as error:
            raise Undecodable(str(error)) from error
        self._keep(out[: self._limit - self._size])
        if len(out) and self._size >= self._limit:
            raise TooLarge(f"unpacks to more than {self._limit} bytes")

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)


def _decoder(coding: str) -> Any:
    match coding:
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
        case _:
            return None
