"""A shop day: payments with everything that goes on beside them, each operation a stream of its own.

The payments are those of the other scenarios, journal and books included. Each stream has connections of its own, so
that one which waits for slow answers does not take them from another: whatever starves it is the product's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.sdk import LoadContext
from conformance_load import measured
from conformance_load.day import Day, Opened, opened_or_why
from conformance_load.flow import Pressed, Span, Stream, Target, Work
from conformance_load.ground import CURRENCY, Ground, aftermath, ground, probed, settings_of
from conformance_load.settings import Settings, require_memory
from conformance_load.shapes import per_second, schedule_of
from conformance_load.shares import Share, shares_of
from conformance_load.slo import Breach
from conformance_load.tally import Tally
from conformance_load.verdict import GeneratorFacts, invalidities
from conformance_load.wave import Loaded, Wave, loaded, told


@dataclass(slots=True)
class Lane:
    """One stream of the day. ``absent`` says why there is none; then nothing else is set.

    ``scheduled``: arrivals measured; ``due``: those among them that a sound product confirms.
    """

    share: Share
    offsets: list[int]
    scheduled: int
    due: int
    absent: str = ""
    opened: Opened | None = None
    stream: Stream | None = None

    def as_json(self, total_per_s: int) -> dict[str, Any]:
        """Return the form used in reports."""
        known = {
            "name": self.share.name,
            "operation": self.share.operation,
            "ratePerSecond": self.share.rate_of(total_per_s),
            "absent": self.absent,
        }
        if self.stream is None:
            return known
        tally = self.stream.tally
        return known | {
            "scheduled": self.scheduled,
            "due": self.due,
            "sent": tally.sent,
            "confirmed": tally.counts["confirmed"],
            "counts": dict(tally.counts),
            "latencyUs": tally.latency(),
            "slo": self.share.slo(),
        }


def run(context: LoadContext) -> dict[str, Any]:
    """Press all streams at once and return the measurement: that of the payments, and each stream under ``streams``.

    Raises ConfigError for wrong parameters and NotTested when the candidate gives too few accounts.
    """
    settings, shares = settings_of(context), shares_of(context.parameters)
    lanes = [_lane(settings, share, index, len(shares), context.seed) for index, share in enumerate(shares)]
    require_memory(sum(len(lane.offsets) for lane in lanes))
    paying = replace(settings, rate_per_s=shares[0].rate_of(settings.rate_per_s))
    with ground(context, paying, len(lanes[0].offsets)) as here:
        _open(here, lanes)
        recovery, probes = probed(here)
        ready = _pay(here, lanes[0])
        pressed = _press(context, settings, [lane for lane in lanes if lane.stream])
        after = aftermath(here, probes, recovery)
        money = {lane.share.name: lane.opened.purse.reconciled() for lane in lanes if lane.opened and lane.opened.purse}
    counted = (lanes[0].scheduled, lanes[0].due, _offered(settings, lanes[0]))
    made = (ready.cost, told(ready.work), ready.work.sightings)
    wave = Wave(_tally(lanes[0]), pressed, *counted, *made)
    found = measured.payments(context, paying, [wave], after)
    streams = [lane.as_json(settings.rate_per_s) | _moved(money, lane) for lane in lanes]
    return found | {"streams": streams} | _validity(settings, lanes, pressed) | _recorded(context, found, lanes)


def _lane(settings: Settings, share: Share, index: int, lanes: int, seed: int) -> Lane:
    """Return a stream's schedule, moved by a part of its own interval: otherwise all streams would begin as one."""
    phase = 1_000_000_000 * index // (lanes * share.rate_of(settings.rate_per_s) * _peak(settings))
    schedule = schedule_of(settings, seed + index, permille=share.permille)
    offsets = [at + phase for at in schedule]
    scheduled = sum(per_second(offsets, settings.warmup_s, settings.duration_s))
    return Lane(share, offsets, scheduled, due=scheduled)


