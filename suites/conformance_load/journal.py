"""The journal of payments: what was sent, written before it is sent, in memory that outlives the process.

A file is mapped into memory; the kernel keeps what was written there even if the process is killed a microsecond
later. Per payment: one state byte and two times. The state SENT is written *before* the request leaves, so a payment
that may have reached the product is never one that we claim not to have sent.
"""

from __future__ import annotations

import mmap
import os
import struct
from enum import IntEnum
from pathlib import Path
from types import TracebackType

from conformance.errors import ConfigError

_MAGIC = b"CFLOADJ1"
_HEADER = struct.Struct("<8sQQ")
_HEADER_SIZE = 64


class State(IntEnum):
    """What is known about a payment."""

    FREE = 0  #: never sent
    SENT = 1  #: about to be sent, or sent without an answer yet
    ACK = 2  #: the product said that it is booked
    REJECT = 3  #: the product said that it is refused
    UNKNOWN = 4  #: sent, and no answer that could be understood came
    PENDING = 5  #: the product said that it has not decided yet


#: States in which the product may rightly have booked the payment or not.
UNDECIDED = (State.SENT, State.UNKNOWN, State.PENDING)


class PaymentJournal:
    """States and times of the payments 0 to ``capacity - 1`` of one worker. Times are nanoseconds of one clock."""

    def __init__(self, path: Path, file: int, worker: int, capacity: int) -> None:
        self.path = path
        self.worker = worker
        self.capacity = capacity
        self._map = mmap.mmap(file, _size(capacity))
        view = memoryview(self._map)
        base = _times_at(capacity)
        self._view = view
        #: One byte per payment, see :class:`State`; shared with the file.
        self.states = view[_HEADER_SIZE : _HEADER_SIZE + capacity]
        #: Two times per payment: sent and decided; shared with the file.
        self.all_times = view[base : base + capacity * 16].cast("Q")
        #: The ids that the product gave to payments it has not decided on; kept in memory only.
        self.pending: dict[int, str] = {}

    @classmethod
    def create(cls, path: Path, capacity: int, worker: int = 0) -> PaymentJournal:
        """Make a new journal for ``capacity`` payments; raises FileExistsError rather than overwrite one."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(file, 0, _size(capacity))
            os.pwrite(file, _HEADER.pack(_MAGIC, worker, capacity), 0)
            return cls(path, file, worker, capacity)
        finally:
            os.close(file)

    @classmethod
    def open(cls, path: Path) -> PaymentJournal:
        """Open a journal that a worker left behind; raises ConfigError when the file is not one or is cut short."""
        file = os.open(path, os.O_RDWR)
        try:
            head = os.pread(file, _HEADER.size, 0)
            magic, worker, capacity = _HEADER.unpack(head.ljust(_HEADER.size, b"\0"))
            if magic != _MAGIC or os.fstat(file).st_size != _size(capacity):
                raise ConfigError("not a complete payment journal", where=str(path), remedy="Repeat the load scenario.")
            return cls(path, file, worker, capacity)
        finally:
            os.close(file)

    def sending(self, number: int, at_ns: int) -> None:
        """Note that a payment is about to be sent; call this before the first byte leaves."""
        self.all_times[2 * number] = at_ns
        self.states[number] = State.SENT

    def confirm(self, number: int, at_ns: int) -> None:
        """Note that a payment that was sent once is booked: :meth:`decide` for the answer that nearly all get."""
        self.all_times[2 * number + 1] = at_ns
        self.states[number] = State.ACK

    def decide(self, number: int, state: State, at_ns: int) -> None:
        """Note what is known about a payment that was sent.

        A confirmation is final, and a later doubt never overwrites a decision. A refusal may turn into a
        confirmation: a product may accept what it refused when it is asked again.
        """
        known = self.states[number]
        if known == State.ACK or (state is State.UNKNOWN and known != State.SENT):
            return
        self.all_times[2 * number + 1] = at_ns
        self.states[number] = state

    def state(self, number: int) -> State:
        """Return what is known about a payment."""
        return State(self.states[number])

    def times(self, number: int) -> tuple[int, int]:
        """Return when a payment was sent and when it was decided (0: not yet)."""
        return self.all_times[2 * number], self.all_times[2 * number + 1]

    def count(self, state: State) -> int:
        """Return how many payments are in a state."""
        return bytes(self.states).count(int(state))

    def close(self) -> None:
        """Flush to disk and unmap; harmless when done twice."""
        if not self._map.closed:
            self.all_times.release()
            self.states.release()
            self._view.release()
            self._map.flush()
            self._map.close()

    def __enter__(self) -> PaymentJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _times_at(capacity: int) -> int:
    return _HEADER_SIZE + (capacity + 7) // 8 * 8


def _size(capacity: int) -> int:
    return _times_at(capacity) + capacity * 16
