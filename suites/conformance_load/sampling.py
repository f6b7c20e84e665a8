"""Statements read while payments pour in: what was confirmed is there, in an order that later readings keep.

One account at a time is read, in turn and at a bounded rate. For each entry it is kept when it was first seen; the
questions are answered afterwards, for all payments at once:

    MISSING     confirmed before a reading began, and not in it, but in a later one
    EARLY       in a reading that ended before the payment was sent
    INSERTED    before entries that an earlier reading had shown
    VANISHED    shown once, and not any more
    SWAPPED     shown by two readings in different order
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.sdk import Accepted, Account, Candidate
from conformance_load.flow import now_ns
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State

#: Entries asked for at a time: few, since reading them holds the generator up for a moment.
PAGE_SIZE = 50
#: Pages of one reading; an account that needs more is not read any more.
PAGES_MAX = 100
#: References kept as examples.
EXAMPLES_MAX = 5
_PIECE = 1 << 18


@dataclass(slots=True)
class Sampled:
    """What readings showed: all but ``readings`` and ``failed`` in entries (two per payment).

    ``readings`` during the pressure; ``failed``: those that could not be made. ``entries`` were seen in all readings,
    also in those made afterwards. ``judged``: confirmed payments that a reading showed, so that their times count;
    those of other generators have times of another clock, and count for the order alone.
    """

    readings: int = 0
    failed: int = 0
    entries: int = 0
    judged: int = 0
    missing: int = 0
    early: int = 0
    inserted: int = 0
    vanished: int = 0
    swapped: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {
            "readings": self.readings,
            "failed": self.failed,
            "entries": self.entries,
            "judged": self.judged,
            "missing": self.missing,
            "early": self.early,
            "inserted": self.inserted,
            "vanished": self.vanished,
            "swapped": self.swapped,
            "examples": dict(sorted(self.examples.items())),
        }


@dataclass(slots=True)
class _Shown:
    """What readings of one account have shown so far.

    ``order``: hashes of all entries in order. The next reading begins at ``cursor``, before which ``kept`` entries
    stand. ``began_ns``: when the last reading began, 0 before the first.
    """

    order: array[int] = field(default_factory=lambda: array("q"))
    cursor: str | None = None
    kept: int = 0
    began_ns: int = 0
    given_up: bool = False


class Reading:
    """One reading of an account's statement in the making: pages come one after the other."""

    def __init__(self, sampler: Sampler, position: int, kept: int) -> None:
        self._sampler = sampler
        self.position = position
        self.kept = kept
        self.began_ns = now_ns()
        #: Hashes of the entries in order, and the places of those that are legs of payments.
        self.order: array[int] = array("q")
        self.legs: array[int] = array("q")

    def take(self, page: Iterable[dict[str, Any]]) -> None:
        """Take one page of entries."""
        for item in page:
            self.order.append(hash(_identity(item)))
            leg = self._sampler.leg_of(item)
            if leg is not None:
                self.legs.append(leg)

    def end(self) -> None:
        """Note that the reading is complete."""
        self._sampler.note(self, now_ns())


