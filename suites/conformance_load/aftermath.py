"""After the pressure: see how fast the product recovers, read its books and compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from conformance.sdk import Accepted, Account, LoadContext, Undecided
from conformance_load.columns import Entry
from conformance_load.flow import now_ns
from conformance_load.journal import PaymentJournal
from conformance_load.live import Noted
from conformance_load.making import PaymentMaker
from conformance_load.payments import state_of
from conformance_load.reconcile import Reconciler, Reconciliation, compare_balances, expected_balances
from conformance_load.sampling import Sampler

_CANONICAL = json.JSONEncoder(sort_keys=True, default=str)


class Probes:
    """Single payments on an idle product, timed one by one: before the pressure and after it."""

    def __init__(self, maker: PaymentMaker, journal: PaymentJournal, numbers: range) -> None:
        self._maker = maker
        self._journal = journal
        self._numbers = iter(numbers)
        self._note = Noted(maker.context)

    def one(self) -> int | None:
        """Make one payment; return its time in microseconds, or None when it was not confirmed or none is left."""
        number = next((item for item in self._numbers if self._maker.book.facts(item).covered), None)
        if number is None:
            return None
        self._note("timing single payments")
        prepared = self._maker.prepare(number)
        started = now_ns()
        self._journal.sending(number, started)
        answer = prepared.send()
        done = now_ns()
        self._journal.decide(number, state_of(answer), done)
        if isinstance(answer, Accepted):
            self._maker.named_by_reference = answer.value.get("id") == self._maker.book.reference(number)
        return (done - started) // 1000 if isinstance(answer, Accepted) else None

    def median(self, count: int) -> int:
        """Return the median time of ``count`` payments in microseconds, 0 when none was confirmed."""
        times = sorted(time for time in (self.one() for _ in range(count)) if time is not None)
        return times[len(times) // 2] if times else 0

    def recovery(self, count: int, within_s: int, limit_ms: int) -> tuple[int | None, int]:
        """Return after how many ms ``count`` payments in a row were fast again (None: not), and their slowest in us."""
        started = now_ns()
        row: list[int] = []
        slowest = 0
        while (now_ns() - started) < within_s * 1_000_000_000:
            begun = now_ns()
            took = self.one()
            slowest = took or slowest
            row = [*row, took] if took is not None and took <= limit_ms * 1000 else []
            if len(row) == count:
                return (now_ns() - started) // 1_000_000, max(row)
            if took is None and now_ns() - begun < 1000:
                return None, slowest
        return None, slowest


@dataclass(frozen=True, slots=True)
class Reading:
    """All accounts' statements at one time: how many entries are of the run, and a digest of everything shown."""

    entries: int
    digest: str


class BookReader:
    """Reads statements of the run's accounts, knowing what stood there before."""

    def __init__(
        self, context: LoadContext, accounts: Sequence[Account], before: Sequence[Set[str]], opening: Sequence[int]
    ) -> None:
        self._candidate = context.candidate
        self._accounts = accounts
        self._note = Noted(context)
        #: Marks of the entries that stood on each account before the run.
        self.before = before
        #: What each account held before the run, as the candidate says.
        self.opening = list(opening)

    @classmethod
    def now(cls, context: LoadContext, accounts: Sequence[Account]) -> BookReader:
        """Return a reader to which new is what is booked from now on."""
        note = Noted(context)
        before: list[set[str]] = [set() for _ in accounts]
        for marks, account in zip(before, accounts, strict=True):
            for page in context.candidate.statement_pages(account):
                marks.update(map(_mark, page))
                note(f"reading what stands on the accounts: {sum(map(len, before)):,} entries")
        return cls(context, accounts, before, [context.candidate.balance(account) for account in accounts])

    @classmethod
    def known(
        cls, context: LoadContext, accounts: Sequence[Account], before: Sequence[Iterable[str]], opening: Sequence[int]
    ) -> BookReader:
        """Return a reader that knows from somebody else what stood on the accounts before."""
        return cls(context, accounts, [frozenset(marks) for marks in before], opening)

    def read(self, take: Callable[[list[Entry]], None] | None = None, sampler: Sampler | None = None) -> Reading:
        """Read all statements once, page by page; ``take`` is given the entries of the run, ``sampler`` everything."""
        digest = hashlib.sha256()
        count = 0
        for position, account in enumerate(self._accounts):
            before = self.before[position]
            sampled = sampler.begin(position) if sampler else None
            for page in self._candidate.statement_pages(account):
                digest.update("".join(f"{_CANONICAL.encode(item)}\n" for item in page).encode("utf-8", "surrogatepass"))
                new = [_entry(position, item) for item in page if not before or _mark(item) not in before]
                count += len(new)
                self._note(f"reading the books: {count:,} entries, account {position + 1} of {len(self._accounts)}")
                if take:
                    take(new)
                if sampled:
                    sampled.take(page)
            if sampled:
                sampled.end()
        return Reading(count, digest.hexdigest())

    def balances(self) -> list[int]:
        """Read all balances."""
        return [self._candidate.balance(account) for account in self._accounts]


def reconcile(
    maker: PaymentMaker,
    journals: Sequence[PaymentJournal],
    reader: BookReader,
    currency: str,
    sampler: Sampler | None = None,
) -> tuple[Reconciliation, dict[str, Any]]:
    """Read the books twice, compare every payment with them, and return what was found and how stable they were.

    Books that cannot be read leave the counts of the journals, and the reason under ``unread``. What ``sampler`` saw
    during the pressure is held against both readings.
    """
    reconciler = Reconciler(maker.book, journals, currency)
    try:
        first, second, balances = reader.read(sampler=sampler), reader.read(reconciler.add, sampler), reader.balances()
    except Undecided as reason:
        return reconciler.from_journal(), {
            "stable": False,
            "entriesFirst": 0,
            "entriesSecond": 0,
            "unread": reason.reason,
        }
    found = reconciler.result()
    compare_balances(found, expected_balances(maker.book, journals, reader.opening), balances)
    return found, {
        "stable": first.digest == second.digest,
        "entriesFirst": first.entries,
        "entriesSecond": second.entries,
        "unread": "",
    }


def _mark(item: dict[str, Any]) -> str:
    """Return what tells an entry from others, and says nothing of it: marks are kept on disk."""
    identity = str(item.get("id") or _CANONICAL.encode(item))
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _entry(account: int, item: dict[str, Any]) -> Entry:
    return Entry(account, str(item.get("reference") or ""), int(item.get("amount", 0)), str(item.get("currency", "")))
