"""When each request is meant to start: iterators of intended times, decided before anything is sent.

Times are integers of nanoseconds from the start of the run. A schedule never looks at the product: that is what
makes the loop open. Latency is later measured from these times, so a stall is charged to whoever caused it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from conformance.errors import ConfigError

NS = 1_000_000_000

#: Intended times, ascending.
Schedule = Iterator[int]


def constant(rate_per_s: int, duration_s: int, start_ns: int = 0) -> Schedule:
    """Yield ``rate_per_s`` evenly spaced times in every second; exact, without drift."""
    return (start_ns + number * NS // rate_per_s for number in range(rate_per_s * duration_s))


def poisson(rate_per_s: int, duration_s: int, seed: int) -> Schedule:
    """Yield independent arrivals at a mean rate, as many callers who do not know each other make them."""
    source = random.Random(seed)  # noqa: S311 (a schedule, not a secret)
    at = 0.0
    while True:
        at += source.expovariate(rate_per_s)
        if at >= duration_s:
            return
        yield int(at * NS)


def ramp(from_per_s: int, to_per_s: int, duration_s: int) -> Schedule:
    """Yield a rate that moves in a straight line from one value to another.

    Arrival *k* is due when the integral of the rate reaches *k*: a quadratic in time.
    """
    count = (from_per_s + to_per_s) * duration_s // 2
    slope = (to_per_s - from_per_s) / duration_s
    for number in range(count):
        if slope == 0:
            at = number / from_per_s
        else:
            at = (math.sqrt(max(from_per_s**2 + 2 * slope * number, 0.0)) - from_per_s) / slope
        yield min(int(at * NS), duration_s * NS)


def step(base_per_s: int, burst_per_s: int, before_s: int, burst_s: int, after_s: int) -> Schedule:
    """Yield a base rate, a burst, and the base rate again: what a sale or a market opening does."""
    return itertools.chain(
        constant(base_per_s, before_s),
        constant(burst_per_s, burst_s, before_s * NS),
        constant(base_per_s, after_s, (before_s + burst_s) * NS),
    )


def square(low_per_s: int, high_per_s: int, period_s: int, duration_s: int) -> Schedule:
    """Yield a square wave: each period begins with a half at the low rate and ends with a half at the high one."""
    half = period_s * NS // 2
    for start in range(0, duration_s * NS, period_s * NS):
        for offset, rate in ((0, low_per_s), (half, high_per_s)):
            count = rate * half // NS
            for number in range(count):
                at = start + offset + number * half // count
                if at < duration_s * NS:
                    yield at


def replayed(path: Path, duration_s: int) -> Schedule:
    """Yield the arrivals of a recorded trace: a text file with one offset in microseconds per line, ascending.

    Empty lines and lines that begin with ``#`` are passed over; what lies beyond the duration is left out. Raises
    ConfigError naming the line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the trace cannot be read: {error}", where=str(path), remedy="Correct load.trace.") from None
    return iter(_offsets(lines, path, duration_s * NS))


def busiest_second(times: Iterable[int]) -> int:
    """Return the largest number of ascending times that lie within one second, wherever that begins."""
    import numpy as np

    at = np.fromiter(times, dtype=np.int64)
    within = np.searchsorted(at, at + NS) - np.arange(len(at))
    return int(within.max(initial=0))


@lru_cache(maxsize=4)
def peak_of_trace(path: Path, duration_s: int, warmup_per_s: int, warmup_s: int) -> int:
    """Return the most arrivals in any second of a trace after its warm-up; raises ConfigError as :func:`replayed`."""
    warm = constant(warmup_per_s, warmup_s)
    return busiest_second(itertools.chain(warm, shifted(replayed(path, duration_s), warmup_s * NS)))


def shifted(stream: Schedule, by_ns: int) -> Schedule:
    """Yield a stream later."""
    return (at + by_ns for at in stream)


def _offsets(lines: Iterable[str], path: Path, end_ns: int) -> list[int]:
    found: list[int] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        at = int(text) * 1000 if text.isascii() and text.isdigit() else -1
        if at < (found[-1] if found else 0):
            raise ConfigError(
                f"{text[:40]!r} is not a whole number of microseconds at or after the line before",
                where=f"{path}, line {number}",
                remedy="A trace has one offset per line, counted from its start, ascending.",
            )
        if at < end_ns:
            found.append(at)
    return found


def merged(*streams: Schedule) -> Iterator[tuple[int, int]]:
    """Yield the arrivals of several streams in order of time, each with the number of its stream."""
    labelled = (_labelled(stream, label) for label, stream in enumerate(streams))
    return heapq.merge(*labelled)


def share(stream: Schedule, worker: int, workers: int) -> Schedule:
    """Yield every ``workers``-th arrival: one worker's part of a stream, in phase with the others."""
    return itertools.islice(stream, worker, None, workers)


def _labelled(stream: Schedule, label: int) -> Iterator[tuple[int, int]]:
    return ((at, label) for at in stream)
