"""What recording costs: ours beside the obvious way, interleaved in one run, ratios printed.

    python benchmarks/load_recorder.py

Nanoseconds per duration, beside appending to a list that is sorted for its percentiles at the end.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable

from conformance_load.histogram import Histogram

ROUNDS = 3
RECORDS = 500_000


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def record_into_histogram(values: list[int]) -> int:
    """Record and ask for a percentile, our way."""
    made = Histogram()
    record = made.record
    for value in values:
        record(value)
    return made.quantile(9900)


def record_into_list(values: list[int]) -> int:
    """Record and ask for a percentile, the obvious way."""
    kept: list[int] = []
    for value in values:
        kept.append(value)
    kept.sort()
    return kept[len(kept) * 99 // 100]


def peak_mb(work: Callable[[], object]) -> float:
    """Return the peak of Python's memory during one call, in megabytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def recording() -> None:
    """Print what recording costs."""
    source = random.Random(1)
    values = [int(source.lognormvariate(8, 1)) for _ in range(RECORDS)]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: record_into_histogram(values)))
        theirs.append(seconds(lambda: record_into_list(values)))
    mine, naive = min(ours) / RECORDS * 1e9, min(theirs) / RECORDS * 1e9
    print(f"record   histogram {mine:6.0f} ns   list, sorted {naive:6.0f} ns   ratio {mine / naive:.2f}")
    print(f"memory   histogram {peak_mb(Histogram):6.2f} MB   list         {RECORDS * 8 / 1e6:6.2f} MB and growing")


if __name__ == "__main__":
    recording()
