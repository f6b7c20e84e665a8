"""Vectors of the TLS presentation language (RFC 8446 3), read without ever trusting a length."""

from __future__ import annotations

import struct
from collections.abc import Iterable


class Malformed(ValueError):
    """Bytes that are not what they claim to be."""


class Reader:
    """A cursor over bytes; every step raises :class:`Malformed` when there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size > len(self._data) - self._place:
            raise Malformed(f"{size} bytes wanted, {len(self._data) - self._place} there")
        found = self._data[self._place : self._place + size]
        self._place += size
        return found

    def number(self, size: int) -> int:
        """Return an unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return a vector whose length stands before it in ``size`` bytes."""
        return self.take(self.number(size))

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._data) - self._place)

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._data)


def vector(data: bytes, size: int) -> bytes:
    """Return ``data`` behind its length in ``size`` bytes."""
    return len(data).to_bytes(size, "big") + data


def numbers(values: Iterable[int]) -> bytes:
    """Return 16-bit integers one after the other."""
    return b"".join(struct.pack(">H", value) for value in values)
