"""Recorders of a check process: one that also notes what the running check did, and one that keeps nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable

from conformance.engine.givers import Givers
from conformance.engine.judge import Traces
from conformance.engine.looking import Looking
from conformance.sdk.drivers import Recorder, Sighting
from conformance.sdk.observe import Observer


class TracingRecorder:
    """Passes sightings on, notes their numbers for the check that runs, and shows them to observers.

    ``earlier``: exchanges that other processes of the run had recorded before. Threads of a check share it.
    """

    def __init__(self, inner: Recorder, earlier: int = 0) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._looking = Looking()
        self._givers = Givers()
        self._learnt = False
        self.earlier = earlier
        self.run = inner.run
        self.traces = Traces(givers=self._givers)

    @property
    def check(self) -> str:
        """The check that exchanges are credited to."""
        return self._inner.check

    @check.setter
    def check(self, name: str) -> None:
        self._inner.check = name

    def add_secret(self, value: str) -> None:
        """Tell the journal's redactor of one more secret, for example a token just fetched."""
        self._learnt = True
        learn = getattr(self._inner, "add_secret", None)
        if learn is not None:
            learn(value)

    def show_to(self, observers: Iterable[Observer]) -> None:
        """Show everything that is recorded from now on to these observers too."""
        self._looking.add(observers)

    def catch_up(self) -> None:
        """Return when observers have seen everything so far; they see what follows as soon as it is recorded."""
        with self._lock:
            self._looking.catch_up()

    @property
    def blinded(self) -> Exception | None:
        """Why observing ended early; no observer may then claim to have seen the run."""
        return self._looking.error

    def start(self, check: str) -> None:
        """Begin noting for a check."""
        self.check = check
        self.traces = Traces(givers=self._givers)

    def resume(self, check: str, traces: Traces) -> None:
        """Go on noting for a check that paused."""
        traces.interrupt()
        self.check = check
        self.traces = traces

    def record(self, sighting: Sighting) -> int:
        """Append one exchange and return its sequence number."""
        with self._lock:
            seq = self._inner.record(sighting)
            self.traces.add(seq, sighting.command)
            if self._learnt:
                self._givers.keep(seq, sighting)
                self._learnt = False
            self._looking.show(seq, self.check, sighting)
            return seq


class NullRecorder:
    """Counts exchanges and keeps none: for plans, preflights and calibration trials."""

    def __init__(self, run: str = "trial", on_record: Callable[[Sighting], None] | None = None) -> None:
        self.check = ""
        self.run = run
        self._numbers = itertools.count(1)
        self._on_record = on_record

    def record(self, sighting: Sighting) -> int:
        """Return the next number."""
        if self._on_record:
            self._on_record(sighting)
        return next(self._numbers)
