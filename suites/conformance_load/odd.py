"""Flows of several steps in an open loop: each arrival is a greenlet of its own that asks for operations one by one.

For what has no single request, such as submitting and then asking until it is final. Every call goes through the
session, recorded and paced, so this is for some dozens of flows in a second, not for thousands. Times are as honest as
in a press: they count from the intended start, and only a late wake with room to begin is the generator's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import gevent
from gevent.pool import Pool

from conformance_load.flow import Pressed, Span, now_ns
from conformance_load.tally import Tally

#: Takes one arrival's number through all its steps and returns an outcome of :data:`conformance_load.tally.OUTCOMES`.
Flow = Callable[[int], str]


class Flows:
    """Runs a flow for each arrival; at most ``at_once`` are under way, the others wait and their waiting counts."""

    def __init__(self, flow: Flow, tally: Tally, span: Span, *, at_once: int, patience_s: float) -> None:
        self._flow = flow
        self._tally = tally
        self._span = span
        self._at_once = at_once
        self._patience_s = patience_s
        self._pool = Pool(at_once)
        self._under_way: dict[int, tuple[int, int]] = {}
        self._failure: Exception | None = None

    def run(self, offsets: Sequence[int], progress: Callable[[int], None]) -> Pressed:
        """Run all arrivals and return how that went; what is not over after ``patience_s`` more is broken.

        Raises whatever a flow raised: our own mistakes must end the scenario.
        """
        cpu, epoch_ns, epoch_wall_ns = time.process_time(), now_ns(), time.time_ns()
        self._tally.start_ns = epoch_ns + self._span.warmup_s * 1_000_000_000
        deadline_ns = epoch_ns + (self._span.length_s + self._span.drain_s) * 1_000_000_000
        try:
            for number, offset in enumerate(offsets):
                progress(number)
                self._begin(number, epoch_ns + offset, deadline_ns)
            self._pool.join(timeout=self._patience_s)
        finally:
            self._pool.kill()
        self._give_up()
        if self._failure is not None:
            raise self._failure
        used = (time.process_time() - cpu) * 1_000_000_000 / max(now_ns() - epoch_ns, 1)
        return Pressed(epoch_ns, epoch_wall_ns, "", int(used * 1000), self._at_once)

    def _begin(self, number: int, intended_ns: int, deadline_ns: int) -> None:
        """Start an arrival when it is due and there is room; give it up when there is none before the deadline."""
        gevent.sleep(max(0.0, (intended_ns - now_ns()) / 1_000_000_000))
        waited = self._pool.full()
        while self._pool.full() and now_ns() < deadline_ns:
            self._pool.wait_available(timeout=0.1)
        if self._pool.full() or self._failure is not None:
            at = now_ns()
            self._tally.ended("unsent", intended_ns, at, at)
            return
        self._pool.spawn(self._one, number, intended_ns, waited)

    def _one(self, number: int, intended_ns: int, waited: bool) -> None:
        sent_ns = now_ns()
        self._tally.sending(intended_ns, sent_ns, None if waited else sent_ns - intended_ns)
        self._under_way[number] = intended_ns, sent_ns
        try:
            outcome = self._flow(number)
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self._failure = self._failure or error
            return
        del self._under_way[number]
        self._tally.ended(outcome, intended_ns, sent_ns, now_ns())

    def _give_up(self) -> None:
        at = now_ns()
        for intended_ns, sent_ns in self._under_way.values():
            self._tally.ended("broken", intended_ns, sent_ns, at)
