"""What Locust's statistics are told: many requests at once, in buckets, instead of an event for each.

A batch belongs to one name in the statistics. The requests go into buckets of microseconds at once, into Locust's own
entries twice a second, and always before a worker reports to its master: then no request is missing from any report.
"""

from __future__ import annotations

import time
import weakref
from typing import Any

import gevent
import locust.stats

from conformance_load.histogram import BUCKETS, bounds_of, bucket_of
from conformance_load.reactor.distributed import install

#: How often Locust's statistics are brought up to date, in seconds.
FLUSH_S = 0.5
#: Different reasons of failure that are kept apart; a product that puts a number into each message has no more.
REASONS_MAX = 200


class Batch:
    """Requests of one name that Locust has not been told of. The reactor writes the public fields itself."""

    __slots__ = ("_method", "_name", "counts", "failures", "length", "total_us")

    def __init__(self, method: str, name: str) -> None:
        self._method = method
        self._name = name
        #: Requests by bucket of their response time; see :mod:`conformance_load.histogram`.
        self.counts = [0] * BUCKETS
        #: Sums of response times in microseconds, and of bodies in bytes.
        self.total_us = 0
        self.length = 0
        self.failures: dict[str, int] = {}

    def record(self, took_us: int, length: int) -> None:
        """Count a request that was answered."""
        self.counts[bucket_of(took_us)] += 1
        self.total_us += took_us
        self.length += length

    def fail(self, reason: str) -> None:
        """Count a failure, beside recording its request."""
        if reason not in self.failures and len(self.failures) >= REASONS_MAX:
            reason = "further reasons"
        self.failures[reason] = self.failures.get(reason, 0) + 1

    def flush(self, stats: Any) -> None:
        """Tell Locust, and start anew."""
        counts = {index: count for index, count in enumerate(self.counts) if count}
        if counts:
            self.counts = [0] * BUCKETS
            total_us, self.total_us = self.total_us, 0
            length, self.length = self.length, 0
            for entry in (stats.total, stats.entries[(self._name, self._method)]):
                _add(entry, counts, total_us / 1000, length)
        if self.failures:
            failures, self.failures = self.failures, {}
            for reason, times in failures.items():
                self._tell_failure(stats, reason, times)

    def _tell_failure(self, stats: Any, reason: str, times: int) -> None:
        stats.log_error(self._method, self._name, reason)
        key = locust.stats.StatsError.create_key(self._method, self._name, reason)
        stats.errors[key].occurrences += times - 1
        now = int(time.time())
        for entry in (stats.total, stats.entries[(self._name, self._method)]):
            entry.num_failures += times - 1
            entry.num_fail_per_sec[now] += times - 1


def _add(entry: Any, counts: dict[int, int], total_ms: float, length: int) -> None:
    """Do what ``StatsEntry.log`` does, for many requests at once."""
    now = time.time()
    if entry.use_response_times_cache and entry.last_request_timestamp and int(now) > int(entry.last_request_timestamp):
        entry._cache_response_times(int(now) - 1)
    number = sum(counts.values())
    entry.num_requests += number
    entry.num_reqs_per_sec[int(now)] += number
    entry.last_request_timestamp = now
    entry.total_response_time += total_ms
    entry.total_content_length += length
    smallest, largest = bounds_of(min(counts))[0] / 1000, bounds_of(max(counts))[1] / 1000
    entry.min_response_time = smallest if entry.min_response_time is None else min(entry.min_response_time, smallest)
    entry.max_response_time = max(entry.max_response_time, largest)
    for index, count in counts.items():
        entry.response_times[_middle_ms(index)] += count


def _middle_ms(index: int) -> float:
    low, high = bounds_of(index)
    return (low + high) / 2000


def bucket_response_time(response_time: float) -> float:
    """Round a time in milliseconds to the middle of our bucket: within 0.4 %, where Locust keeps two digits."""
    return _middle_ms(bucket_of(int(response_time * 1000)))


class Statistics:
    """The batches of one Locust environment, and when Locust is told of them."""

    _of: weakref.WeakKeyDictionary[Any, Statistics] = weakref.WeakKeyDictionary()

    def __init__(self, environment: Any) -> None:
        self._environment = weakref.ref(environment)
        self._batches: dict[tuple[str, str], Batch] = {}
        self._ticking: gevent.Greenlet[Any, Any] | None = None
        if hasattr(locust.stats, "bucket_response_time"):
            locust.stats.bucket_response_time = bucket_response_time  # type: ignore[assignment]  # keys may be halves
        # Before Locust's own listeners: those serialise the statistics, or set them to zero.
        for event in ("report_to_master", "spawning_complete", "test_stop", "quitting"):
            getattr(environment.events, event)._handlers.insert(0, self._flush_first)
        install(environment)

    @classmethod
    def of(cls, environment: Any) -> Statistics:
        """Return the statistics of an environment; the first call installs them."""
        found = cls._of.get(environment)
        if found is None:
            found = cls._of[environment] = cls(environment)
        return found

    def batch(self, method: str, name: str) -> Batch:
        """Return the batch of a name; it stays the same."""
        found = self._batches.get((method, name))
        if found is None:
            found = self._batches[method, name] = Batch(method, name)
        if self._ticking is None or self._ticking.dead:
            self._ticking = gevent.spawn(self._tick)
        return found

    def flush(self) -> None:
        """Tell Locust everything now."""
        environment = self._environment()
        if environment is not None:
            for batch in self._batches.values():
                batch.flush(environment.stats)

    def _flush_first(self, **_facts: Any) -> None:
        self.flush()

    def _tick(self) -> None:
        while self._environment() is not None:
            gevent.sleep(FLUSH_S)
            self.flush()
