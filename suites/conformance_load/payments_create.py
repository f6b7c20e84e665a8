"""The scenario ``payments-create``: payments at a fixed arrival rate, measured honestly, and every one accounted for.

accounts → requests made ready → probes → pressure → drain → recovery → unknown decided → books read and compared
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.sdk import Account, Candidate, LoadContext, NotTested
from conformance_load.aftermath import BookReader, Decisions, Probes, decide_unknown, reconcile
from conformance_load.arrivals import Arrival, arrange
from conformance_load.connection import Connection, Target
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal
from conformance_load.openloop import OpenLoop
from conformance_load.payments import OPERATION, PaymentMaker, PaymentWork, Shot
from conformance_load.schedule import constant, poisson
from conformance_load.settings import Settings
from conformance_load.tally import Tally
from conformance_load.verdict import GeneratorFacts, invalidities

CURRENCY = "CNY"
#: Payments kept back for probing recovery; each attempt takes one.
_RECOVERY_PROBES_MAX = 400


@dataclass(slots=True)
class Pressure:
    """What the loaded part of the run left behind.

    ``scheduled``: arrivals measured; ``due``: the payments among them that a sound product confirms.
    ``cpu_permille``: of one core, by the generator.
    """

    tally: Tally
    scheduled: int
    due: int
    cpu_permille: int


@dataclass(slots=True)
class Recovery:
    """Times of single payments before and after the pressure, in microseconds, and ms until they were fast again."""

    before_us: int
    after_us: int = 0
    recovered_ms: int | None = None

    def as_json(self) -> dict[str, int | None]:
        """Return the form used in reports."""
        return {"beforeUs": self.before_us, "afterUs": self.after_us, "recoveredMs": self.recovered_ms}


def run(context: LoadContext) -> dict[str, Any]:
    """Run the scenario and return its measurement: the item of the report's ``load`` list, integers only.

    Raises ConfigError for wrong parameters and NotTested when the candidate gives too few accounts.
    """
    settings = Settings.of(context.parameters, context.candidate.file.limits.load_per_second_max)
    offsets = list(_schedule(settings, context.seed))
    arrivals = arrange(settings, len(offsets))
    payments = 1 + max(arrival.number for arrival in arrivals)
    capacity = payments + settings.probes * 2 + _RECOVERY_PROBES_MAX

    context.progress(0, len(offsets), "opening accounts")
    accounts = lease(context.candidate, settings, capacity)
    reader = BookReader(context.candidate, accounts)
    context.directory.mkdir(parents=True, exist_ok=True)
    attempt = 1 + len(list(context.directory.glob("payments-*.journal")))
    # A run that is resumed sends other payments: keys of a killed attempt are known to the product already.
    book = Book(f"{context.run}/{attempt}", len(accounts) - 1, settings.amount_max, settings.uncovered_every)
    maker = PaymentMaker(context, book, accounts, CURRENCY)
    with PaymentJournal.create(context.directory / f"payments-{attempt}.journal", capacity) as journal:
        work = PaymentWork(maker, _shots(maker, arrivals), journal)
        probes = Probes(maker, journal, range(payments, capacity))
        recovery = Recovery(probes.median(settings.probes))
        pressure = _press(context, settings, offsets, work)
        recovery.recovered_ms, recovery.after_us = probes.recovery(
            settings.probes, settings.recovery_s_max, settings.recovered_ms_max
        )
        context.progress(len(offsets), len(offsets), "reconciling")
        decisions = decide_unknown(maker, journal)
        found, books = reconcile(maker, journal, reader, CURRENCY)
    recorded = [context.record(sighting) for sighting in work.sightings]
    parts = {
        "recorded": recorded,
        "reconciliation": found.as_json(),
        "statement": books,
        "recovery": recovery.as_json(),
    }
    return {**_measured(context, settings, pressure, work, decisions), **parts}


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


def _schedule(settings: Settings, seed: int) -> Any:
    length_s = settings.warmup_s + settings.duration_s
    return poisson(settings.rate_per_s, length_s, seed) if settings.poisson else constant(settings.rate_per_s, length_s)


def _shots(maker: PaymentMaker, arrivals: list[Arrival]) -> list[Shot]:
    shots = []
    for position, arrival in enumerate(arrivals):
        if position % 500 == 0:
            maker.context.progress(0, len(arrivals), f"making requests ready ({position})")
        shots.append(maker.shot(arrival))
    return shots


def _press(context: LoadContext, settings: Settings, offsets: list[int], work: PaymentWork) -> Pressure:
    # Locust patches sockets when it is imported: only here, in the load process.
    from conformance_load.slots import drive

    length_s = settings.warmup_s + settings.duration_s
    tally = Tally(settings.duration_s)
    loop = OpenLoop(iter(offsets), work, tally, warmup_s=settings.warmup_s, length_s=length_s, drain_s=settings.drain_s)
    target = Target.of(work.url(), context)
    limit_s = length_s + settings.drain_s + 2 * target.timeout_s + 5
    cpu, wall = time.process_time(), time.monotonic()
    drive(
        loop,
        lambda: Connection(target),
        name=OPERATION,
        connections=settings.connections,
        limit_s=limit_s,
        progress=_progress(context, loop, len(offsets)),
    )
    used = (time.process_time() - cpu) / (time.monotonic() - wall)
    first = bisect_left(offsets, settings.warmup_s * 1_000_000_000)
    return Pressure(tally, len(offsets) - first, work.due(first), int(used * 1000))


def _progress(context: LoadContext, loop: OpenLoop, total: int) -> Callable[[], None]:
    return lambda: context.progress(loop.taken, total, "payments under load")


def _measured(
    context: LoadContext, settings: Settings, pressure: Pressure, work: PaymentWork, decisions: Decisions
) -> dict[str, Any]:
    tally = pressure.tally
    reasons = invalidities(_generator(settings, pressure))
    return {
        "scenario": context.scenario,
        "offered": {
            "ratePerSecond": settings.rate_per_s,
            "durationS": settings.duration_s,
            "warmupS": settings.warmup_s,
            "connections": settings.connections,
            "arrivals": "poisson" if settings.poisson else "constant",
            "scheduled": pressure.scheduled,
            "due": pressure.due,
        },
        "sent": tally.sent,
        "confirmed": tally.counts["confirmed"],
        "counts": dict(tally.counts),
        "latencyUs": tally.latency(),
        "timeline": tally.timeline(),
        "slo": settings.slo(),
        "replays": work.replays.as_json(),
        "altered": {"made": work.altered, "accepted": work.altered_accepted},
        "uncovered": {"made": work.uncovered, "accepted": work.overdrawn},
        "decisions": decisions.as_json(),
        "generator": {
            "cpuPermille": pressure.cpu_permille,
            "ownLagP99Us": tally.own_lag.quantile(9900),
            "ownLagMaxUs": tally.own_lag.largest,
        },
        "validity": "invalid" if reasons else "valid",
        "reasons": reasons,
    }


def _generator(settings: Settings, pressure: Pressure) -> GeneratorFacts:
    tally = pressure.tally
    return GeneratorFacts(
        scheduled=pressure.scheduled,
        sent=tally.sent,
        rate_per_s=settings.rate_per_s,
        connections=settings.connections,
        cpu_permille=pressure.cpu_permille,
        lag_p99_us=tally.own_lag.quantile(9900),
        lag_p999_us=tally.own_lag.quantile(9990),
        lag_samples=tally.own_lag.count,
        service_mean_us=tally.service.mean,
        slo_p99_us=settings.p99_ms_max * 1000,
    )
