"""Scenarios of payments: pressure of any shape, measured honestly, and every payment accounted for.

accounts → probes → requests made ready → pressure → drain → recovery → unknown decided → books read and compared
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.sdk import Account, Candidate, LoadContext, NotTested
from conformance_load import measured
from conformance_load.aftermath import BookReader, Decisions, Probes, decide_unknown, reconcile
from conformance_load.arrivals import Arrival, arrange, simultaneous
from conformance_load.flow import Pressed, Span, Stream, Target
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal
from conformance_load.live import Live
from conformance_load.making import OPERATION, PaymentMaker
from conformance_load.payments import PaymentWork
from conformance_load.presign import Cost, Magazine
from conformance_load.search import Search, Trial, capacity_of
from conformance_load.settings import Settings, require_memory
from conformance_load.shapes import per_second, schedule_of
from conformance_load.slo import Breach
from conformance_load.tally import Tally
from conformance_load.verdict import GeneratorFacts, invalidities

CURRENCY = "CNY"
#: Payments kept back for probing recovery; each attempt takes one.
RECOVERY_PROBES_MAX = 400


@dataclass(slots=True)
class Ground:
    """What stands before the pressure: accounts, their books, the payments' maker and their journal.

    ``kept_back`` are the numbers of payments for probing; ``free`` is the next number that nobody has taken.
    """

    context: LoadContext
    settings: Settings
    accounts: list[Account]
    reader: BookReader
    maker: PaymentMaker
    journal: PaymentJournal
    kept_back: range
    free: int = 0

    def numbers(self, count: int) -> range:
        """Take so many payment numbers."""
        taken = range(self.free, self.free + count)
        self.free += count
        return taken


@dataclass(slots=True)
class Wave:
    """One press of payments: what was intended, what was done, and how it went.

    ``scheduled``: arrivals measured; ``due``: the payments among them that a sound product confirms;
    ``offered``: arrivals intended in each measured second.
    """

    work: PaymentWork
    tally: Tally
    pressed: Pressed
    scheduled: int
    due: int
    offered: list[int]
    cost: Cost


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
    books: dict[str, Any] = field(default_factory=dict)


def run(context: LoadContext) -> dict[str, Any]:
    """Run a scenario of one shape and return its measurement: integers and words only.

    Raises ConfigError for wrong parameters and NotTested when the candidate gives too few accounts.
    """
    settings = settings_of(context)
    count = sum(1 for _ in schedule_of(settings, context.seed))
    require_memory(count)
    with ground(context, settings, count) as here:
        recovery, probes = probed(here)
        wave = press_wave(here, settings)
        after = aftermath(here, probes, recovery)
    return measured.payments(context, settings, [wave], after)


def run_search(context: LoadContext) -> dict[str, Any]:
    """Look for the highest rate within the limits, account for every payment of every trial, and measure the best."""
    settings = settings_of(context)
    with ground(context, settings, capacity_of(settings)) as here:
        recovery, probes = probed(here)
        waves: dict[int, Wave] = {}

        def trial(rate: int) -> Trial:
            tried = replace(settings, rate_per_s=rate, duration_s=settings.search_step_s)
            waves[rate] = wave = press_wave(here, tried)
            reasons = invalidities(facts_of(tried, wave))
            return Trial(rate, met=not Breach(tried, wave.tally, wave.due).final(), reasons=tuple(reasons))

        search = Search(settings.search_from_per_s, settings.rate_per_s, trial)
        search.run()
        after = aftermath(here, probes, recovery)
    best = waves[search.best or min(waves)]
    shown = replace(settings, rate_per_s=search.best or min(waves), duration_s=settings.search_step_s)
    return measured.payments(context, shown, [best], after, search=search)


def settings_of(context: LoadContext) -> Settings:
    """Return the scenario's settings, within what the candidate allows."""
    return Settings.of(context.parameters, context.candidate.file.limits.load_per_second_max)


@contextlib.contextmanager
def ground(context: LoadContext, settings: Settings, payments: int) -> Iterator[Ground]:
    """Prepare for up to ``payments`` payments beside the probes; closes the journal afterwards."""
    capacity = payments + settings.probes * 2 + RECOVERY_PROBES_MAX
    context.progress(0, payments, "opening accounts")
    accounts = lease(context.candidate, settings, capacity)
    reader = BookReader(context.candidate, accounts)
    context.directory.mkdir(parents=True, exist_ok=True)
    name = f"{context.scenario}-payments"
    attempt = 1 + len(list(context.directory.glob(f"{name}-*.journal")))
    # A run that is resumed sends other payments: keys of a killed attempt are known to the product already.
    marked = f"{context.run}/{context.scenario}/{attempt}"
    book = Book(marked, len(accounts) - 1, settings.amount_max, settings.uncovered_every)
    maker = PaymentMaker(context, book, accounts, CURRENCY)
    with PaymentJournal.create(context.directory / f"{name}-{attempt}.journal", capacity) as journal:
        yield Ground(context, settings, accounts, reader, maker, journal, range(payments, capacity))


