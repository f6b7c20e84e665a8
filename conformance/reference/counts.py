"""Counts that outlive the bank: kept in a file that is mapped into memory, so that no kill can take them back."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

_NAME_SIZE = 48
_SLOTS = 256
_SLOT_SIZE = _NAME_SIZE + 8


class Counts:
    """Non-negative numbers by name (at most 48 bytes of ASCII). Without a path they live in memory alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._map = _mapped(path)
        self._view = memoryview(self._map)
        self._at: dict[str, memoryview] = {}
        for slot in range(_SLOTS):
            name = bytes(self._map[slot * _SLOT_SIZE : slot * _SLOT_SIZE + _NAME_SIZE]).rstrip(b"\0").decode("ascii")
            if not name:
                break
            self._at[name] = self._number(slot)

    def add(self, name: str, number: int = 1) -> int:
        """Add to a count and return it."""
        place = self._place(name)
        place[0] += number
        return place[0]

    def get(self, name: str) -> int:
        """Return a count, 0 for one that was never made."""
        return self._at[name][0] if name in self._at else 0

    def set(self, name: str, number: int) -> None:
        """Set a count."""
        self._place(name)[0] = number

    def items(self) -> Iterator[tuple[str, int]]:
        """Return all counts that are not 0."""
        return ((name, place[0]) for name, place in self._at.items() if place[0])

    def clear(self) -> None:
        """Set every count to 0."""
        for place in self._at.values():
            place[0] = 0

    def _place(self, name: str) -> memoryview:
        if name not in self._at:
            slot = len(self._at)
            if slot == _SLOTS or not 0 < len(name) <= _NAME_SIZE:
                raise ValueError(f"no room for a count named {name!r}")
            self._map[slot * _SLOT_SIZE : slot * _SLOT_SIZE + len(name)] = name.encode("ascii")
            self._at[name] = self._number(slot)
        return self._at[name]

    def _number(self, slot: int) -> memoryview:
        start = slot * _SLOT_SIZE + _NAME_SIZE
        return self._view[start : start + 8].cast("Q")


def _mapped(path: Path | None) -> mmap.mmap:
    size = _SLOTS * _SLOT_SIZE
    if path is None:
        return mmap.mmap(-1, size)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(file, size)
        return mmap.mmap(file, size)
    finally:
        os.close(file)
