"""The streams of a shop day side by side: the schedule of each, what came of it, and whether that may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conformance_load.day import Opened
from conformance_load.flow import Pressed, Stream
from conformance_load.histogram import Histogram
from conformance_load.settings import Settings
from conformance_load.shapes import per_second, schedule_of
from conformance_load.shares import Share
from conformance_load.tally import Tally
from conformance_load.verdict import GeneratorFacts, invalidities, own_limits

#: Multiples of the golden ratio fall far apart within one, however many there are.
_GOLDEN = 0.618033988749895


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

    @property
    def tally(self) -> Tally:
        """What was counted; nothing for an absent stream."""
        return self.stream.tally if self.stream else Tally(0)

    def offered(self, settings: Settings) -> list[int]:
        """Return how many arrivals are intended in each measured second."""
        return per_second(self.offsets, settings.warmup_s, settings.duration_s)

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


def lane_of(settings: Settings, share: Share, index: int, seed: int) -> Lane:
    """Return a stream's schedule, moved by a part of its own interval: otherwise all streams would begin as one."""
    part = index * _GOLDEN % 1
    phase = int(1_000_000_000 * part / (share.rate_of(settings.rate_per_s) * peak_of(settings)))
    schedule = schedule_of(settings, seed + index, permille=share.permille)
    offsets = [at + phase for at in schedule]
    scheduled = sum(per_second(offsets, settings.warmup_s, settings.duration_s))
    return Lane(share, offsets, scheduled, due=scheduled)


def peak_of(settings: Settings) -> int:
    """Return by how much the shape multiplies rates at its highest."""
    return max(1, settings.peak_per_s // settings.rate_per_s)


def validity(settings: Settings, lanes: Sequence[Lane], pressed: Pressed) -> dict[str, Any]:
    """Judge the generator: each stream's schedule by itself, and its lateness by all requests together.

    Whatever makes the generator late is the same for all streams, and a small one alone has too few requests to say.
    """
    pressing = [lane for lane in lanes if lane.stream]
    reasons = [
        f"stream {lane.share.name}, {reason}"
        for lane in pressing
        for reason in invalidities(_schedule_facts(settings, lane, pressed))
    ]
    reasons += own_limits(_own_facts(settings, pressing, pressed))
    return {"validity": "invalid" if reasons else "valid", "reasons": reasons}


def _schedule_facts(settings: Settings, lane: Lane, pressed: Pressed) -> GeneratorFacts:
    """Return what is known of one stream's schedule, and nothing of lateness."""
    tally = lane.tally
    return GeneratorFacts(
        scheduled=lane.scheduled,
        sent=tally.sent,
        rate_per_s=lane.share.rate_of(settings.rate_per_s) * peak_of(settings),
        connections=settings.connections,
        cpu_permille=0,
        lag_p99_us=0,
        lag_p999_us=0,
        lag_samples=0,
        service_mean_us=tally.service.mean,
        slo_p99_us=lane.share.p99_ms_max * 1000,
        aborted=pressed.aborted,
    )


def _own_facts(settings: Settings, lanes: Sequence[Lane], pressed: Pressed) -> GeneratorFacts:
    """Return what is known of the generator itself, compared with the strictest limit of all streams."""
    lag = Histogram()
    for lane in lanes:
        lag.merge(lane.tally.own_lag)
    return GeneratorFacts(
        scheduled=0,
        sent=0,
        rate_per_s=settings.peak_per_s,
        connections=settings.connections * len(lanes),
        cpu_permille=pressed.cpu_permille,
        lag_p99_us=lag.quantile(9900),
        lag_p999_us=lag.quantile(9990),
        lag_samples=lag.count,
        service_mean_us=0,
        slo_p99_us=min(lane.share.p99_ms_max for lane in lanes) * 1000,
        aborted=pressed.aborted,
        late_us=pressed.late_us,
        own_failures=pressed.own_failures,
        own_failure=pressed.own_failure,
    )
