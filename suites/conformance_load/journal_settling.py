"""Attempts that ended before their payments were accounted for: killed, hung or interrupted.

Beside its journal, an attempt keeps what its books can be compared with later: how its payments are named, its
accounts, and what stood on them before. Whoever comes next decides its open payments and reads its books, once. The
file is removed when the attempt's own measurement is made: only what is unfinished is ever settled.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.errors import ConformanceError
from conformance.sdk import Account, LoadContext
from conformance_load.aftermath import BookReader, reconcile
from conformance_load.crew.calling import names_of
from conformance_load.deciding import Decisions, decide_unknown
from conformance_load.disturb import undo
from conformance_load.ids import Book
from conformance_load.journal import UNDECIDED, PaymentJournal, State
from conformance_load.making import PaymentMaker
from conformance_load.reconcile import Reconciliation

#: How long workers of this machine may go on whose master was killed, in seconds: they look for it twice in one.
ORPHANED_S = 1.5
_LEFT, _SETTLED = ".left.json", ".settled.json"


@dataclass(slots=True)
class Settled:
    """What became of an unfinished attempt's payments; ``unread`` says why its books could not be compared."""

    found: Reconciliation
    decisions: Decisions = field(default_factory=Decisions)
    unread: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settled:
        """Read what :func:`dataclasses.asdict` made of one."""
        return cls(Reconciliation(**value["found"]), Decisions(**value["decisions"]), value["unread"])


def next_attempt(context: LoadContext) -> int:
    """Return the number of a new attempt at a scenario, from 1."""
    return 1 + len(list(context.directory.glob(f"{_stem(context)}-*.journal")))


def journal_path(context: LoadContext, attempt: int) -> Path:
    """Return where an attempt's own journal lies."""
    return context.directory / f"{_stem(context)}-{attempt}.journal"


def keep_ground(context: LoadContext, attempt: int, maker: PaymentMaker, reader: BookReader, workers: str) -> None:
    """Keep what an attempt's books can be compared with; call this before its first payment.

    ``workers`` are those that press, as in the parameter; their journals belong to the attempt.
    """
    book = maker.book
    left = {
        "mark": book.run,
        "amount_max": book.amount_max,
        "uncovered_every": book.uncovered_every,
        "currency": maker.currency,
        "workers": workers,
        "accounts": [asdict(account) for account in maker.accounts],
        "opening": reader.opening,
        "before": [sorted(known) for known in reader.before],
    }
    _write(journal_path(context, attempt).with_suffix(_LEFT), left)


def forget_ground(context: LoadContext) -> None:
    """Say that the measurement holds everything: nothing is left of this attempt, nor of earlier ones."""
    for path in _left(context):
        path.unlink(missing_ok=True)
        path.with_suffix("").with_suffix(_SETTLED).unlink(missing_ok=True)


def is_unfinished(context: LoadContext) -> bool:
    """Tell whether an attempt at the scenario has left payments that no measurement holds."""
    return bool(_left(context))


def settle(context: LoadContext, final_s_max: int, *, last: bool = True) -> list[Settled]:
    """End what an attempt's disturbance left behind, and settle all unfinished attempts, the oldest first.

    Each is settled once. ``last``: what is open now stays so; otherwise it is asked about again another time.
    """
    undo(context)
    return [_settled(context, path, final_s_max, last) for path in _left(context)]


def counted(context: LoadContext, unread: str) -> list[Settled]:
    """Return what the journals of unfinished attempts say by themselves; ``unread``: why their books are not read."""
    made = []
    for path in _left(context):
        with contextlib.ExitStack() as stack:
            journals, missing = _journals(context, path, json.loads(path.read_text(encoding="utf-8")), stack)
            made.append(Settled(_from_journals(journals), unread=missing or unread))
    return made


def _settled(context: LoadContext, path: Path, final_s_max: int, last: bool) -> Settled:
    kept = path.with_suffix("").with_suffix(_SETTLED)
    if kept.exists():
        return Settled.from_json(json.loads(kept.read_text(encoding="utf-8")))
    context.progress(0, 1, "accounting for the payments of an unfinished attempt")
    left = json.loads(path.read_text(encoding="utf-8"))
    if left["workers"] != "0":
        time.sleep(ORPHANED_S)
    with contextlib.ExitStack() as stack:
        journals, missing = _journals(context, path, left, stack)
        made = _compared(context, left, journals, final_s_max, missing)
    if last or not (made.unread or made.found.unknown):
        _write(kept, asdict(made))
    return made


def _compared(
    context: LoadContext, left: Mapping[str, Any], journals: Sequence[PaymentJournal], final_s_max: int, missing: str
) -> Settled:
    """Decide what is open and compare every payment with the books, as far as all journals are there."""
    accounts = [Account(**item) for item in left["accounts"]]
    book = Book(left["mark"], len(accounts) - 1, left["amount_max"], left["uncovered_every"])
    maker = PaymentMaker(context, book, accounts, left["currency"])
    decisions = Decisions()
    for journal in journals:
        own = PaymentMaker(context, replace(book, worker=journal.worker), accounts, left["currency"])
        decisions.add(decide_unknown(own, journal, final_s_max))
    if missing:
        return Settled(_from_journals(journals), decisions, missing)
    reader = BookReader.known(context, accounts, left["before"], left["opening"])
    found, books = reconcile(maker, journals, reader, left["currency"])
    return Settled(found, decisions, books["unread"])


def _journals(
    context: LoadContext, path: Path, left: Mapping[str, Any], stack: contextlib.ExitStack
) -> tuple[list[PaymentJournal], str]:
    """Open the journals of an attempt, and say which is missing."""
    opened: list[PaymentJournal] = []
    missing = ""
    for journal in _journal_paths(context, path, str(left["workers"])):
        if isinstance(journal, str):
            missing = missing or journal
            continue
        try:
            opened.append(stack.enter_context(PaymentJournal.open(journal)))
        except (OSError, ConformanceError) as error:
            missing = missing or f"{journal.name} cannot be read: {error}"
    return opened, missing


def _journal_paths(context: LoadContext, path: Path, workers: str) -> Iterator[Path | str]:
    """Yield where each journal of an attempt lies, or what to say where it is out of reach."""
    yield path.with_suffix("").with_suffix(".journal")
    names, local = names_of(workers)
    stem = f"{context.scenario}-{path.name.removesuffix(_LEFT).rpartition('-')[2]}"
    for number, name in enumerate(names, 1):
        own = context.directory / f"{stem}-worker-{number}.journal"
        told = context.directory / f"{stem}-share-{number}.journal"
        if own.exists() or told.exists():
            yield own if own.exists() else told
        elif not local:
            yield f"the journal of worker {name} was not told before the end"


def _from_journals(journals: Sequence[PaymentJournal]) -> Reconciliation:
    counts = {state: sum(journal.count(state) for journal in journals) for state in State}
    return Reconciliation(
        sent=sum(number for state, number in counts.items() if state is not State.FREE),
        acknowledged=counts[State.ACK],
        rejected=counts[State.REJECT],
        unknown=sum(counts[state] for state in UNDECIDED),
        read=False,
    )


def _left(context: LoadContext) -> list[Path]:
    found = context.directory.glob(f"{_stem(context)}-*{_LEFT}")
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _stem(context: LoadContext) -> str:
    return f"{context.scenario}-payments"


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file so that after a crash it is either whole or not there."""
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
