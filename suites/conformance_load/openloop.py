"""The open loop: arrivals come when the schedule says, whoever is free takes the next one.

A slot is one connection. It takes the next arrival, waits until that is due, sends, and reads. When all slots are
busy, arrivals wait, and their waiting counts as response time. A slot that waited *for* its arrival was free, so a
late start is then the generator's own fault and is measured apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import gevent

from conformance_load.connection import Client, Reply
from conformance_load.schedule import Schedule
from conformance_load.tally import Tally

#: Reads the clock that all times of a run come from, in nanoseconds.
now_ns = time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class Times:
    """When one arrival was intended, sent and answered; nanoseconds."""

    intended: int
    sent: int
    done: int

    @property
    def response_ms(self) -> float:
        """From the intended start to the answer."""
        return (self.done - self.intended) / 1_000_000


class Work(Protocol):
    """What is sent and what its answers mean; the loop knows neither."""

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return the bytes of an arrival and whether its connection is to be cut after sending."""
        ...

    def sending(self, arrival: int, at_ns: int) -> None:
        """Note that an arrival is about to be sent."""
        ...

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Take a reply (None after a cut) and return an outcome of :data:`conformance_load.tally.OUTCOMES`."""
        ...


class OpenLoop:
    """Hands out the arrivals of one schedule to slots."""

    def __init__(
        self, schedule: Schedule, work: Work, tally: Tally, *, warmup_s: int, length_s: int, drain_s: int
    ) -> None:
        self._arrivals = enumerate(schedule)
        self._work = work
        self._tally = tally
        self._warmup_s = warmup_s
        self._patience_s = length_s + drain_s
        self._epoch_ns = 0
        self._deadline_ns = 0
        #: How many arrivals were handed out, for the progress line.
        self.taken = 0

    def start(self) -> None:
        """Start the clock: the first arrival is due now."""
        self._epoch_ns = now_ns()
        self._deadline_ns = self._epoch_ns + self._patience_s * 1_000_000_000
        self._tally.start_ns = self._epoch_ns + self._warmup_s * 1_000_000_000

    def take(self) -> tuple[int, int] | None:
        """Return the next arrival and its intended time, or None when nothing is left to send."""
        if now_ns() > self._deadline_ns:
            self._give_up()
            return None
        found = next(self._arrivals, None)
        if found is None:
            return None
        self.taken += 1
        return found[0], self._epoch_ns + found[1]

    def run_one(self, client: Client, told: Callable[[str, Times, Reply | None], Any]) -> bool:
        """Let a slot take one arrival through; return False when nothing is left. ``told`` hears of the result."""
        taken = self.take()
        if taken is None:
            return False
        arrival, intended = taken
        # Connect while waiting, and look again afterwards: the wait may have been long.
        client.ready()
        own_lag_ns = self._wait_until(intended)
        unreachable = client.ready()
        # Asked for only now: what is right to send may depend on answers that came during the wait.
        request, cut = self._work.request(arrival)
        sent = now_ns()
        self._tally.sending(intended, sent, own_lag_ns)
        reply = self._send(client, arrival, request, cut, unreachable, sent)
        times = Times(intended, sent, now_ns())
        outcome = self._work.answered(arrival, reply, times)
        self._tally.ended(outcome, *_plain(times))
        told(outcome, times, reply)
        return True

    def _send(
        self, client: Client, arrival: int, request: bytes, cut: bool, unreachable: str, at_ns: int
    ) -> Reply | None:
        if unreachable:
            # Nothing left our machine, so the journal does not claim that it did.
            return Reply(broken="connection", detail=unreachable)
        self._work.sending(arrival, at_ns)
        if cut:
            client.send_and_cut(request)
            return None
        return client.exchange(request)

    def _wait_until(self, intended_ns: int) -> int | None:
        """Wait, and return how much later than intended this slot woke; None when it came too late to wait."""
        early_ns = intended_ns - now_ns()
        if early_ns <= 0:
            return None
        gevent.sleep(early_ns / 1_000_000_000)
        return now_ns() - intended_ns

    def _give_up(self) -> None:
        at = now_ns()
        for _, offset in self._arrivals:
            self._tally.ended("unsent", self._epoch_ns + offset, at, at)


def _plain(times: Times) -> tuple[int, int, int]:
    return times.intended, times.sent, times.done
