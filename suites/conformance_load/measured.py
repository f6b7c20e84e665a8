"""The measurement of a scenario: what goes into the report's ``load`` list. Integers and words only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.sdk import LoadContext
from conformance_load.flow import Pressed
from conformance_load.judged import with_late as judged_with_late
from conformance_load.settings import Settings
from conformance_load.tally import Tally
from conformance_load.timeline import cliff, quarters, recovered_ms, silent_from
from conformance_load.verdict import invalidities

if TYPE_CHECKING:
    from conformance_load.ground import After
    from conformance_load.search import Search
    from conformance_load.wave import Wave


def payments(
    context: LoadContext, settings: Settings, waves: list[Wave], after: After, *, search: Search | None = None
) -> dict[str, Any]:
    """Return the measurement of a scenario of payments: its (best) wave, what came after, and the books."""
    from conformance_load.wave import facts_of

    wave = waves[0]
    tally, counted = wave.tally, dict(wave.told)
    answers = counted.pop("answers")
    reasons = [*invalidities(facts_of(settings, wave)), *wave.reasons]
    if failure := wave.disturbed.get("disturbance", {}).get("failure"):
        reasons.append(f"the disturbance could not be made: {failure}")
    seconds = timeline(tally, wave.offered)
    return {
        "scenario": context.scenario,
        "offered": offered(settings, wave.scheduled, wave.due),
        "sent": tally.sent,
        "confirmed": tally.counts["confirmed"],
        "counts": dict(tally.counts),
        "latencyUs": tally.latency(),
        "timeline": seconds,
        **_shown_by_shape(settings, seconds),
        "slo": settings.slo(),
        **counted,
        "uncovered": with_late(counted["uncovered"], after.decisions.overdrawn),
        "judged": _judged(counted["judged"], after.decisions.overdrawn + after.decisions.declined),
        "decisions": after.decisions.as_json(),
        "recovery": after.recovery.as_json(),
        "recorded": [context.record(sighting) for sighting in wave.sightings],
        **after.books,
        **wave.disturbed,
        **({"search": search.as_json()} if search else {}),
        "generator": {
            **generator(tally, wave.pressed),
            "prepared": wave.cost.as_json(),
            "answers": answers,
            **wave.crew,
        },
        "aborted": wave.pressed.aborted,
        "validity": "invalid" if reasons else "valid",
        "reasons": reasons,
    }


def with_late(uncovered: dict[str, int], late: int) -> dict[str, int]:
    """Return the payments without cover together with those that turned out afterwards to be made."""
    return uncovered | {"accepted": uncovered["accepted"] + late}


def _judged(judged: dict[str, Any], late: int) -> dict[str, Any]:
    """Return what answers showed together with the payments without cover that were decided afterwards."""
    return judged | {"uncovered": judged_with_late(judged["uncovered"], late)}


def _shown_by_shape(settings: Settings, seconds: list[dict[str, int]]) -> dict[str, Any]:
    """Return what the seconds show of the question that a shape asks."""
    limit_us = settings.p99_ms_max * 1000
    if settings.shape == "burst":
        end = settings.burst_at_s + settings.burst_s
        burst = {"fromS": settings.burst_at_s, "endS": end, "limitMs": settings.burst_recovery_ms_max}
        return {"burst": {**burst, "recoveredMs": recovered_ms(seconds, end, limit_us)}}
    if settings.shape == "ramp":
        return {"ramp": {"cliff": cliff(seconds, limit_us)}}
    first, last = quarters(seconds)
    limits = {"decayPermilleMax": settings.decay_permille_max, "decayFloorMs": settings.decay_floor_ms}
    silent = silent_from(seconds, limit_us)
    return {"soak": {"firstUs": first, "lastUs": last, "silentFromS": silent, **limits}}


def offered(settings: Settings, scheduled: int, due: int) -> dict[str, Any]:
    """Return what was offered, and by which factor a larger target was scaled."""
    return {
        "ratePerSecond": settings.rate_per_s,
        "peakPerSecond": settings.peak_per_s,
        "durationS": settings.duration_s,
        "warmupS": settings.warmup_s,
        "connections": settings.connections,
        "arrivals": settings.shape,
        "scalePermille": settings.scale_permille,
        "scaledCounts": bool(settings.scaled_counts),
        "scheduled": scheduled,
        "due": due,
    }


def timeline(tally: Tally, intended: list[int]) -> list[dict[str, int]]:
    """Return the seconds with what was intended in each; the last one holds everything after the schedule's end."""
    seconds = tally.timeline()
    return [{**second, "offered": count} for second, count in zip(seconds, [*intended, 0], strict=True)]


def generator(tally: Tally, pressed: Pressed) -> dict[str, Any]:
    """Return what the generator knows of itself."""
    return {
        "cpuPermille": pressed.cpu_permille,
        "ownLagP99Us": tally.own_lag.quantile(9900),
        "ownLagMaxUs": tally.own_lag.largest,
        "told": pressed.told,
        "surplus": pressed.surplus,
        "startedAtMs": pressed.epoch_wall_ns // 1_000_000,
    }
