"""One check while it runs, step by step where it pauses, under one deadline counted in wall-clock time."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conformance.engine.judge import DeadlineExceeded, Traces
from conformance.sdk.evidence import Evidence
from conformance.sdk.findings import Inconclusive
from conformance.sdk.pause import Pause


class Running:
    """A check that has begun. ``due`` is when it goes on (monotonic seconds), ``used_s`` the time it has had."""

    def __init__(self, check: str, evidence: Evidence, traces: Traces, deadline_s: int) -> None:
        self.check = check
        self.evidence = evidence
        self.traces = traces
        self.due = 0.0
        self.used_s = 0.0
        self._deadline_s = deadline_s
        self._steps: Iterator[Pause] | None = None

    def begin(self, function: Callable[..., Iterator[Pause] | None], arguments: Mapping[str, Any]) -> bool:
        """Call the check; return whether it paused. Raises what the check raises, or DeadlineExceeded."""
        with self._bounded():
            self._steps = function(**arguments)
        return self._steps is not None and self.proceed()

    def hold(self, function: Callable[..., Iterator[Pause] | None], arguments: Mapping[str, Any]) -> None:
        """Call the check only when it is asked to proceed, after everything that is due at some time."""

        def later() -> Iterator[Pause]:
            yield from function(**arguments) or ()

        self._steps, self.due = later(), math.inf

    def proceed(self) -> bool:
        """Go on to the next pause or to the end; return whether it paused."""
        if self._steps is None:
            return False
        with self._bounded():
            pause = next(self._steps, None)
        if pause is None:
            return False
        self._postpone(pause)
        return True

    def wait(self) -> None:
        """Wait until it is due, where it is due at some time. Nothing else is left to do meanwhile."""
        while math.isfinite(self.due) and (left := self.due - time.monotonic()) > 0:
            time.sleep(left)

    def _postpone(self, pause: Pause) -> None:
        if self.used_s + pause.seconds >= self._deadline_s:
            message = f"the check would wait {pause.seconds:g} s, which its declared {self._deadline_s} s do not leave"
            raise Inconclusive(message, blame="HARNESS")
        self.used_s += pause.seconds
        self.due = time.monotonic() + pause.seconds

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        def expired(_signal: int, _frame: object) -> None:
            raise DeadlineExceeded(f"{self._deadline_s} s")

        began = time.monotonic()
        previous = signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, self._deadline_s - self.used_s))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            self.used_s += time.monotonic() - began
