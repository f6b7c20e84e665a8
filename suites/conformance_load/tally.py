"""What a run measured: histograms, counts, and a line per second. Times in microseconds.

response   from the *intended* start to the answer: what a customer waits, and what limits apply to
service    from sending to the answer: the product alone
lag        from the intended start to sending: waiting for a free connection, and the generator's own delay
failed     those of ``response`` that ended in no proper answer: an error at once must not pass for a fast answer
own lag    how late the generator took an arrival from the schedule, whatever the connections were doing
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from conformance_load.histogram import PRINTED, TABLE, TABLE_SIZE, Histogram, bounds_of, bucket_of

#: How an arrival ended. ``expected``: a refusal that is right; ``denied``: a replay refused that should not have been;
#: ``cut``: the answer was deliberately not read.
OUTCOMES = ("confirmed", "replayed", "expected", "refused", "denied", "broken", "cut", "unsent")


#: Where each outcome stands in the line of a second; what is not named here was not answered as one would wish.
_COLUMNS = {
    "confirmed": "confirmed",
    "replayed": "replayed",
    "expected": "expected",
    "broken": "broken",
    "unsent": "broken",
}


_HISTOGRAMS = ("response", "service", "lag", "own_lag", "failed")
#: Outcomes of requests that were not answered as they should be, however soon.
FAILED = frozenset({"refused", "denied", "broken", "unsent"})


class Second:
    """Counts of one second; ``sent`` by when requests left, the others by when they were answered."""

    __slots__ = ("buckets", "counts", "lags", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.counts = {"confirmed": 0, "replayed": 0, "expected": 0, "refused": 0, "broken": 0}
        #: Response times by bucket: a second of many thousand answers takes no more memory than one of a few.
        self.buckets: dict[int, int] = {}
        #: The generator's own lags, by bucket as well.
        self.lags: defaultdict[int, int] = defaultdict(int)

    def add(self, outcome: str, response_us: int) -> None:
        """Count an answer."""
        self.counts[_COLUMNS.get(outcome, "refused")] += 1
        index = bucket_of(response_us)
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def share(self) -> list[Any]:
        """Return what was counted, for :meth:`join` elsewhere."""
        return [self.sent, self.counts, self.buckets, dict(self.lags)]

    def join(self, share: Sequence[Any]) -> None:
        """Add what :meth:`share` of another second returned, exactly."""
        sent, counts, buckets, lags = share
        self.sent += int(sent)
        for name, count in counts.items():
            self.counts[name] += int(count)
        for mine, theirs in ((self.buckets, buckets), (self.lags, lags)):
            for index, count in theirs.items():
                mine[int(index)] = mine.get(int(index), 0) + int(count)

    def as_json(self, second: int) -> dict[str, int]:
        """Return the form used in reports."""
        times = {"p99Us": _p99(self.buckets), "lagP99Us": _p99(self.lags)}
        return {"s": second, "sent": self.sent, **self.counts, **times}


def _p99(buckets: Mapping[int, int]) -> int:
    rank = -(-sum(buckets.values()) * 99 // 100)
    for index in sorted(buckets):
        rank -= buckets[index]
        if rank <= 0:
            return sum(bounds_of(index)) // 2
    return 0


class Tally:
    """Counts arrivals of the measured window, which starts ``start_ns`` and has ``seconds`` seconds."""

    def __init__(self, seconds: int) -> None:
        self.start_ns = 0
        self.response = Histogram()
        self.service = Histogram()
        self.lag = Histogram()
        #: How late arrivals were taken from the schedule: the generator's own doing.
        self.own_lag = Histogram()
        #: Response times of what was not answered as it should be; they are among those of ``response``.
        self.failed = Histogram()
        self.counts = dict.fromkeys(OUTCOMES, 0)
        self.sent = 0
        self._seconds = [Second() for _ in range(seconds + 1)]

    def sending(self, intended_ns: int, sent_ns: int, own_lag_ns: int | None) -> None:
        """Count a request that is about to leave; arrivals of the warm-up are not counted.

        ``own_lag_ns`` is how late the generator was by itself, None where that was told to :meth:`waiting`.
        """
        if intended_ns < self.start_ns:
            return
        self.sent += 1
        second = self._second(sent_ns)
        second.sent += 1
        self.lag.record((sent_ns - intended_ns) // 1000)
        if own_lag_ns is not None:
            self._was_late(second, own_lag_ns // 1000)

    def waiting(self, intended_ns: int, taken_ns: int) -> None:
        """Note when an arrival was taken from the schedule that cannot be sent yet."""
        if intended_ns >= self.start_ns:
            self._was_late(self._second(taken_ns), (taken_ns - intended_ns) // 1000)

    def ended(self, outcome: str, intended_ns: int, sent_ns: int, done_ns: int) -> None:
        """Count how an arrival ended. What was never sent counts with the time it waited in vain.

        What was not even due when the pressure ended is counted as unsent and no more: nobody waited for it.
        """
        if intended_ns < self.start_ns:
            return
        self.counts[outcome] += 1
        response = (done_ns - intended_ns) // 1000
        if outcome == "cut" or (response < 0 and outcome == "unsent"):
            return
        self.response.record(response)
        if outcome in FAILED:
            self.failed.record(response)
        self._second(done_ns).add(outcome, response)
        if outcome != "unsent":
            self.service.record((done_ns - sent_ns) // 1000)

    def share(self) -> dict[str, Any]:
        """Return everything that was counted since this was last called, as plain data, for :meth:`add` elsewhere."""
        histograms = {name: getattr(self, name).delta() for name in _HISTOGRAMS}
        seconds = [second.share() for second in self._seconds]
        return {**histograms, "counts": dict(self.counts), "sent": self.sent, "seconds": seconds}

    def add(self, share: Mapping[str, Any]) -> None:
        """Add what :meth:`share` of another generator's tally returned: the sum is that of one tally that saw all."""
        for name in _HISTOGRAMS:
            getattr(self, name).add(share[name])
        for name, count in share["counts"].items():
            self.counts[name] += int(count)
        self.sent += int(share["sent"])
        for mine, theirs in zip(self._seconds, share["seconds"], strict=True):
            mine.join(theirs)

    def latency(self) -> dict[str, Any]:
        """Return the three histograms in the form used in reports; ``late``: see :meth:`late`."""
        late = {"late": {name: self.late(PRINTED[name]) for name in ("p50", "p99")}}
        return {
            "response": self.response.as_json() | late,
            "service": self.service.as_json(),
            "lag": self.lag.as_json(),
        }

    def late(self, per_ten_thousand: int) -> int:
        """Return a quantile of the response time by which every failure is later than any proper answer.

        An error at once is no fast answer. Where the quantile falls among failures, it is the longest time of all.
        """
        answered = self.response.without(self.failed)
        rank = max(1, -(-self.response.count * per_ten_thousand // 10_000))
        return answered.at_rank(rank) if rank <= answered.count else self.response.largest

    def timeline(self) -> list[dict[str, int]]:
        """Return the seconds; the last one holds everything after the schedule's end."""
        return [second.as_json(number) for number, second in enumerate(self._seconds)]

    def _was_late(self, second: Second, own_lag_us: int) -> None:
        self.own_lag.record(own_lag_us)
        # Mostly it is in the table; asking bucket_of each time would cost as much as all else here.
        second.lags[TABLE[own_lag_us] if 0 <= own_lag_us < TABLE_SIZE else bucket_of(own_lag_us)] += 1

    def _second(self, at_ns: int) -> Second:
        number = (at_ns - self.start_ns) // 1_000_000_000
        # min and max would say it shorter and take twice as long.
        if 0 <= number < len(self._seconds):
            return self._seconds[number]
        return self._seconds[-1 if number > 0 else 0]
