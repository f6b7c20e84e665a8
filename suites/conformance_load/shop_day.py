"""A shop day: payments with everything that goes on beside them, each operation a stream of its own.

The payments are those of the other scenarios, journal and books included. Each stream has connections of its own, so
that one which waits for slow answers does not take them from another: whatever starves it is the product's doing. A
day is always pressed from one process: streams beside each other are the point, not the highest rate.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.errors import ConfigError
from conformance.sdk import LoadContext
from conformance_load import measured
from conformance_load.day import Day, opened_or_why
from conformance_load.flow import Pressed, Span, Stream, Target, Work
from conformance_load.ground import Ground, aftermath, ground, probed, settings_of
from conformance_load.lanes import Lane, lane_of, peak_of, validity
from conformance_load.live import Live
from conformance_load.payments_run import believed
from conformance_load.presign import REQUESTS_MAX
from conformance_load.settings import Settings, require_memory
from conformance_load.shapes import schedule_of
from conformance_load.shares import Share, require_rates, shares_of
from conformance_load.slo import Breach
from conformance_load.tally import Tally
from conformance_load.ui import page_of
from conformance_load.wave import Loaded, Wave, loaded, told


def run(context: LoadContext) -> dict[str, Any]:
    """Press all streams at once and return the measurement: that of the payments, and each stream under ``streams``.

    Raises ConfigError for wrong parameters and NotTested when the candidate gives too few accounts.
    """
    settings, shares = settings_of(context), shares_of(context.parameters)
    allowed = context.candidate.file.limits.load_per_second_max
    require_rates(shares, settings.rate_per_s, peak_of(settings), settings.shape, allowed)
    for share in shares[1:]:
        require_ahead(settings, share, context.seed)
    lanes = [lane_of(settings, share, index, context.seed) for index, share in enumerate(shares)]
    require_memory(len(lanes[0].offsets))
    paying = replace(settings, rate_per_s=shares[0].rate_of(settings.rate_per_s))
    with ground(context, paying, len(lanes[0].offsets)) as here:
        _open(here, lanes)
        recovery, probes = probed(here)
        ready = _pay(here, lanes[0])
        pressed = _press(context, settings, [lane for lane in lanes if lane.stream])
        after = aftermath(here, probes, recovery)
        money = {lane.share.name: lane.opened.purse.reconciled() for lane in lanes if lane.opened and lane.opened.purse}
    counted = (lanes[0].scheduled, lanes[0].due, lanes[0].offered(settings))
    made = (ready.cost, told(ready.work), ready.work.sightings)
    wave = believed(Wave(lanes[0].tally, pressed, *counted, *made))
    found = measured.payments(context, paying, [wave], after)
    streams = [lane.as_json(settings.rate_per_s) | _moved(money, lane) for lane in lanes]
    judged = validity(settings, lanes, pressed)
    if wave.reasons:
        judged = {"validity": "invalid", "reasons": [*wave.reasons, *judged["reasons"]]}
    return found | {"streams": streams} | judged | _recorded(context, found, lanes)


def require_ahead(settings: Settings, share: Share, seed: int, most: int = REQUESTS_MAX) -> None:
    """Raise ConfigError where a stream beside the payments has more requests than fit into memory: all are made ahead.

    Only so many are counted, for a schedule may be very long.
    """
    schedule = schedule_of(settings, seed, permille=share.permille)
    if sum(1 for _ in itertools.islice(schedule, most)) < most:
        return
    longest = (most - 1) // (share.rate_of(settings.rate_per_s) * peak_of(settings)) - settings.warmup_s
    shorter = f"Set duration_s to {longest} or less, or lower rate_per_s" if longest > 0 else "Lower rate_per_s"
    raise ConfigError(
        f"more than the {most:,} requests of {share.operation} that fit into memory would be made ahead",
        where="load.duration_s",
        remedy=f"{shorter}. Workers would not help: streams beside each other are pressed by one process.",
    )


def _open(here: Ground, lanes: Sequence[Lane]) -> None:
    """Make the streams beside the payments ready; codes come first, because the payments made before are pressure."""
    counts = {lane.share.name: len(lane.offsets) for lane in lanes}
    settings, book = here.settings, here.maker.book
    refunds = counts.get("refund", 0)
    day = Day(here.context, book.run, here.accounts[:-1], settings.amount_max, here.maker.currency, refunds)
    for lane in sorted(lanes[1:], key=lambda lane: not lane.share.operation.startswith("codes.")):
        here.context.progress(0, len(lane.offsets), f"making {lane.share.operation} ready")
        found = opened_or_why(day, lane.share.name, lane.share.operation, len(lane.offsets))
        if isinstance(found, str):
            lane.absent = found
        else:
            lane.opened = found
            lane.offsets = list(found.work.moments(lane.offsets))
            lane.scheduled = sum(lane.offered(settings))
            lane.due = found.work.due(len(lane.offsets) - lane.scheduled)
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
        progress=Live(context, [stream.tally for stream in streams], total, settings.duration_s),
        watch=_watch(settings, lanes) if settings.abort_on_breach else None,
        beside=page_of(context),
    )


def _watch(settings: Settings, lanes: Sequence[Lane]) -> Callable[[], str]:
    breaches = [
        (lane.share.name, Breach(_limits(settings, lane.share), lane.stream.tally, lane.due))
        for lane in lanes
        if lane.stream
    ]

    def watch() -> str:
        return next((f"stream {name}, {reason}" for name, breach in breaches if (reason := breach.watch())), "")

    return watch


def _limits(settings: Settings, share: Share) -> Settings:
    return replace(settings, p99_ms_max=share.p99_ms_max, error_permille_max=share.error_permille_max)


def _moved(money: dict[str, dict[str, Any]], lane: Lane) -> dict[str, Any]:
    name = lane.share.name
    return {"money": money[name]} if name in money else {}


def _recorded(context: LoadContext, found: dict[str, Any], lanes: Sequence[Lane]) -> dict[str, Any]:
    sightings = [sighting for lane in lanes if lane.opened for sighting in lane.opened.work.sightings]
    return {"recorded": [*found["recorded"], *(context.record(sighting) for sighting in sightings)]}