def _peak(settings: Settings) -> int:
    return max(1, settings.peak_per_s // settings.rate_per_s)


def _open(here: Ground, lanes: Sequence[Lane]) -> None:
    """Make the streams beside the payments ready; codes come first, because the payments made before are pressure."""
    counts = {lane.share.name: len(lane.offsets) for lane in lanes}
    settings, book = here.settings, here.maker.book
    day = Day(here.context, book.run, here.accounts[:-1], settings.amount_max, CURRENCY, counts.get("refund", 0))
    for lane in sorted(lanes[1:], key=lambda lane: not lane.share.operation.startswith("codes.")):
        here.context.progress(0, len(lane.offsets), f"making {lane.share.operation} ready")
        found = opened_or_why(day, lane.share.name, lane.share.operation, len(lane.offsets))
        if isinstance(found, str):
            lane.absent = found
        else:
            lane.opened = found
            lane.stream = _stream(here, lane, found.work.url(), found.work)


def _pay(here: Ground, lane: Lane) -> Loaded:
    ready = loaded(here.field, here.settings, lane.offsets)
    lane.offsets = ready.offsets
    lane.stream = _stream(here, lane, here.maker.url(), ready.work)
    lane.due = ready.work.due(len(lane.offsets) - lane.scheduled)
    return ready


def _stream(here: Ground, lane: Lane, url: str, work: Work) -> Stream:
    target = replace(Target.of(url, here.context), pool=lane.share.name)
    return Stream(lane.share.operation, target, iter(lane.offsets), work, Tally(here.settings.duration_s))


def _press(context: LoadContext, settings: Settings, lanes: Sequence[Lane]) -> Pressed:
    # Locust patches sockets when it is imported: only here, in the load process.
    from conformance_load.press import press

    streams = [lane.stream for lane in lanes if lane.stream]
    total = sum(len(lane.offsets) for lane in lanes)
    return press(
        streams,
        Span(settings.warmup_s, settings.duration_s, settings.drain_s),
        connections=settings.connections,
        progress=lambda taken: context.progress(taken, total, "a shop day"),
        watch=_watch(settings, lanes) if settings.abort_on_breach else None,
    )


def _watch(settings: Settings, lanes: Sequence[Lane]) -> Callable[[], str]:
    breaches = [
        (lane.share.operation, Breach(_limits(settings, lane.share), lane.stream.tally, lane.due))
        for lane in lanes
        if lane.stream
    ]

    def watch() -> str:
        return next((f"{name}: {reason}" for name, breach in breaches if (reason := breach.watch())), "")

    return watch


def _limits(settings: Settings, share: Share) -> Settings:
    return replace(settings, p99_ms_max=share.p99_ms_max, error_permille_max=share.error_permille_max)


def _validity(settings: Settings, lanes: Sequence[Lane], pressed: Pressed) -> dict[str, Any]:
    """Judge the generator by each stream: what it could not send in time says nothing about the product."""
    reasons: dict[str, None] = {}
    for lane in lanes:
        if lane.stream:
            for reason in invalidities(_facts(settings, lane, pressed)):
                reasons.setdefault(reason if reason.startswith("the generator used") else _said(lane, reason))
    return {"validity": "invalid" if reasons else "valid", "reasons": list(reasons)}


def _said(lane: Lane, reason: str) -> str:
    return f"{lane.share.operation}: {reason}"


def _facts(settings: Settings, lane: Lane, pressed: Pressed) -> GeneratorFacts:
    tally = _tally(lane)
    return GeneratorFacts(
        scheduled=lane.scheduled,
        sent=tally.sent,
        rate_per_s=lane.share.rate_of(settings.rate_per_s) * _peak(settings),
        connections=settings.connections,
        cpu_permille=pressed.cpu_permille,
        lag_p99_us=tally.own_lag.quantile(9900),
        lag_p999_us=tally.own_lag.quantile(9990),
        lag_samples=tally.own_lag.count,
        service_mean_us=tally.service.mean,
        slo_p99_us=lane.share.p99_ms_max * 1000,
        aborted=pressed.aborted,
    )


def _tally(lane: Lane) -> Tally:
    return lane.stream.tally if lane.stream else Tally(0)


def _offered(settings: Settings, lane: Lane) -> list[int]:
    return per_second(lane.offsets, settings.warmup_s, settings.duration_s)


def _moved(money: dict[str, dict[str, Any]], lane: Lane) -> dict[str, Any]:
    name = lane.share.name
    return {"money": money[name]} if name in money else {}


def _recorded(context: LoadContext, found: dict[str, Any], lanes: Sequence[Lane]) -> dict[str, Any]:
    sightings = [sighting for lane in lanes if lane.opened for sighting in lane.opened.work.sightings]
    return {"recorded": [*found["recorded"], *(context.record(sighting) for sighting in sightings)]}
