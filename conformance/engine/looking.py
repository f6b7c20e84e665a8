"""Showing exchanges to observers beside the checks: while one waits for an answer, the one before it is looked at.

Observers read every byte of a run. Read in line, that would be a tenth of what the checks themselves cost; the next
request does not depend on it. So a thread shows them what was recorded, in its order, until a check asks for what an
observer has seen: from then on each exchange is shown before :meth:`Looking.show` returns.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable

from conformance.sdk.drivers import Sighting
from conformance.sdk.observe import Observer

#: When more bytes than this wait to be looked at, recording waits too.
_AHEAD_MAX = 32 * 1024 * 1024
#: How long exchanges may gather, in seconds: by then the check most likely waits for its next answer.
_GATHERING_S = 0.001


class Looking:
    """Shows exchanges to observers. One thread at a time may call it; observers are never called twice at once."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        #: Why observing ended early; no observer may then claim to have seen the run.
        self.error: Exception | None = None
        #: Exchanges to be looked at, and whom to tell that everything before was.
        self._waiting: queue.SimpleQueue[tuple[int, str, Sighting] | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._caught_up = False
        self._ahead = 0

    def add(self, observers: Iterable[Observer]) -> None:
        """Show everything that comes from now on to these observers too."""
        self._observers += observers

    def show(self, seq: int, check: str, sighting: Sighting) -> None:
        """Show one exchange: shortly, or at once when somebody has caught up."""
        if not self._observers:
            return
        if self._caught_up:
            self._look(seq, check, sighting)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="observer", daemon=True)
            self._thread.start()
        self._waiting.put((seq, check, sighting))
        self._ahead += _size(sighting)
        if self._ahead > _AHEAD_MAX:
            self._settle()

    def catch_up(self) -> None:
        """Return when everything was looked at; what comes from now on is looked at at once."""
        self._settle()
        self._caught_up = True

    def _settle(self) -> None:
        """Wait until everything was looked at."""
        if self._thread is not None and not self._caught_up:
            looked = threading.Event()
            self._waiting.put(looked)
            looked.wait()
            self._ahead = 0

    def _work(self) -> None:
        while True:
            item = self._waiting.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            if self._waiting.empty():
                time.sleep(_GATHERING_S)
            self._look(*item)

    def _look(self, seq: int, check: str, sighting: Sighting) -> None:
        try:
            for observer in self._observers:
                observer.see(seq, check, sighting)
        except Exception as error:  # noqa: BLE001 - an observer's defect is told where its findings are asked for
            self.error, self._observers = error, []


def _size(sighting: Sighting) -> int:
    return len(sighting.request.body) + (len(sighting.response.body) if sighting.response else 0)
