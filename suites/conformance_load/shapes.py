"""From parameters to the schedule of one stream: which shape, how strong, from when to when."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from conformance_load.schedule import NS, Schedule, constant, poisson, ramp, replayed, shifted, square, step
from conformance_load.settings import Settings


def schedule_of(settings: Settings, seed: int, *, permille: int = 1000) -> Schedule:
    """Return the intended offsets of a stream that has ``permille`` of the rate; the warm-up comes first.

    Raises ConfigError where a trace cannot be read.
    """
    rate = max(1, settings.rate_per_s * permille // 1000)
    warm = constant(_first_rate(settings, rate), settings.warmup_s) if settings.warmup_s else iter(())
    return itertools.chain(warm, shifted(_shape(settings, rate, seed), settings.warmup_s * NS))


def per_second(schedule: Iterable[int], warmup_s: int, seconds: int) -> list[int]:
    """Return how many arrivals a schedule intends in each measured second."""
    counts = [0] * seconds
    for at in schedule:
        second = at // NS - warmup_s
        if 0 <= second < seconds:
            counts[second] += 1
    return counts


def _shape(settings: Settings, rate: int, seed: int) -> Schedule:
    length = settings.duration_s
    match settings.shape:
        case "poisson":
            return poisson(rate, length, seed)
        case "ramp":
            return ramp(_first_rate(settings, rate), rate, length)
        case "burst":
            after = length - settings.burst_at_s - settings.burst_s
            return step(rate, rate * settings.burst_factor, settings.burst_at_s, settings.burst_s, after)
        case "square":
            return square(rate, rate * settings.burst_factor, settings.period_s, length)
        case "trace":
            return replayed(Path(settings.trace), length)
        case _:
            return constant(rate, length)


def _first_rate(settings: Settings, rate: int) -> int:
    return max(1, rate * settings.ramp_from_permille // 1000) if settings.shape == "ramp" else rate
