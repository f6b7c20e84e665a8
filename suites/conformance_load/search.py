"""The search for the highest rate that a product carries within its limits: double until it fails, then halve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance_load.settings import Settings

#: The search ends when the rate that failed is at most this much above the best one, in parts per thousand.
CLOSE_PERMILLE = 1100
#: No more trials than this, whatever they show.
TRIALS_MAX = 24


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate that was tried. ``reasons``: why the generator was the limit; then it shows nothing of the product."""

    rate_per_s: int
    met: bool
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {"ratePerSecond": self.rate_per_s, "met": self.met, "reasons": list(self.reasons)}


@dataclass(slots=True)
class Search:
    """Looks for the highest rate between ``lowest`` and ``highest`` that ``trial`` says is carried.

    ``best`` is 0 when not even the lowest rate is, ``failed`` when no rate broke a limit. A trial in which the
    generator was the limit ends the search and shows nothing of the product, whose own limit is then at least ``best``.
    """

    lowest: int
    highest: int
    trial: Callable[[int], Trial]
    best: int = 0
    failed: int = 0
    trials: list[Trial] = field(default_factory=list)

    def run(self) -> None:
        """Try rates until the limit is known to within a tenth, or the highest rate is carried."""
        rate = min(self.lowest, self.highest)
        while len(self.trials) < TRIALS_MAX:
            self._try(rate)
            if self._found():
                return
            rate = min(rate * 2, self.highest) if not self.failed else (self.best + self.failed) // 2

    @property
    def exact(self) -> bool:
        """Whether a failing rate close above the best one is known, or the highest rate was carried."""
        close = bool(self.failed) and self.failed * 1000 <= max(self.best, 1) * CLOSE_PERMILLE
        return self.best == self.highest or close or (bool(self.failed) and self.failed - self.best == 1)

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {
            "best": self.best,
            "failed": self.failed,
            "highest": self.highest,
            "exact": self.exact,
            "trials": [trial.as_json() for trial in self.trials],
        }

    def _try(self, rate: int) -> None:
        found = self.trial(rate)
        self.trials.append(found)
        if found.reasons:
            return
        if found.met:
            self.best = max(self.best, rate)
        else:
            self.failed = rate

    def _found(self) -> bool:
        generator_was_the_limit = bool(self.trials[-1].reasons)
        nothing_is_carried = bool(self.failed) and not self.best
        return self.exact or generator_was_the_limit or nothing_is_carried


def capacity_of(settings: Settings) -> int:
    """Return an upper bound of the payments that a search sends."""
    length_s = settings.search_step_s + settings.warmup_s
    doubling = 2 * settings.rate_per_s
    halving = 8 * settings.rate_per_s
    return (doubling + halving) * length_s
