"""Which faults are on, and how often the counted ones have struck; and the product's own clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from conformance.reference.counts import Counts

#: One in this many payments whose reference begins with ``load`` is hit by a ``load.*`` fault.
LOAD_FAULT_EVERY = 10

#: What the names of counts begin with: payments that came by, and payments that were hit.
_SEEN, _HITS = "seen/", "hits/"


class Board:
    """Fault switches, readable at any time and changed by the control port; their counts outlive a kill."""

    def __init__(self, faults: Iterable[str] = (), counts: Counts | None = None) -> None:
        self._active = frozenset(faults)
        self.counts = counts or Counts()

    def on(self, fault: str) -> bool:
        """Tell whether a fault is active."""
        return fault in self._active

    def set(self, faults: Iterable[str]) -> None:
        """Make exactly these faults active and forget all counts."""
        self._active = frozenset(faults)
        self.counts.clear()

    def active(self) -> list[str]:
        """Return the active faults in order."""
        return sorted(self._active)

    def strikes(self, fault: str, reference: str) -> bool:
        """Tell whether a counted ``load.*`` fault hits this payment: every tenth, counting from the tenth."""
        if not self.marks(fault, reference):
            return False
        self.hit(fault)
        return True

    def marks(self, fault: str, reference: str) -> bool:
        """Tell whether it is this payment's turn, as :meth:`strikes` does, without counting a hit."""
        if fault not in self._active or not reference.startswith("load"):
            return False
        return self.counts.add(_SEEN + fault) % LOAD_FAULT_EVERY == 0

    def hit(self, fault: str, times: int = 1) -> None:
        """Count what a fault has done."""
        self.counts.add(_HITS + fault, times)

    def tired(self, fault: str, after: int) -> bool:
        """Tell whether more than ``after`` payments came while a fault was on."""
        return fault in self._active and self.counts.add(_SEEN + fault) > after

    def hits(self) -> dict[str, int]:
        """Return how many payments each counted fault has hit since it was switched on."""
        return {name.removeprefix(_HITS): number for name, number in self.counts.items() if name.startswith(_HITS)}


class ShiftableClock:
    """Real time plus an offset that the test environment may set."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def epoch(self) -> int:
        """Return the current instant in whole seconds since 1970."""
        return int(self.now().timestamp())

    def text(self) -> str:
        """Return the current instant as RFC 3339 with milliseconds."""
        return instant(self.now())

    def parse(self, text: str) -> datetime:
        """Return the instant of a text that this clock has written."""
        return datetime.fromisoformat(text)

    def shift(self, offset_s: float) -> None:
        """Set the offset from real time, in seconds."""
        self._offset = timedelta(seconds=offset_s)

    @property
    def offset_s(self) -> float:
        """The offset from real time, in seconds."""
        return self._offset.total_seconds()


def instant(moment: datetime) -> str:
    """Return an instant as RFC 3339 text in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
