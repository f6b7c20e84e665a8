"""Pauses: how a check waits for the product's clock without holding up the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait that a check asks for. ``seconds`` of real time; ``why`` completes "waiting until …"."""

    seconds: float
    why: str = ""


def pause(seconds: float, why: str = "") -> Pause:
    """Return a pause for a check to yield: ``yield pause(61, "the code has expired")``.

    A check that waits is a generator: the harness runs other checks meanwhile and goes on with it when the time has
    come, with its evidence as it was. Its declared deadline includes its pauses. Raises ValueError for a negative time.
    """
    if seconds < 0:
        raise ValueError(f"a pause of {seconds} s lies in the past")
    return Pause(seconds, why)
