"""What stands before the pressure and after it: accounts, journal, probes, and the comparison with the books."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from conformance.sdk import Account, Candidate, LoadContext, NotTested
from conformance_load.aftermath import BookReader, Probes, reconcile
from conformance_load.deciding import Decisions, decide_unknown
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal
from conformance_load.journal_settling import Settled, journal_path, keep_ground, next_attempt, settle
from conformance_load.making import PaymentMaker
from conformance_load.sampling import Sampler
from conformance_load.settings import Settings

#: Payments kept back for probing recovery; each attempt takes one.
RECOVERY_PROBES_MAX = 400


@dataclass(slots=True)
class Field:
    """What one generator needs of a scenario: accounts, the payments' maker, and a journal of its own.

    ``free`` is the next payment number that nobody has taken.
    """

    context: LoadContext
    settings: Settings
    accounts: list[Account]
    maker: PaymentMaker
    journal: PaymentJournal
    free: int = 0

    def numbers(self, count: int) -> range:
        """Take so many payment numbers."""
        taken = range(self.free, self.free + count)
        self.free += count
        return taken


@dataclass(slots=True)
class Ground:
    """What stands before the pressure and is compared after it.

    ``field``: this process's own part of it; ``kept_back`` are its numbers for probing. ``others``: journals of other
    generators; ``unread``: why one of them is missing, then the books cannot be compared. ``earlier``: what became of
    the payments of attempts that were killed or interrupted.
    """

    field: Field
    reader: BookReader
    kept_back: range
    sampler: Sampler
    others: list[PaymentJournal] = dataclasses.field(default_factory=list)
    unread: str = ""
    earlier: list[Settled] = dataclasses.field(default_factory=list)

    @property
    def context(self) -> LoadContext:
        """The context of the scenario."""
        return self.field.context

    @property
    def settings(self) -> Settings:
        """The parameters of the scenario."""
        return self.field.settings

    @property
    def accounts(self) -> list[Account]:
        """The run's accounts: funded ones, and an empty one last."""
        return self.field.accounts

    @property
    def maker(self) -> PaymentMaker:
        """Makes the payments of this process."""
        return self.field.maker

    @property
    def journal(self) -> PaymentJournal:
        """The journal of this process."""
        return self.field.journal

    @property
    def journals(self) -> list[PaymentJournal]:
        """All journals, of this process and of others."""
        return [self.field.journal, *self.others]

    def maker_of(self, worker: int) -> PaymentMaker:
        """Return what makes the payments of another generator again."""
        book = replace(self.maker.book, worker=worker)
        return PaymentMaker(self.context, book, self.accounts, self.maker.currency)


@dataclass(slots=True)
class Recovery:
    """Times of single payments before and after the pressure, in microseconds, and ms until they were fast again."""

    before_us: int
    after_us: int = 0
    recovered_ms: int | None = None

    def as_json(self) -> dict[str, int | None]:
        """Return the form used in reports."""
        return {"beforeUs": self.before_us, "afterUs": self.after_us, "recoveredMs": self.recovered_ms}


@dataclass(slots=True)
class After:
    """What was found once the pressure was released."""

    recovery: Recovery
    decisions: Decisions
    books: dict[str, Any] = dataclasses.field(default_factory=dict)


def settings_of(context: LoadContext) -> Settings:
    """Return the scenario's settings, within what the candidate allows."""
    return Settings.of(context.parameters, context.candidate.file.limits.load_per_second_max)


@contextlib.contextmanager
def ground(context: LoadContext, settings: Settings, payments: int) -> Iterator[Ground]:
    """Prepare for up to ``payments`` payments beside the probes; closes the journal afterwards.

    Payments of attempts that were killed or interrupted are accounted for first.
    """
    capacity = payments + settings.probes * 2 + RECOVERY_PROBES_MAX
    context.directory.mkdir(parents=True, exist_ok=True)
    earlier = settle(context, settings.final_s_max)
    context.progress(0, payments, "opening accounts")
    accounts = lease(context.candidate, settings, capacity)
    reader = BookReader.now(context, accounts)
    attempt = next_attempt(context)
    # A run that is resumed sends other payments: keys of a killed attempt are known to the product already.
    marked = f"{context.run}/{context.scenario}/{attempt}"
    book = Book(marked, len(accounts) - 1, settings.amount_max, settings.uncovered_every)
    maker = PaymentMaker(context, book, accounts, currency_of(context.candidate))
    with PaymentJournal.create(journal_path(context, attempt), capacity) as journal:
        keep_ground(context, attempt, maker, reader, "0" if settings.disturbance else settings.workers)
        sampler = Sampler(context.candidate, accounts, book, journal)
        field = Field(context, settings, accounts, maker, journal)
        here = Ground(field, reader, range(payments, capacity), sampler, earlier=earlier)
        try:
            yield here
        finally:
            for other in here.others:
                other.close()


def probed(here: Ground) -> tuple[Recovery, Probes]:
    """Time single payments on the idle product; the probes go on after the pressure."""
    probes = Probes(here.maker, here.journal, here.kept_back)
    return Recovery(probes.median(here.settings.probes)), probes


def aftermath(here: Ground, probes: Probes, recovery: Recovery) -> After:
    """Wait until single payments are fast again, decide what is unknown, and compare every payment with the books."""
    settings = here.settings
    recovery.recovered_ms, recovery.after_us = probes.recovery(
        settings.probes, settings.recovery_s_max, settings.recovered_ms_max
    )
    here.context.progress(1, 1, "reconciling")
    decisions = Decisions()
    for journal in here.journals:
        decisions.add(decide_unknown(here.maker_of(journal.worker), journal, settings.final_s_max))
    found, books = reconcile(here.maker, here.journals, here.reader, here.maker.currency, here.sampler)
    sampled = here.sampler.result(here.others).as_json()
    for settled in here.earlier:
        found.add(settled.found)
        decisions.add(settled.decisions)
    if unread := here.unread or next((item.unread for item in here.earlier if item.unread), ""):
        books = {**books, "unread": unread}
    compared = {"reconciliation": found.as_json(), "statement": books, "sampling": sampled}
    return After(recovery, decisions, compared | earlier_as_json(here.earlier))


def earlier_as_json(earlier: list[Settled]) -> dict[str, Any]:
    """Return what a measurement says of attempts before it; their payments are part of the reconciliation."""
    if not earlier:
        return {}
    sent, unknown = (sum(getattr(item.found, name) for item in earlier) for name in ("sent", "unknown"))
    return {"earlier": {"attempts": len(earlier), "sent": sent, "unknown": unknown}}


def currency_of(candidate: Candidate) -> str:
    """Return the currency to pay in: the mapping's, else that of the first prepared account, else CNY."""
    pooled = next((str(item["currency"]) for item in candidate.file.pool if item.get("currency")), "CNY")
    return str(candidate.file.mapping.get("currency") or pooled)


def lease(candidate: Candidate, settings: Settings, payments: int) -> list[Account]:
    """Return the run's accounts: funded ones, and an empty one last.

    Each funded account could pay every payment by itself. Where the candidate only has a pool of prepared accounts,
    fewer than wished for will do, as long as two are there.
    """
    enough, currency = payments * settings.amount_max, currency_of(candidate)
    funded: list[Account] = []
    try:
        for _ in range(settings.accounts):
            funded.append(candidate.account(balance=enough, currency=currency))
    except NotTested:
        if len(funded) < 2:
            raise
    return [*funded, candidate.account(balance=0, currency=currency)]
