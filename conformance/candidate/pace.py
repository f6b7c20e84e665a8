"""Pace: no more requests per second than the candidate file allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets requests through at ``per_second`` at most; short bursts of up to a second's worth are allowed."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rate = max(1, per_second)
        self._credit = float(self._rate)
        self._at = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        delay = self.take()
        if delay > 0:
            time.sleep(delay)

    def take(self) -> float:
        """Book the next request and return how many seconds it has to wait."""
        with self._lock:
            now = self._clock()
            self._credit = min(float(self._rate), self._credit + (now - self._at) * self._rate)
            self._at = now
            self._credit -= 1.0
            return max(0.0, -self._credit / self._rate)
