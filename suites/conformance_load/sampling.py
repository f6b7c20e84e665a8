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
from dataclasses import dataclass, field, replace
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
#: By how much times of another generator may be off, in nanoseconds.
SLACK_NS = 50_000_000


@dataclass(slots=True)
class Sampled:
    """What readings showed: all but ``readings`` and ``failed`` in entries (two per payment).

    ``readings`` during the pressure; ``failed``: those that could not be made. ``entries`` were seen in all readings,
    also in those made afterwards. ``judged``: confirmed payments that a reading showed.
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
        #: Hashes of the entries in order, and by worker the places of those that are legs of its payments.
        self.order: array[int] = array("q")
        self.legs: dict[int, array[int]] = {}

    def take(self, page: Iterable[dict[str, Any]]) -> None:
        """Take one page of entries."""
        for item in page:
            self.order.append(hash(_identity(item)))
            place = self._sampler.place_of(item)
            if place is not None:
                self.legs.setdefault(place[0], array("q")).append(place[1])

    def end(self) -> None:
        """Note that the reading is complete."""
        self._sampler.note(self, now_ns())


class _Legs:
    """When legs were seen: a payment's debit at an even place, its credit after it. Grows with what is seen.

    ``without``: when the last reading began that did not show a leg before one did. ``within``: when the first one
    ended that did (0: none did).
    """

    def __init__(self) -> None:
        self.without: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self.within: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)

    def see(self, places: array[int], without_ns: int, within_ns: int) -> None:
        """Note a reading that showed these legs."""
        legs = np.array(places, dtype=np.int64)
        self._hold(int(legs.max()) + 2)
        new = legs[self.within[legs] == 0]
        self.without[new], self.within[new] = without_ns, within_ns

    def part(self, start: int, length: int, credit: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return ``without`` and ``within`` of one leg of so many payments."""
        self._hold(2 * (start + length))
        cut = slice(2 * start + credit, 2 * (start + length), 2)
        return self.without[cut], self.within[cut]

    def _hold(self, size: int) -> None:
        if size > len(self.within):
            more = np.zeros(max(size, 2 * len(self.within)) - len(self.within), dtype=np.uint64)
            self.without, self.within = np.concatenate([self.without, more]), np.concatenate([self.within, more])


class Sampler:
    """Reads statements of accounts, and judges what they showed of a run's payments."""

    def __init__(self, candidate: Candidate, accounts: Sequence[Account], book: Book, journal: PaymentJournal) -> None:
        self._candidate = candidate
        self._accounts = accounts
        self._book = book
        self._journal = journal
        self._shown = [_Shown() for _ in accounts]
        self._legs: dict[int, _Legs] = {}
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
        for worker, places in reading.legs.items():
            self._legs.setdefault(worker, _Legs()).see(places, shown.began_ns, ended_ns)
        shown.began_ns = reading.began_ns

    def place_of(self, item: dict[str, Any]) -> tuple[int, int] | None:
        """Return worker and place of the leg that an entry is, None where it belongs to no payment of the run."""
        place = self._book.place_of(str(item.get("reference") or ""))
        # No worker has a larger journal than the one that was made for all payments.
        if place is None or place[1] >= self._journal.capacity:
            return None
        return place[0], 2 * place[1] + (int(item.get("amount", 0)) >= 0)

    def result(self, others: Sequence[PaymentJournal] = ()) -> Sampled:
        """Return what the readings so far showed; the last one shows all that was ever booked.

        ``others``: journals of other generators. Their times were brought to our clock, so they may be a little off.
        """
        found = self._found
        found.missing = found.early = found.judged = 0
        found.examples.clear()
        self._judge(self._journal, 0)
        for journal in others:
            self._judge(journal, SLACK_NS)
        return found

    def _judge(self, journal: PaymentJournal, slack_ns: int) -> None:
        found, legs = self._found, self._legs.get(journal.worker)
        if legs is None:
            return
        states = np.frombuffer(journal.states, dtype=np.uint8)
        times = np.frombuffer(journal.all_times, dtype=np.uint64)
        for start in range(0, journal.capacity, _PIECE):
            part = slice(start, start + _PIECE)
            state, sent, decided = states[part], times[0::2][part], times[1::2][part]
            seen = np.zeros(len(state), dtype=np.bool_)
            for credit in (0, 1):
                without, within = legs.part(start, len(state), credit)
                absent = (state == State.ACK) & (decided > 0) & (decided + np.uint64(slack_ns) < without)
                early = (within > 0) & (sent > within + np.uint64(slack_ns))
                found.missing += self._named("missing", journal.worker, start + np.flatnonzero(absent))
                found.early += self._named("early", journal.worker, start + np.flatnonzero(early))
                seen |= within > 0
            found.judged += int(np.count_nonzero(seen & (state == State.ACK)))

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

    def _named(self, name: str, worker: int, numbers: NDArray[np.int64]) -> int:
        if len(numbers):
            kept = self._found.examples.setdefault(name, [])
            book = replace(self._book, worker=worker)
            kept += [book.reference(number) for number in numbers[: EXAMPLES_MAX - len(kept)].tolist()]
        return len(numbers)


def _identity(item: dict[str, Any]) -> str:
    return str(item.get("id") or sorted((name, str(value)) for name, value in item.items()))
