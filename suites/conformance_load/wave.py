"""A wave: one press of payments by one generator, from making its requests ready to what it measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.sdk import LoadContext, Sighting
from conformance_load.arrivals import Arrival, arrange, cooperatively, simultaneous
from conformance_load.beside import beside
from conformance_load.flow import Pressed, Span, Stream, Target
from conformance_load.ground import Field, Ground
from conformance_load.live import Live
from conformance_load.making import OPERATION
from conformance_load.payments import PaymentWork
from conformance_load.presign import Cost, Magazine
from conformance_load.settings import Settings
from conformance_load.shapes import per_second, schedule_of
from conformance_load.slo import Breach
from conformance_load.tally import Tally
from conformance_load.ui import page_of
from conformance_load.verdict import GeneratorFacts


@dataclass(frozen=True, slots=True)
class Loaded:
    """Payments ready to be pressed: what is sent, when each is due, and what making them ready cost."""

    work: PaymentWork
    offsets: list[int]
    cost: Cost


@dataclass(slots=True)
class Wave:
    """One press of payments: what was intended, what was done, and how it went.

    ``scheduled``: arrivals measured; ``due``: the payments among them that a sound product confirms;
    ``offered``: arrivals intended in each measured second. ``told``: what the work counted, by the words of the
    measurement. ``disturbed``: what was done to the candidate meanwhile. ``crew``: the generators that made
    it, if they are several; ``reasons``: why they cannot be believed.
    """

    tally: Tally
    pressed: Pressed
    scheduled: int
    due: int
    offered: list[int]
    cost: Cost
    told: dict[str, Any]
    sightings: list[Sighting]
    disturbed: dict[str, Any] = field(default_factory=dict)
    crew: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def press_wave(here: Ground, settings: Settings) -> Wave:
    """Make the requests of one wave ready and press them, from this process alone."""
    ready = loaded(here.field, settings, list(cooperatively(schedule_of(settings, here.context.seed))))
    with here.sampler.beside(settings.sample_every_ms):
        return press_ready(here.field, settings, ready)


def press_ready(
    here: Field,
    settings: Settings,
    ready: Loaded,
    *,
    epoch_wall_s: float | None = None,
    told_to: Any = None,
    abort: Callable[[], str] = lambda: "",
    broken: Callable[[str], None] = lambda reason: None,
) -> Wave:
    """Press what was made ready. ``abort`` may say why to end early; see :func:`conformance_load.press.press`.

    ``broken`` hears at once which limit ends this press early, before what is under way is answered.
    """
    tally = Tally(settings.duration_s)
    target = Target.of(here.maker.url(), here.context)
    span = Span(settings.warmup_s, settings.duration_s, settings.drain_s, epoch_wall_s)
    watch = _watch(settings, tally, abort, broken)
    with beside(here.context, settings, ready.offsets, ready.work, target) as company:
        stream = Stream(OPERATION, company.target, iter(ready.offsets), company.work, tally)
        live = Live(here.context, [tally], len(ready.offsets), settings.duration_s)
        pressed = _press(here.context, [stream], span, settings.connections, live, watch, told_to)
    offered = per_second(cooperatively(ready.offsets), settings.warmup_s, settings.duration_s)
    due = ready.work.due(len(ready.offsets) - sum(offered))
    counted = (sum(offered), due, offered, ready.cost, told(ready.work), ready.work.sightings)
    return Wave(tally, pressed, *counted, company.described(pressed.epoch_ns))


def _watch(
    settings: Settings, tally: Tally, abort: Callable[[], str], broken: Callable[[str], None]
) -> Callable[[], str]:
    """Return what says why to end early: somebody else's word, or a limit that is broken here."""
    # A disturbance breaks limits on purpose, and recovery shows only in what comes after it.
    watched = settings.abort_on_breach and not settings.disturbance
    breach = Breach(settings, tally, 0).watch if watched else lambda: ""

    def watch() -> str:
        reason = abort()
        if not reason and (reason := breach()):
            broken(reason)
        return reason

    return watch


def told(work: PaymentWork) -> dict[str, Any]:
    """Return what a work counted, by the words of the measurement."""
    return {
        "replays": work.repeats.replays().as_json(),
        "twins": work.repeats.twins().as_json(),
        "altered": {"made": work.altered, "accepted": work.altered_accepted},
        "uncovered": {"made": work.uncovered, "accepted": work.overdrawn},
        "judged": work.repeats.judged()
        | {"altered": work.altered_judged.as_json(), "uncovered": work.uncovered_judged.as_json()},
        "answers": work.reader.as_json(),
        "expired": work.expired,
    }


def loaded(here: Field, settings: Settings, offsets: Sequence[int]) -> Loaded:
    """Make the requests of arrivals at these times ready, each payment with a number that nobody else has."""
    arrivals = numbered(arrange(settings, len(offsets)), here)
    magazine = Magazine(here.maker, settings.prepare_s_max, run_s=settings.length_s + settings.drain_s)
    work = PaymentWork(here.maker, magazine.shots(arrivals), here.journal)
    return Loaded(work, list(simultaneous(cooperatively(offsets), arrivals)), magazine.cost)


def numbered(arrivals: list[Arrival], here: Field) -> list[Arrival]:
    """Give arrivals payment numbers that nobody else has."""
    taken = here.numbers(1 + max((arrival.number for arrival in arrivals), default=-1))
    return [replace(arrival, number=arrival.number + taken.start) for arrival in cooperatively(arrivals)]


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
        late_us=wave.pressed.late_us,
        own_failures=wave.pressed.own_failures,
        own_failure=wave.pressed.own_failure,
    )


def _press(
    context: LoadContext,
    streams: list[Stream],
    span: Span,
    connections: int,
    progress: Callable[[int], None],
    watch: Callable[[], str],
    told_to: Any,
) -> Pressed:
    # Locust patches sockets when it is imported: only here, in the load process.
    from conformance_load.press import press

    # A worker shows no page of its own: its master knows more.
    page = page_of(context) if told_to is None else None
    return press(streams, span, connections=connections, progress=progress, watch=watch, told_to=told_to, beside=page)
