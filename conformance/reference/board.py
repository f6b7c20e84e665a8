"""Which faults are on, and how often the counted ones have struck; and the product's own clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

#: One in this many payments whose reference begins with ``load`` is hit by a ``load.*`` fault.
LOAD_FAULT_EVERY = 10


class Board:
    """Fault switches, readable at any time and changed by the control port."""

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self._active = frozenset(faults)
        self._hits: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()

    def on(self, fault: str) -> bool:
        """Tell whether a fault is active."""
        return fault in self._active

    def set(self, faults: Iterable[str]) -> None:
        """Make exactly these faults active and forget all counts."""
        self._active = frozenset(faults)
        self._hits.clear()
        self._seen.clear()

    def active(self) -> list[str]:
        """Return the active faults in order."""
        return sorted(self._active)

    def strikes(self, fault: str, reference: str) -> bool:
        """Tell whether a counted ``load.*`` fault hits this payment: every tenth, counting from the tenth."""
        if fault not in self._active or not reference.startswith("load"):
            return False
        self._seen[fault] += 1
        if self._seen[fault] % LOAD_FAULT_EVERY:
            return False
        self._hits[fault] += 1
        return True

    def tired(self, fault: str, after: int) -> bool:
        """Tell whether more than ``after`` payments came while a fault was on."""
        self._seen[fault] += fault in self._active
        return self._seen[fault] > after

    def hits(self) -> dict[str, int]:
        """Return how many payments each counted fault has hit since it was switched on."""
        return dict(self._hits)


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
