"""The live line: what a running scenario tells of itself, from its tallies, at most twice a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.sdk import LoadContext
from conformance_load.flow import now_ns
from conformance_load.histogram import Histogram
from conformance_load.tally import Tally

#: The least time between two lines, in nanoseconds, and between two notes of the quiet phases.
INTERVAL_NS = 500_000_000
NOTED_EVERY_NS = 2_000_000_000


class Live:
    """Hears how many arrivals were taken and passes on a note such as
    ``5 s left, 100/s offered, 96/s confirmed, p99 12.3 ms, 0 errors``.

    ``total``: arrivals in all; ``duration_s``: measured seconds; ``clock`` reads nanoseconds.
    """

    def __init__(
        self,
        context: LoadContext,
        tallies: Sequence[Tally],
        total: int,
        duration_s: int,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self._context = context
        self._tallies = tallies
        self._total = total
        self._duration_ns = duration_s * 1_000_000_000
        self._clock = clock
        #: Time, arrivals taken and arrivals confirmed when the last line was told.
        self._told = (clock() - INTERVAL_NS, 0, 0)

    def __call__(self, taken: int) -> None:
        """Tell the state after ``taken`` arrivals, unless it was told just now."""
        now = self._clock()
        before, taken_before, confirmed_before = self._told
        if now - before < INTERVAL_NS:
            return
        confirmed = sum(tally.counts["confirmed"] for tally in self._tallies)
        self._told = (now, taken, confirmed)
        seconds = (now - before) / 1_000_000_000
        rates = (taken - taken_before) / seconds, (confirmed - confirmed_before) / seconds
        self._context.progress(taken, self._total, self._note(now, *rates))

    def _note(self, now: int, offered: float, confirmed: float) -> str:
        start = min(tally.start_ns for tally in self._tallies)
        if not start:
            return "connecting"
        if now < start:
            return f"warming up, {offered:.0f}/s offered"
        left = -(-(start + self._duration_ns - now) // 1_000_000_000)
        errors = sum(tally.counts["broken"] + tally.counts["unsent"] for tally in self._tallies)
        p99 = _together(self._tallies).quantile(9900) / 1000
        return (
            f"{f'{left} s left' if left > 0 else 'draining'}, {offered:.0f}/s offered, {confirmed:.0f}/s confirmed, "
            f"p99 {p99:,.1f} ms, {errors} {'error' if errors == 1 else 'errors'}"
        )


class Noted:
    """Passes on notes of the phases before and after the pressure, at most one every two seconds.

    Whoever waits for the load process takes long silence for a hang, and reading millions of entries takes minutes.
    """

    def __init__(self, context: LoadContext, clock: Callable[[], int] = now_ns) -> None:
        self._context = context
        self._clock = clock
        self._told_ns = clock()

    def __call__(self, note: str) -> None:
        """Tell a note, unless one was told just now."""
        now = self._clock()
        if now - self._told_ns >= NOTED_EVERY_NS:
            self._told_ns = now
            self._context.progress(1, 1, note)


def _together(tallies: Sequence[Tally]) -> Histogram:
    if len(tallies) == 1:
        return tallies[0].response
    merged = Histogram()
    for tally in tallies:
        merged.merge(tally.response)
    return merged
