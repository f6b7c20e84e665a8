"""Log-linear histograms of durations: bounded error, exact merging, honest intervals.

Durations are integers of microseconds. Values below 128 have a bucket each; above, every power of two is split into
128 buckets, so the middle of a bucket is at most 0.4 % away from any value in it. Two histograms are merged by adding
their buckets, which is exact and order-free; percentiles are never averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

#: Buckets per power of two are ``1 << SUB_BITS``.
SUB_BITS = 7
_SUB = 1 << SUB_BITS
#: Largest value with a bucket of its own size: about 19 hours in microseconds; larger ones share the last bucket.
VALUE_MAX = (1 << 36) - 1
#: How many buckets there are.
BUCKETS = (36 - SUB_BITS + 1) * _SUB
#: Quantiles that reports print, in parts per ten thousand.
PRINTED = {"p50": 5000, "p90": 9000, "p95": 9500, "p99": 9900, "p999": 9990}
#: Two-sided normal quantile of a 95 % interval.
_Z95 = 1.959964


def index_of(value: int) -> int:
    """Return the bucket of a value from 0 to :data:`VALUE_MAX`."""
    if value < _SUB:
        return value
    exponent = value.bit_length() - SUB_BITS - 1
    return (exponent << SUB_BITS) + (value >> exponent)


def bounds_of(index: int) -> tuple[int, int]:
    """Return the lowest and the highest value of a bucket, both inclusive."""
    if index < 2 * _SUB:
        return index, index
    exponent = (index >> SUB_BITS) - 1
    low = (index - (exponent << SUB_BITS)) << exponent
    return low, low + (1 << exponent) - 1


def _table() -> list[int]:
    """Return the buckets of small values, so that the usual ones need no arithmetic."""
    made: list[int] = []
    while len(made) < TABLE_SIZE:
        low, high = bounds_of(index := index_of(len(made)))
        made += [index] * (high - low + 1)
    return made


#: Values below this find their bucket in :data:`TABLE`: 65 ms, which is most of what is ever measured.
TABLE_SIZE = 1 << 16
TABLE = _table()


def bucket_of(value: int) -> int:
    """Return the bucket that any value is counted in: negative ones as 0, too large ones in the last."""
    if 0 <= value < TABLE_SIZE:
        return TABLE[value]
    return index_of(min(max(value, 0), VALUE_MAX))


class Histogram:
    """Counts of durations in microseconds."""

    __slots__ = ("_counts", "_told", "_told_total", "largest", "smallest", "total")

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._told: list[int] | None = None
        self._told_total = 0
        #: The exact largest and smallest recorded value, and the exact sum.
        self.largest = 0
        self.smallest = VALUE_MAX
        self.total = 0

    def record(self, value: int) -> None:
        """Count one duration; negative ones (a clock read twice) count as 0."""
        if value < TABLE_SIZE:
            if value < 0:
                value = 0
            self._counts[TABLE[value]] += 1
        else:
            if value > VALUE_MAX:
                value = VALUE_MAX
            self._counts[index_of(value)] += 1
        self.total += value
        if value > self.largest:
            self.largest = value
        if value < self.smallest:
            self.smallest = value

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return sum(self._counts)

    @property
    def mean(self) -> int:
        """The mean, rounded down; 0 for an empty histogram."""
        count = self.count
        return self.total // count if count else 0

    def merge(self, other: Histogram) -> None:
        """Add another histogram to this one, exactly."""
        self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        self.total += other.total
        self.largest = max(self.largest, other.largest)
        self.smallest = min(self.smallest, other.smallest)

    def without(self, part: Histogram) -> Histogram:
        """Return this histogram without the values of ``part``, all of which are in it; its bounds are as before."""
        made = Histogram()
        made._counts = [mine - theirs for mine, theirs in zip(self._counts, part._counts, strict=True)]
        made.total, made.largest, made.smallest = self.total - part.total, self.largest, self.smallest
        return made

    def delta(self) -> dict[str, Any]:
        """Return what was recorded since this was last called: few numbers, for a worker's report to its master.

        ``buckets`` maps a bucket to its count. The deltas of any workers, added in any order, make the histogram of
        all their values.
        """
        told = self._told or [0] * BUCKETS
        fresh = {
            index: now - then for index, (now, then) in enumerate(zip(self._counts, told, strict=True)) if now != then
        }
        self._told = self._counts.copy()
        total, self._told_total = self.total - self._told_total, self.total
        return {"buckets": fresh, "total": total, "smallest": self.smallest, "largest": self.largest}

    def add(self, delta: Mapping[str, Any]) -> None:
        """Add what :meth:`delta` of another histogram returned, exactly; keys may have become strings on the way."""
        for index, count in delta["buckets"].items():
            self._counts[int(index)] += int(count)
        self.total += int(delta["total"])
        self.largest = max(self.largest, int(delta["largest"]))
        self.smallest = min(self.smallest, int(delta["smallest"]))

    def at_rank(self, rank: int) -> int:
        """Return the ``rank``-th smallest value (from 1) to within 0.4 %; 0 for an empty histogram."""
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= rank and count:
                low, high = bounds_of(index)
                return min(max((low + high) // 2, self.smallest), self.largest)
        return self.largest

    def quantile(self, per_ten_thousand: int) -> int:
        """Return a quantile by nearest rank: the smallest value that this share of the values does not exceed."""
        return self.at_rank(max(1, -(-self.count * per_ten_thousand // 10_000)))

    def interval(self, per_ten_thousand: int) -> tuple[int, int] | None:
        """Return the 95 % confidence interval of a quantile from order statistics, or None with too few values.

        The number of values below the true quantile is binomial, whatever their distribution; its normal
        approximation gives the two ranks. None means that a rank falls outside of the sample.
        """
        count = self.count
        middle = count * per_ten_thousand / 10_000
        reach = _Z95 * math.sqrt(middle * (1 - per_ten_thousand / 10_000))
        low, high = math.floor(middle - reach), math.ceil(middle + reach) + 1
        return (self.at_rank(low), self.at_rank(high)) if low >= 1 and high <= count else None

    def buckets(self) -> list[tuple[int, int, int]]:
        """Return the buckets that are not empty: lowest value, highest value, count."""
        return [(*bounds_of(index), count) for index, count in enumerate(self._counts) if count]

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports: percentiles, their intervals and all buckets; integers only."""
        intervals = {name: self.interval(share) for name, share in PRINTED.items()}
        return {
            **{name: self.quantile(share) for name, share in PRINTED.items()},
            "min": self.smallest if self.total or self._counts[0] else 0,
            "max": self.largest,
            "mean": self.mean,
            "count": self.count,
            "intervals": {name: list(pair) for name, pair in intervals.items() if pair},
            "buckets": [list(bucket) for bucket in self.buckets()],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Histogram:
        """Read the form that :meth:`as_json` writes, to merge histograms of several workers."""
        made = cls()
        for low, _high, count in value["buckets"]:
            made._counts[index_of(int(low))] = int(count)
        count = made.count
        made.largest, made.smallest = int(value["max"]), int(value["min"]) if count else VALUE_MAX
        made.total = sum((low + high) // 2 * count for low, high, count in made.buckets())
        return made

    @classmethod
    def of(cls, values: Iterable[int]) -> Histogram:
        """Return the histogram of ``values``."""
        made = cls()
        for value in values:
            made.record(value)
        return made
