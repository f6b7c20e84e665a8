"""What recording and reconciling cost: ours beside the obvious way, interleaved in one run, ratios printed.

    python benchmarks/load_recorder.py [PAYMENTS]

Recording: nanoseconds per duration, beside appending to a list that is sorted for its percentiles at the end.
Reconciling: seconds and peak memory for PAYMENTS payments (default one million), beside dictionaries of references.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from conformance_load.histogram import Histogram
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State
from conformance_load.reconcile import Entry, Reconciler

ROUNDS = 3
RECORDS = 500_000
BOOK = Book("benchmark", accounts=64, amount_max=100_000)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def record_into_histogram(values: list[int]) -> int:
    """Record and ask for a percentile, our way."""
    made = Histogram()
    record = made.record
    for value in values:
        record(value)
    return made.quantile(9900)


def record_into_list(values: list[int]) -> int:
    """Record and ask for a percentile, the obvious way."""
    kept: list[int] = []
    for value in values:
        kept.append(value)
    kept.sort()
    return kept[len(kept) * 99 // 100]


def entries(payments: int) -> Iterator[Entry]:
    """Yield the statement of a sound ledger that lost every ten-thousandth payment."""
    for number in range(payments):
        if number % 10_000 == 9_999:
            continue
        facts, reference = BOOK.facts(number), BOOK.reference(number)
        yield Entry(facts.debtor, reference, -facts.amount, "CNY")
        yield Entry(facts.creditor, reference, facts.amount, "CNY")


def reconcile_dense(payments: int, statement: Callable[[], Iterator[Entry]], journal: PaymentJournal) -> int:
    """Find what is lost with dense arrays."""
    reconciler = Reconciler(BOOK, journal, "CNY")
    reconciler.add(statement())
    return reconciler.result().lost


def reconcile_dictionaries(payments: int, statement: Callable[[], Iterator[Entry]], journal: PaymentJournal) -> int:
    """Find what is lost with the payments and their bookings in dictionaries by reference."""
    sent = {}
    for number in range(payments):
        facts = BOOK.facts(number)
        sent[BOOK.reference(number)] = (facts.debtor, facts.creditor, facts.amount, journal.state(number))
    booked: dict[str, list[tuple[int, int, str]]] = {}
    for entry in statement():
        booked.setdefault(entry.reference, []).append((entry.account, entry.amount, entry.currency))
    lost = 0
    for reference, (debtor, creditor, amount, state) in sent.items():
        legs = booked.get(reference, [])
        lost += state is State.ACK and not legs
        if legs and sorted(legs) != sorted([(debtor, -amount, "CNY"), (creditor, amount, "CNY")]):
            raise AssertionError(f"{reference} is not as it was sent")
    return lost


def peak_mb(work: Callable[[], object]) -> float:
    """Return the peak of Python's memory during one call, in megabytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def recording() -> None:
    """Print what recording costs."""
    source = random.Random(1)
    values = [int(source.lognormvariate(8, 1)) for _ in range(RECORDS)]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: record_into_histogram(values)))
        theirs.append(seconds(lambda: record_into_list(values)))
    mine, naive = min(ours) / RECORDS * 1e9, min(theirs) / RECORDS * 1e9
    print(f"record   histogram {mine:6.0f} ns   list, sorted {naive:6.0f} ns   ratio {mine / naive:.2f}")
    print(f"memory   histogram {peak_mb(Histogram):6.2f} MB   list         {RECORDS * 8 / 1e6:6.2f} MB and growing")


def reconciling(payments: int) -> None:
    """Print what reconciling costs; making the statement is timed apart and taken off."""
    with tempfile.TemporaryDirectory() as folder, PaymentJournal.create(Path(folder) / "j", payments) as journal:
        for number in range(payments):
            journal.sending(number, 1)
            journal.decide(number, State.ACK, 2)
        making = seconds(lambda: sum(1 for _ in entries(payments)))
        dense = seconds(lambda: reconcile_dense(payments, lambda: entries(payments), journal)) - making
        naive = seconds(lambda: reconcile_dictionaries(payments, lambda: entries(payments), journal)) - making
        found = {
            work(payments, lambda: entries(payments), journal) for work in (reconcile_dense, reconcile_dictionaries)
        }
        if found != {payments // 10_000}:
            raise AssertionError(f"both ways must find what is lost, not {found}")
        few = min(payments, 100_000)
        with PaymentJournal.create(Path(folder) / "few", few) as small:
            ours = peak_mb(lambda: reconcile_dense(few, lambda: entries(few), small))
            theirs = peak_mb(lambda: reconcile_dictionaries(few, lambda: entries(few), small))
    print(f"reconcile {payments:,}: dense {dense:.2f} s   dictionaries {naive:.2f} s   ratio {dense / naive:.2f}")
    print(f"memory for {few:,}: dense {ours:.1f} MB   dictionaries {theirs:.1f} MB   ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    recording()
    reconciling(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
