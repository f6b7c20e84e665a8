"""Recording beside a process: it numbers what it saw and goes on, another redacts, hashes and writes meanwhile.

```
check process                                     recorder process
record ─► number ─► list ─► sending thread ─ pipe ─► redact ─► journal
flush  ─────────────────►   … and waits    ─ pipe ─► to disk ─► answer
```

The thread that sends is never the one that records: a deadline may interrupt that one anywhere, also in the middle of
a frame. It begins a moment after it was woken: by then the other most likely waits for an answer, and neither keeps the
interpreter from the other.
"""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any, Self

from conformance.evidence.channel import CLOSE, FLUSH, OPEN, RECORD, RecorderProcess
from conformance.evidence.redact import Redactor
from conformance.evidence.sidecar import run_key
from conformance.sdk.drivers import Sighting, WireMessage

#: When more than this was recorded since the last flush, in bytes, recording waits for the recorder process.
_AHEAD_MAX = 32 * 1024 * 1024
#: How long the sending thread lets records gather, in seconds.
_GATHERING_S = 0.001
#: What an exchange counts for beside its bodies, in bytes.
_SMALL = 1024


class _Order:
    """FLUSH or CLOSE, and whether it was answered, by an error too."""

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.answered = threading.Event()


class RecorderBeside:
    """Does what :class:`conformance.evidence.recorder.EvidenceRecorder` does, by a process beside this one.

    Safe to use from several threads. What goes wrong there (RunInUse, a full disk, its death) is raised here as
    HarnessError: by :meth:`flush` at once, by :meth:`record` as soon as it is known.
    """

    def __init__(
        self, process: RecorderProcess, run_dir: Path, run: str, *, attempt: int = 1, patience_s: float = 0.0
    ) -> None:
        self._redactor = Redactor(run_key(run_dir))
        self._process = process
        self._first_seq: int = process.ask(OPEN, str(run_dir), run, attempt, patience_s)
        self.run = run
        #: The check that exchanges are credited to.
        self.check = ""
        self._mutex = threading.RLock()
        #: What was recorded, None once it is sent. Numbers follow from its length alone, whatever interrupts.
        self._given: list[tuple[str, list[str], Sighting] | None] = []
        self._sent = 0
        self._ahead = 0
        self._learnt: list[str] = []
        self._learnt_there = self._learnt_here = 0
        self._error: Exception | None = None
        #: Whether the sending thread was woken and has not looked yet.
        self._woken = False
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    @property
    def next_seq(self) -> int:
        """Return the number that the next exchange will have."""
        return self._first_seq + len(self._given)

    def add_secret(self, value: str) -> None:
        """Know one more secret value, for example a token just fetched."""
        self._learnt.append(value)

    def redact(self, value: Any) -> Any:
        """Return a JSON value cleaned as the journal is cleaned. Done here."""
        with self._mutex:
            known = len(self._learnt)
            if known > self._learnt_here:
                self._redactor.add_secrets(self._learnt[self._learnt_here : known])
                self._learnt_here = known
        return self._redactor.value(value)

    def record(self, sighting: Sighting) -> int:
        """Pass on one exchange and return its sequence number."""
        with self._mutex:
            self._require_sound()
            seq, known = self.next_seq, len(self._learnt)
            self._given.append((self.check, self._learnt[self._learnt_there : known], sighting))
            self._learnt_there = known
            self._ahead += _size(sighting)
        if not self._woken:
            self._woken = True
            self._orders.put(None)
        if self._ahead > _AHEAD_MAX:
            self.flush()
        return seq

    def flush(self) -> None:
        """Make everything recorded so far durable; call it before reporting an outcome that cites it."""
        self._ahead = 0
        self._order(FLUSH)

    def close(self) -> None:
        """Flush and let another process record."""
        self._order(CLOSE)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _order(self, kind: int) -> None:
        if self._thread.is_alive():
            order = _Order(kind)
            self._orders.put(order)
            order.answered.wait()
        self._require_sound()

    def _require_sound(self) -> None:
        if self._error is not None:
            raise self._error

    # -- the thread that sends --------------------------------------------------------------------------------

    def _work(self) -> None:
        kind = FLUSH
        while kind != CLOSE:
            order = self._orders.get()
            if order is None:
                time.sleep(_GATHERING_S)
            self._woken = False  # before it looks: what is recorded from here on wakes it again
            try:
                if self._error is None:
                    self._pass_on(order)
            except Exception as error:  # noqa: BLE001 - raised where the next exchange is recorded, or at the flush
                self._error = error
            if order is not None:
                kind = order.kind
                order.answered.set()

    def _pass_on(self, order: _Order | None) -> None:
        while self._sent < len(self._given):
            given = self._given[self._sent]
            assert given is not None  # noqa: S101 - only what is sent becomes None
            check, learnt, sighting = given
            self._process.send(RECORD, self._first_seq + self._sent, check, learnt, _values(sighting))
            self._given[self._sent] = None
            self._sent += 1
        if order is not None:
            self._process.ask(order.kind)


def _size(sighting: Sighting) -> int:
    return _SMALL + len(sighting.request.body) + (len(sighting.response.body) if sighting.response else 0)


def _values(sighting: Sighting) -> tuple[Any, ...]:
    """Return what the journal keeps of a sighting, as plain values."""
    response = None if sighting.response is None else _message(sighting.response)
    return (
        sighting.kind,
        _message(sighting.request),
        response,
        sighting.started_us,
        sighting.elapsed_us,
        sighting.error,
        dict(sighting.net),
    )


def _message(message: WireMessage) -> tuple[Any, ...]:
    return (message.start, tuple(message.headers), message.body)