class Sampler:
    """Reads statements of accounts, and judges what they showed of the payments of one journal."""

    def __init__(self, candidate: Candidate, accounts: Sequence[Account], book: Book, journal: PaymentJournal) -> None:
        self._candidate = candidate
        self._accounts = accounts
        self._book = book
        self._journal = journal
        self._shown = [_Shown() for _ in accounts]
        #: For each leg (debit at an even place, credit after it): when the last reading began that did not show it
        #: before one did, and when the first one ended that did (0: none did).
        self._without: NDArray[np.uint64] = np.zeros(2 * journal.capacity, dtype=np.uint64)
        self._within: NDArray[np.uint64] = np.zeros(2 * journal.capacity, dtype=np.uint64)
        self._found = Sampled()
        self._stopped = False

    @contextlib.contextmanager
    def beside(self, every_ms: int) -> Iterator[None]:
        """Read one account every so often in a greenlet of its own, as long as the context lasts (0: never)."""
        import gevent

        if not every_ms:
            yield
            return
        self._stopped = False
        reading = gevent.spawn(self._read_by_turns, every_ms / 1000, gevent.sleep)
        try:
            yield
        finally:
            self._stopped = True
            reading.join()
        reading.get()

    def read(self, position: int) -> None:
        """Read the statement of one account from where the last reading of it left off."""
        shown = self._shown[position]
        reading = self.begin(position, shown.kept)
        starts = [(shown.cursor, shown.kept)]
        for cursor, page in self._pages(self._accounts[position], shown.cursor):
            if page is None:
                self._found.failed += 1
                shown.given_up = len(starts) > PAGES_MAX
                return
            reading.take(page)
            if cursor is not None:
                starts.append((cursor, shown.kept + len(reading.order)))
        reading.end()
        self._found.readings += 1
        # The last page but one is read again next time: what is appended must come after what stands there.
        shown.cursor, shown.kept = starts[-2] if len(starts) > 1 else starts[-1]

    def begin(self, position: int, kept: int = 0) -> Reading:
        """Begin a reading of one account, after its first ``kept`` entries."""
        return Reading(self, position, kept)

    def note(self, reading: Reading, ended_ns: int) -> None:
        """Take what a complete reading of one account showed."""
        shown, found = self._shown[reading.position], self._found
        found.entries += len(reading.order)
        self._compare(shown, reading.order, reading.kept)
        legs = np.array(reading.legs, dtype=np.int64)
        new = legs[self._within[legs] == 0]
        self._without[new], self._within[new] = shown.began_ns, ended_ns
        shown.began_ns = reading.began_ns

    def leg_of(self, item: dict[str, Any]) -> int | None:
        """Return the place of the leg that an entry is, None where it belongs to no payment of the journal."""
        number = self._book.number_of(str(item.get("reference") or ""))
        if number is None or number >= self._journal.capacity:
            return None
        return 2 * number + (int(item.get("amount", 0)) >= 0)

    def result(self) -> Sampled:
        """Return what the readings so far showed; the last one shows all that was ever booked."""
        found, journal = self._found, self._journal
        found.missing = found.early = found.judged = 0
        found.examples.clear()
        states = np.frombuffer(journal.states, dtype=np.uint8)
        times = np.frombuffer(journal.all_times, dtype=np.uint64)
        for start in range(0, journal.capacity, _PIECE):
            part = slice(start, start + _PIECE)
            sent, decided = times[0::2][part], times[1::2][part]
            seen = (self._within[0::2][part] > 0) | (self._within[1::2][part] > 0)
            found.judged += int(np.count_nonzero(seen & (states[part] == State.ACK)))
            for credit in (0, 1):
                without, within = self._without[credit::2][part], self._within[credit::2][part]
                absent = (states[part] == State.ACK) & (decided < without)
                found.missing += self._named("missing", start + np.flatnonzero(absent))
                found.early += self._named("early", start + np.flatnonzero((within > 0) & (sent > within)))
        return found

    def _compare(self, shown: _Shown, after: array[int], kept: int) -> None:
        """Hold the order of a reading against what earlier ones showed, and keep it."""
        before = shown.order[kept:]
        if after[: len(before)] != before:
            there, known = set(after), set(before)
            self._found.vanished += len(known - there)
            last = max((place for place, item in enumerate(after) if item in known), default=0)
            self._found.inserted += sum(item not in known for item in after[:last])
            stayed = [item for item in before if item in there]
            again = [item for item in after if item in known]
            self._found.swapped += sum(old != new for old, new in zip(stayed, again, strict=False))
        shown.order = shown.order[:kept] + after

    def _read_by_turns(self, every_s: float, sleep: Any) -> None:
        for position in self._turns():
            sleep(every_s)
            if self._stopped:
                return
            self.read(position)

    def _turns(self) -> Iterator[int]:
        while not self._stopped:
            # The empty account comes last; nothing is ever booked there.
            usable = [position for position, shown in enumerate(self._shown[:-1]) if not shown.given_up]
            if not usable:
                return
            yield from usable

    def _pages(self, account: Account, cursor: str | None) -> Iterator[tuple[str | None, list[dict[str, Any]] | None]]:
        """Yield pages and where the next one begins; None for a page that cannot be read, or is too much."""
        reader = self._candidate.as_user(account.owner) if account.owner else self._candidate
        for _ in range(PAGES_MAX):
            answer = reader.call("accounts.statement", account=account.id, cursor=cursor, limit=PAGE_SIZE)
            if not isinstance(answer, Accepted):
                yield None, None
                return
            following = answer.value.get("next")
            following = str(following) if following and following != cursor else None
            yield following, list(answer.value.get("items", ()))
            if following is None:
                return
            cursor = following
        yield None, None

    def _named(self, name: str, numbers: NDArray[np.int64]) -> int:
        if len(numbers):
            kept = self._found.examples.setdefault(name, [])
            kept += [self._book.reference(number) for number in numbers[: EXAMPLES_MAX - len(kept)].tolist()]
        return len(numbers)


def _identity(item: dict[str, Any]) -> str:
    return str(item.get("id") or sorted((name, str(value)) for name, value in item.items()))
