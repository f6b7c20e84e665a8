"""How far two clocks are apart, from questions and answers: half the way there, half the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One question: asked and heard by our clock, answered by theirs; nanoseconds since 1970."""

    asked_ns: int
    there_ns: int
    heard_ns: int

    @property
    def offset_ns(self) -> int:
        """How far their clock is ahead of ours."""
        return self.there_ns - (self.asked_ns + self.heard_ns) // 2

    @property
    def error_ns(self) -> int:
        """By how much the offset may be wrong: the answer came from some moment between asking and hearing."""
        return (self.heard_ns - self.asked_ns) // 2


def best(readings: Iterable[Reading | None]) -> Reading | None:
    """Return the reading that can be wrong by the least; None where there is none."""
    return min((reading for reading in readings if reading is not None), key=lambda item: item.error_ns, default=None)
