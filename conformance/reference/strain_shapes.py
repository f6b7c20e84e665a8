"""Faults that only some shapes of load bring out: a burst, a ramp, a long run, payers who arrive together."""

from __future__ import annotations

import time
from collections import deque

from conformance.reference.board import Board
from conformance.sdk.reference import Problem

#: Fault load.decay: every payment of the run makes the next one slower by this, in seconds.
_DECAY_S = 0.012
#: Fault load.cliff: from this many payments within a second on, nothing works until it is quieter.
_CLIFF_PER_S = 50
#: Fault load.bunched: payments that come closer together than this, in seconds, are turned away.
_BUNCH_S = 0.004


class Arrivals:
    """When payments arrived lately, as faults look at it."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_CLIFF_PER_S)
        self._made = 0

    def note(self, faults: Board, reference: str) -> float:
        """Note a payment and return how long it is held up; raises Problem(503) where a fault turns it away."""
        if not reference.startswith("load"):
            return 0.0
        now = time.monotonic()
        before = self._times[-1] if self._times else now - 60
        self._times.append(now)
        if faults.on("load.bunched") and now - before < _BUNCH_S:
            raise Problem(503, "overloaded", "Two payments at once are too many.")
        if faults.on("load.cliff") and len(self._times) == _CLIFF_PER_S and now - self._times[0] < 1.0:
            raise Problem(503, "overloaded", "The service is overloaded.")
        self._made = self._made + 1 if faults.on("load.decay") else 0
        return self._made * _DECAY_S
