"""Pressing: every arrival of every stream is sent when it is due, over a fixed number of connections to each target.

Locust drives the connections: a Locust user is one of them. Importing Locust patches the process's sockets, so this
module is imported in load processes only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import gevent
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from conformance.errors import HarnessError
from conformance_load.flow import Pressed, Reply, Span, Stream, Target, Times, now_ns
from conformance_load.reactor.batch import Statistics
from conformance_load.reactor.loop import reactor
from conformance_load.reactor.pump import Pump

#: How long all slots may take to connect before the clock starts, in seconds.
CONNECT_S_MAX = 30
#: So long before an agreed start the schedule is handed to the reactor, which keeps it to the microsecond.
AHEAD_S = 0.05
#: The generator's share of its core is measured over so long at a time.
_WINDOW_NS = 1_000_000_000


def press(
    streams: Sequence[Stream],
    span: Span,
    *,
    connections: int,
    progress: Callable[[int], None],
    watch: Callable[[], str] | None = None,
    told_to: Any = None,
    beside: Callable[[Any], AbstractContextManager[None]] | None = None,
) -> Pressed:
    """Run every arrival of every stream and return how that went.

    Each target has ``connections`` of its own. ``progress`` hears how many arrivals were taken; ``watch`` is asked
    about every 100 ms and returns "" or why to end early. What hangs beyond the span and the request timeout is
    ended as a timeout. ``told_to`` is the Locust environment whose statistics are told, of a worker for example; None
    is one of this press alone. ``beside`` is entered with that environment for as long as the pressure lasts. Raises
    HarnessError when the connections do not come up, and whatever a work raised.
    """
    targets = list(dict.fromkeys(stream.target for stream in streams))
    total = connections * len(targets)
    environment = Environment(catch_exceptions=False)
    teller = _Teller(told_to or environment)
    pump = Pump(reactor(), streams, span, teller)
    environment.user_classes = [_slot_class(pump, target, connections) for target in targets]
    runner = environment.create_local_runner()
    aborted = ""
    core = _Core()

    def look() -> None:
        nonlocal aborted
        progress(sum(stream.taken for stream in streams))
        if not aborted:
            core.look()
        if watch and not aborted and (aborted := watch()):
            pump.give_up()

    try:
        with beside(environment) if beside else nullcontext():
            runner.start(total, spawn_rate=total)
            _wait(lambda: pump.tried >= total, CONNECT_S_MAX, lambda: progress(0))
            _require_all(pump.tried, total)
            epoch_ns, epoch_wall_ns = _epoch(span)
            pump.start(epoch_ns)
            late_us = max(0, now_ns() - epoch_ns) // 1000
            core.begin()
            _wait(pump.over.is_set, _limit_s(span, targets), look)
            core.end()
            pump.end("the time for all requests was over")
    finally:
        pump.close()
        runner.quit()
    if pump.failure is not None:
        raise pump.failure
    figures = (core.permille, total, pump.surplus, teller.count, late_us, *pump.own_failures)
    return Pressed(epoch_ns, epoch_wall_ns, aborted, *figures)


def _limit_s(span: Span, targets: Sequence[Target]) -> float:
    return span.length_s + span.drain_s + 2 * max(target.timeout_s for target in targets) + 5


def _epoch(span: Span) -> tuple[int, int]:
    """Wait until just before the agreed start, if there is one, and return it on both clocks; it may be over."""
    wall_ns, own_ns = time.time_ns(), now_ns()
    if span.epoch_wall_s is None:
        return own_ns, wall_ns
    epoch_wall_ns = int(span.epoch_wall_s * 1_000_000_000)
    gevent.sleep(max(0.0, (epoch_wall_ns - time.time_ns()) / 1_000_000_000 - AHEAD_S))
    return own_ns + epoch_wall_ns - wall_ns, epoch_wall_ns


class _Core:
    """The largest share of one core that this process used over any second or so: a mean would hide a burst."""

    def __init__(self) -> None:
        self.permille = 0
        self._since = self._used = 0

    def begin(self) -> None:
        """Start a window."""
        self._since, self._used = now_ns(), time.process_time_ns()

    def look(self) -> None:
        """End a window that has become long enough, and start the next."""
        if now_ns() - self._since >= _WINDOW_NS:
            self._judge()
            self.begin()

    def end(self) -> None:
        """Judge what is left where no window became long enough; a short rest says nothing."""
        if not self.permille:
            self._judge()

    def _judge(self) -> None:
        used, length = time.process_time_ns() - self._used, max(now_ns() - self._since, 1)
        self.permille = max(self.permille, used * 1000 // length)


def _require_all(waiting: int, total: int) -> None:
    if waiting < total:
        raise HarnessError(
            f"only {waiting} of {total} connections came up within {CONNECT_S_MAX} s",
            where="load",
            remedy="Lower connections, or see what limits them on the candidate's side.",
        )


class _Teller:
    """Tells Locust's statistics of each arrival, and counts them."""

    def __init__(self, environment: Any) -> None:
        self._statistics = Statistics.of(environment)
        self.count = 0

    def __call__(self, name: str, outcome: str, times: Times, reply: Reply | None) -> None:
        self.count += 1
        batch = self._statistics.batch("LOAD", name)
        batch.record(max(0, times.done - times.intended) // 1000, len(reply.body) if reply else 0)
        if outcome in ("broken", "refused", "denied"):
            batch.fail(f"{outcome}: {reply.detail if reply else ''}")


def _slot_class(pump: Pump, target: Target, connections: int) -> type[Any]:
    class Slot(User):
        """One connection that takes arrivals from the open loop."""

        fixed_count = connections

        def on_start(self) -> None:
            """Connect; the pump takes it from there."""
            pump.lane(target)

        @task
        def carry(self) -> None:
            """Be counted as a user until nothing is left to send."""
            pump.over.wait()
            raise StopUser

    # Locust tells classes apart by their names.
    Slot.__name__ = f"Slot{target.port}{target.pool}"
    return Slot


def _wait(done: Callable[[], bool], limit_s: float, look: Callable[[], None]) -> None:
    for _ in range(int(limit_s * 10)):
        if done():
            return
        look()
        gevent.sleep(0.1)
