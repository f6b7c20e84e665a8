"""Telling from few measurements whether one thing takes longer than another, without being fooled by noise.

Noise only adds time, so the fastest part of each sample is compared, by rank: no mean, no normal distribution. With
equal distributions and twelve of each, the rule calls a difference in about one comparison of a hundred, and callers
ask for several independent ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class Rounds:
    """What rounds of pairs showed; ``last`` is the verdict of the last one, ``number`` says how many there were.

    ``confirmed``: the first round showed a difference, and each later one showed it again, with the same side slower.
    ``restless``: the times of the last round vary so much that no difference would have shown.
    """

    last: Verdict
    number: int
    confirmed: bool
    restless: bool

    def noted(self, first: str, second: str) -> dict[str, int]:
        """Return the medians of both sides in microseconds, and the number of rounds, for a note."""
        return {first: self.last.first_us, second: self.last.second_us, "rounds": self.number}

    def described(self, first: str, second: str) -> str:
        """Return what :meth:`noted` holds, in milliseconds and for a sentence."""
        one, other = self.last.first_us / 1000, self.last.second_us / 1000
        return f"{first} {one:.1f} ms, {second} {other:.1f} ms, in {self.number} rounds"


def in_rounds(
    first: Callable[[], int], second: Callable[[], int], sizes: Sequence[int], chance: random.Random
) -> Rounds:
    """Compare two attempts in rounds of so many pairs each; the first round that bears no difference out is the last.

    Each attempt returns the microseconds that it took. Raises ValueError where there is no round.
    """
    if not sizes:
        raise ValueError("there is no round to compare in")
    verdicts: list[Verdict] = []
    for pairs in sizes:
        sample = _alternating(first, second, pairs, chance)
        verdicts.append(compare(*sample))
        borne_out = verdicts[-1].differs and verdicts[-1].slower == verdicts[0].slower
        if not borne_out:
            break
    return Rounds(verdicts[-1], len(verdicts), borne_out, restless(*sample))


def restless(*samples: Sequence[int]) -> bool:
    """Tell whether even the fastest part of a sample is spread so widely that no difference worth naming would show."""
    return any(max(part) - min(part) > RESTLESS_US for part in map(_fastest, samples))


def _fastest(sample: Sequence[int]) -> list[int]:
    if not sample:
        raise ValueError("a sample to compare is empty")
    return sorted(sample)[: max(1, round(KEPT * len(sample)))]


def _alternating(
    first: Callable[[], int], second: Callable[[], int], pairs: int, chance: random.Random
) -> tuple[list[int], list[int]]:
    """Return the times of so many attempts of each kind; which of a pair goes first is left to chance."""
    times: tuple[list[int], list[int]] = ([], [])
    for _ in range(pairs):
        order = [(times[0], first), (times[1], second)]
        chance.shuffle(order)
        for side, attempt in order:
            side.append(attempt())
    return times