def probed(here: Ground) -> tuple[Recovery, Probes]:
    """Time single payments on the idle product; the probes go on after the pressure."""
    probes = Probes(here.maker, here.journal, here.kept_back)
    return Recovery(probes.median(here.settings.probes)), probes


def press_wave(here: Ground, settings: Settings) -> Wave:
    """Make the requests of one wave ready and press them."""
    offsets = list(schedule_of(settings, here.context.seed))
    arrivals = numbered(arrange(settings, len(offsets)), here)
    offsets = list(simultaneous(offsets, arrivals))
    magazine = Magazine(here.maker, settings.prepare_s_max)
    work = PaymentWork(here.maker, magazine.shots(arrivals), here.journal)
    tally = Tally(settings.duration_s)
    stream = Stream(OPERATION, Target.of(here.maker.url(), here.context), iter(offsets), work, tally)
    span = Span(settings.warmup_s, settings.duration_s, settings.drain_s)
    watch = Breach(settings, tally, 0).watch if settings.abort_on_breach else None
    live = Live(here.context, [tally], len(offsets), settings.duration_s)
    pressed = _press(here.context, [stream], span, settings.connections, live, watch)
    offered = per_second(offsets, settings.warmup_s, settings.duration_s)
    first = len(offsets) - sum(offered)
    return Wave(work, tally, pressed, sum(offered), work.due(first), offered, magazine.cost)


def numbered(arrivals: list[Arrival], here: Ground) -> list[Arrival]:
    """Give arrivals payment numbers that nobody else has."""
    taken = here.numbers(1 + max((arrival.number for arrival in arrivals), default=-1))
    return [replace(arrival, number=arrival.number + taken.start) for arrival in arrivals]


def aftermath(here: Ground, probes: Probes, recovery: Recovery) -> After:
    """Wait until single payments are fast again, decide what is unknown, and compare every payment with the books."""
    settings = here.settings
    recovery.recovered_ms, recovery.after_us = probes.recovery(
        settings.probes, settings.recovery_s_max, settings.recovered_ms_max
    )
    here.context.progress(1, 1, "reconciling")
    decisions = decide_unknown(here.maker, here.journal)
    found, books = reconcile(here.maker, here.journal, here.reader, CURRENCY)
    return After(recovery, decisions, {"reconciliation": found.as_json(), "statement": books})


def lease(candidate: Candidate, settings: Settings, payments: int) -> list[Account]:
    """Return the run's accounts: funded ones, and an empty one last.

    Each funded account could pay every payment by itself. Where the candidate only has a pool of prepared accounts,
    fewer than wished for will do, as long as two are there.
    """
    enough = payments * settings.amount_max
    funded: list[Account] = []
    try:
        for _ in range(settings.accounts):
            funded.append(candidate.account(balance=enough, currency=CURRENCY))
    except NotTested:
        if len(funded) < 2:
            raise
    return [*funded, candidate.account(balance=0, currency=CURRENCY)]


def facts_of(settings: Settings, wave: Wave) -> GeneratorFacts:
    """Return what the generator knows of itself after a wave."""
    return GeneratorFacts(
        scheduled=wave.scheduled,
        sent=wave.tally.sent,
        rate_per_s=settings.peak_per_s,
        connections=settings.connections,
        cpu_permille=wave.pressed.cpu_permille,
        lag_p99_us=wave.tally.own_lag.quantile(9900),
        lag_p999_us=wave.tally.own_lag.quantile(9990),
        lag_samples=wave.tally.own_lag.count,
        service_mean_us=wave.tally.service.mean,
        slo_p99_us=settings.p99_ms_max * 1000,
        aborted=wave.pressed.aborted,
    )


def _press(
    context: LoadContext,
    streams: list[Stream],
    span: Span,
    connections: int,
    progress: Callable[[int], None],
    watch: Callable[[], str] | None,
) -> Pressed:
    # Locust patches sockets when it is imported: only here, in the load process.
    from conformance_load.press import press
    from conformance_load.ui import beside

    return press(streams, span, connections=connections, progress=progress, watch=watch, beside=beside(context))
