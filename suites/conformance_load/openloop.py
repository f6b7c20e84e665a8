"""The open loop: arrivals come when the schedule says, whoever is free takes the next one.

A slot is one connection. It takes the next arrival, waits until that is due, sends, and reads. When all slots are
busy, arrivals wait, and their waiting counts as response time. A slot that waited *for* its arrival was free, so a
late start is then the generator's own fault and is measured apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from conformance_load.connection import Client
from conformance_load.flow import Reply, Span, Stream, Times, now_ns
from conformance_load.schedule import merged


class OpenLoop:
    """Hands out the arrivals of the streams of one target to its slots, in order of time."""

    def __init__(self, streams: Sequence[Stream], span: Span) -> None:
        self._streams = streams
        self._span = span
        self._arrivals = merged(*(stream.arrivals for stream in streams))
        self._epoch_ns = 0
        self._deadline_ns = 0
        #: Set when the pressure is to end early: what is not sent yet is given up.
        self.aborted = ""

    def start(self, epoch_ns: int) -> None:
        """Start the clock: offsets count from ``epoch_ns``."""
        self._epoch_ns = epoch_ns
        self._deadline_ns = epoch_ns + (self._span.length_s + self._span.drain_s) * 1_000_000_000
        for stream in self._streams:
            stream.tally.start_ns = epoch_ns + self._span.warmup_s * 1_000_000_000

    def take(self) -> tuple[Stream, int, int] | None:
        """Return the next arrival: its stream, its number there and its intended time. None: nothing is left."""
        if self.aborted or now_ns() > self._deadline_ns:
            self._give_up()
            return None
        found = next(self._arrivals, None)
        if found is None:
            return None
        offset, label = found
        stream = self._streams[label]
        stream.taken += 1
        return stream, stream.taken - 1, self._epoch_ns + offset

    def run_one(self, client: Client, told: Callable[[str, str, Times, Reply | None], Any]) -> bool:
        """Let a slot take one arrival through; return False when nothing is left. ``told`` hears of the result."""
        taken = self.take()
        if taken is None:
            return False
        stream, arrival, intended = taken
        # Connect while waiting, and look again afterwards: the wait may have been long.
        client.ready()
        own_lag_ns = self._wait_until(intended)
        unreachable = client.ready()
        # Asked for only now: what is right to send may depend on answers that came during the wait.
        request, cut = stream.work.request(arrival)
        sent = now_ns()
        stream.tally.sending(intended, sent, own_lag_ns)
        reply = self._send(stream, client, arrival, request, cut, unreachable, sent)
        times = Times(intended, sent, now_ns())
        outcome = stream.work.answered(arrival, reply, times)
        stream.tally.ended(outcome, *_plain(times))
        told(stream.name, outcome, times, reply)
        return True

    def _send(
        self, stream: Stream, client: Client, arrival: int, request: bytes, cut: bool, unreachable: str, at_ns: int
    ) -> Reply | None:
        if unreachable:
            # Nothing left our machine, so the journal does not claim that it did.
            return Reply(broken="connection", detail=unreachable)
        stream.work.sending(arrival, at_ns)
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
        for offset, label in self._arrivals:
            stream = self._streams[label]
            stream.taken += 1
            stream.tally.ended("unsent", self._epoch_ns + offset, at, at)


def _plain(times: Times) -> tuple[int, int, int]:
    return times.intended, times.sent, times.done
