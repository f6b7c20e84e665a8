"""Telling outcomes: each as soon as its evidence is durable, while the next check already runs.

Waiting for the disk is most of what a short check would cost otherwise. An outcome that was not told when the process
died is not known: its check is run again, as it would have been had the process died a moment earlier.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]


class Teller:
    """Calls ``flush``, then ``emit`` for every outcome given before; after an error nothing more is told.

    One flush serves all outcomes that came while the one before it went on.
    """

    def __init__(self, flush: Callable[[], None], emit: Callable[[Event], None]) -> None:
        self._flush = flush
        self._emit = emit
        self._waiting: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="teller", daemon=True)
        self._thread.start()

    def tell(self, outcome: Event) -> None:
        """Tell an outcome shortly; raises what making earlier evidence durable raised."""
        self._require_sound()
        self._waiting.put(outcome)

    def close(self) -> None:
        """Return when everything is told; raises what making evidence durable raised."""
        self._waiting.put(None)
        self._thread.join()
        self._require_sound()

    def _require_sound(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        more = True
        while more and self._error is None:
            given = self._given()
            more = None not in given
            try:
                self._flush()
                for outcome in filter(None, given):
                    self._emit(outcome)
            except BaseException as error:  # noqa: BLE001 - raised where the next outcome is given, or at the end
                self._error = error

    def _given(self) -> list[Event | None]:
        """Wait for an outcome, or for the end, and return all that have come."""
        found = [self._waiting.get()]
        while not self._waiting.empty():
            found.append(self._waiting.get())
        return found
