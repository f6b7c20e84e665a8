"""Telling from few measurements whether one thing takes longer than another, without being fooled by noise.

Noise only adds time, so the fastest part of each sample is compared, by rank: no mean, no normal distribution. With
equal distributions and twelve of each, the rule calls a difference in about one comparison of a hundred, and callers
ask for several independent ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: The fastest part of each sample that is compared.
KEPT = 0.6
#: Share of pairs in which the slower side must be slower.
APART = 0.95
#: Smallest difference worth naming, in microseconds and as a share of the slower median.
FLOOR_US, FLOOR_SHARE = 1_500, 0.2

#: Microseconds between the quickest and the slowest of what is compared, beyond which nothing can be told.
RESTLESS_US = 100_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two samples compare. ``first_us`` and ``second_us`` are medians of the fastest part of each.

    ``slower`` is "first" or "second"; it means something only where ``differs`` is true.
    """

    differs: bool
    slower: str
    first_us: int
    second_us: int


def compare(first: Sequence[int], second: Sequence[int]) -> Verdict:
    """Compare two samples of microseconds; raises ValueError when one is empty."""
    one, other = _fastest(first), _fastest(second)
    above = sum((a > b) + (a == b) / 2 for a in one for b in other) / (len(one) * len(other))
    medians = median(one), median(other)
    gap = abs(medians[0] - medians[1])
    large = gap >= FLOOR_US and gap >= FLOOR_SHARE * max(medians)
    slower = "first" if above >= 0.5 else "second"
    return Verdict(large and max(above, 1 - above) >= APART, slower, int(medians[0]), int(medians[1]))


def restless(*samples: Sequence[int]) -> bool:
    """Tell whether even the fastest part of a sample is spread so widely that no difference worth naming would show."""
    return any(max(part) - min(part) > RESTLESS_US for part in map(_fastest, samples))


def _fastest(sample: Sequence[int]) -> list[int]:
    if not sample:
        raise ValueError("a sample to compare is empty")
    return sorted(sample)[: max(1, round(KEPT * len(sample)))]
