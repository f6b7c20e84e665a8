"""What reconciling costs: columns beside entry by entry and beside dictionaries, side by side, ratios printed.

    python benchmarks/load_reconcile.py [PAYMENTS [PAYMENTS_BESIDE]]

Every way runs in a process of its own and finds the same lost and doubled payments; growth of memory is the peak of
the process over what it held before. The journal is made before and in another process. PAYMENTS (default ten
million) is for columns alone, PAYMENTS_BESIDE (default one million) for all ways.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from conformance_load.columns import Chunk, Entry, facts_of, identifiers_of
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State
from conformance_load.reconcile import Reconciler

BOOK = Book("benchmark", accounts=64, amount_max=100_000, uncovered_every=1000)
WORKERS = 2
#: Lines of a statement per chunk, as a reader of pages would hand them on.
CHUNK = 100_000
#: One payment in so many is lost, and one is doubled.
AMISS_EVERY = 10_000
LIMIT_S, LIMIT_MB = 3.0, 200.0


def journals(folder: Path) -> list[PaymentJournal]:
    """Open the journals of all workers."""
    return [PaymentJournal.open(folder / str(worker)) for worker in range(WORKERS)]


def make(folder: Path, payments: int) -> None:
    """Write the journals of a run in which every covered payment was acknowledged."""
    for worker in range(WORKERS):
        with PaymentJournal.create(folder / str(worker), payments // WORKERS, worker) as journal:
            states = np.frombuffer(journal.states, dtype=np.uint8)
            states[:] = State.ACK
            states[BOOK.uncovered_every - 1 :: BOOK.uncovered_every] = State.REJECT
            del states


def statement(payments: int) -> Iterator[Chunk]:
    """Yield a statement whose order is not the journal's: some payments are lost, some doubled."""
    for worker in range(WORKERS):
        for start in range(0, payments // WORKERS, CHUNK // 2):
            numbers = np.arange(start, min(start + CHUNK // 2, payments // WORKERS), dtype=np.int64)
            numbers = numbers[numbers % BOOK.uncovered_every != BOOK.uncovered_every - 1]
            numbers = numbers[numbers % AMISS_EVERY != 7]
            numbers = np.concatenate([numbers, numbers[numbers % AMISS_EVERY == 8]])[::-1]
            identifiers = identifiers_of(worker, numbers)
            facts = facts_of(BOOK, identifiers, numbers)
            yield Chunk(
                np.concatenate([identifiers, identifiers]),
                np.concatenate([facts.debtor, facts.creditor]),
                np.concatenate([-facts.amount, facts.amount]),
                np.ones(2 * len(numbers), dtype=np.bool_),
            )


def entries(payments: int) -> Iterator[list[Entry]]:
    """Yield the same statement as entries."""
    for chunk in statement(payments):
        rows = zip(chunk.identifiers.tolist(), chunk.accounts.tolist(), chunk.amounts.tolist(), strict=True)
        yield [Entry(account, f"{BOOK.prefix}{identifier:016x}", amount, "CNY") for identifier, account, amount in rows]


class Clock:
    """CPU seconds spent on taking chunks, without making them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, work: Callable[[], object]) -> object:
        """Run and count."""
        started = time.process_time()
        try:
            return work()
        finally:
            self.seconds += time.process_time() - started


def by_columns(folder: Path, payments: int, clock: Clock) -> tuple[int, int]:
    """Arrays in, arrays counted."""
    opened = journals(folder)
    reconciler = Reconciler(BOOK, opened, "CNY")
    for chunk in statement(payments):
        clock.timed(lambda chunk=chunk: reconciler.feed(chunk))
    found = clock.timed(reconciler.result)
    return found.lost, found.doubled


def by_columns_of_entries(folder: Path, payments: int, clock: Clock) -> tuple[int, int]:
    """Entries in, references parsed, arrays counted."""
    reconciler = Reconciler(BOOK, journals(folder), "CNY")
    for page in entries(payments):
        clock.timed(lambda page=page: reconciler.add(page))
    found = clock.timed(reconciler.result)
    return found.lost, found.doubled


def by_entry(folder: Path, payments: int, clock: Clock) -> tuple[int, int]:
    """Dense arrays in pure Python, entry by entry."""
    opened = journals(folder)
    books = [Book(BOOK.run, BOOK.accounts, BOOK.amount_max, BOOK.uncovered_every, worker) for worker in range(WORKERS)]
    debits = [bytearray(journal.capacity) for journal in opened]
    credits = [bytearray(journal.capacity) for journal in opened]

    def count(page: list[Entry]) -> None:
        for entry in page:
            for worker, book in enumerate(books):
                number = book.number_of(entry.reference)
                if number is not None:
                    facts = book.facts(number)
                    legs, account, due = (
                        (debits[worker], facts.debtor, -facts.amount)
                        if entry.amount < 0
                        else (credits[worker], facts.creditor, facts.amount)
                    )
                    legs[number] = min(legs[number] + 1, 255)
                    if (entry.account, entry.amount, entry.currency) != (account, due, "CNY"):
                        raise AssertionError(f"{entry.reference} is not as it was sent")
                    break

    def classify() -> tuple[int, int]:
        lost = doubled = 0
        for worker, journal in enumerate(opened):
            for state, debit, credit in zip(bytes(journal.states), debits[worker], credits[worker], strict=True):
                booked = max(debit, credit)
                lost += state == State.ACK and booked == 0
                doubled += booked > 1
        return lost, doubled

    for page in entries(payments):
        clock.timed(lambda page=page: count(page))
    return clock.timed(classify)


def by_dictionaries(folder: Path, payments: int, clock: Clock) -> tuple[int, int]:
    """The payments and their bookings in dictionaries by reference."""
    sent: dict[str, tuple[int, int, int, int]] = {}
    booked: dict[str, list[tuple[int, int, str]]] = {}

    def know() -> None:
        for worker, journal in enumerate(journals(folder)):
            book = Book(BOOK.run, BOOK.accounts, BOOK.amount_max, BOOK.uncovered_every, worker)
            for number, state in enumerate(bytes(journal.states)):
                facts = book.facts(number)
                sent[book.reference(number)] = (facts.debtor, facts.creditor, facts.amount, state)

    def take(page: list[Entry]) -> None:
        for entry in page:
            booked.setdefault(entry.reference, []).append((entry.account, entry.amount, entry.currency))

    def compare() -> tuple[int, int]:
        lost = doubled = 0
        for reference, (debtor, creditor, amount, state) in sent.items():
            legs = booked.get(reference, [])
            lost += state == State.ACK and not legs
            doubled += len(legs) > 2
            if len(legs) == 2 and sorted(legs) != sorted([(debtor, -amount, "CNY"), (creditor, amount, "CNY")]):
                raise AssertionError(f"{reference} is not as it was sent")
        return lost, doubled

    clock.timed(know)
    for page in entries(payments):
        clock.timed(lambda page=page: take(page))
    return clock.timed(compare)


WAYS = {
    "columns": by_columns,
    "columns of entries": by_columns_of_entries,
    "entry by entry": by_entry,
    "dictionaries": by_dictionaries,
}


def measured(way: str, folder: Path, payments: int) -> None:
    """Run one way in this process and print what it found, its CPU seconds and the growth of memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock = Clock()
    found = WAYS[way](folder, payments, clock)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e6
    print(json.dumps({"found": found, "seconds": clock.seconds, "mb": grown}))


def in_its_own_process(way: str, folder: Path, payments: int) -> tuple[float, float]:
    """Return seconds and megabytes of one way; raises AssertionError where it finds something else."""
    command = [sys.executable, __file__, "--one", way, str(folder), str(payments)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    numbers = np.arange(payments // WORKERS)
    amiss = [WORKERS * int(np.count_nonzero(numbers % AMISS_EVERY == place)) for place in (7, 8)]
    if result["found"] != amiss:
        raise AssertionError(f"{way} must find {amiss}, not {result['found']}")
    return result["seconds"], result["mb"]


def main(payments: int, beside: int) -> int:
    """Print both tables and return 1 where columns took more than their limits."""
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name) / "few", Path(name) / "many"
        for folder, count in ((few, beside), (many, payments)):
            folder.mkdir()
            make(folder, count)
        ours = None
        for way in WAYS:
            seconds, mb = in_its_own_process(way, few, beside)
            ours = ours or (seconds, mb)
            ratios = f"{seconds / ours[0]:6.1f} x the time, {mb / ours[1]:5.1f} x the memory of columns"
            print(f"{beside:>12,} payments  {way:18}  {seconds:7.2f} s  {mb:7.1f} MB   {ratios}")
        seconds, mb = in_its_own_process("columns", many, payments)
    print(
        f"{payments:>12,} payments  {'columns':18}  {seconds:7.2f} s  {mb:7.1f} MB   limits {LIMIT_S} s, {LIMIT_MB} MB"
    )
    return int(seconds > LIMIT_S or mb > LIMIT_MB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measured(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        numbers = [int(argument) for argument in sys.argv[1:]]
        sys.exit(main(*(numbers + [10_000_000, 1_000_000][len(numbers) :])))
