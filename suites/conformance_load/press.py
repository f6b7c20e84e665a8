"""Pressing: every arrival of every stream is sent when it is due, over a fixed number of connections to each target.

Locust drives the connections: a Locust user is one of them. Importing Locust patches the process's sockets, so this
module is imported in load processes only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
import gevent.event
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from conformance.errors import HarnessError
from conformance_load.connection import Connection
from conformance_load.flow import Pressed, Reply, Span, Stream, Target, Times, now_ns
from conformance_load.openloop import OpenLoop

#: How long all slots may take to connect before the clock starts, in seconds.
CONNECT_S_MAX = 30


class _Gate:
    """Holds the slots of all targets until everyone is connected, and keeps count of who is still at work."""

    def __init__(self) -> None:
        self.waiting = 0
        self.finished = 0
        self.opened = gevent.event.Event()
        self.failure: BaseException | None = None


def press(
    streams: Sequence[Stream],
    span: Span,
    *,
    connections: int,
    progress: Callable[[int], None],
    watch: Callable[[], str] | None = None,
) -> Pressed:
    """Run every arrival of every stream and return how that went.

    Each target has ``connections`` of its own. ``progress`` hears how many arrivals were taken; ``watch`` is asked
    about every 100 ms and returns "" or why to end early. What hangs beyond the span and the request timeout is
    stopped, and what it sent stays undecided. Raises HarnessError when the connections do not come up, and whatever a
    work raised.
    """
    gate = _Gate()
    loops = {target: OpenLoop(own, span) for target, own in _by_target(streams).items()}
    classes = [_slot_class(gate, loop, target, connections) for target, loop in loops.items()]
    environment = Environment(user_classes=classes, catch_exceptions=False)
    runner = environment.create_local_runner()
    total = connections * len(loops)
    aborted = ""

    def look() -> None:
        nonlocal aborted
        progress(sum(stream.taken for stream in streams))
        if watch and not aborted and (aborted := watch()):
            for loop in loops.values():
                loop.aborted = aborted

    try:
        runner.start(total, spawn_rate=total)
        _wait(lambda: gate.waiting >= total, CONNECT_S_MAX, lambda: progress(0))
        _require_all(gate.waiting, total)
        cpu, epoch_ns, epoch_wall_ns = time.process_time(), *_epoch(span)
        for loop in loops.values():
            loop.start(epoch_ns)
        gate.opened.set()
        _wait(lambda: gate.finished >= total or gate.failure is not None, _limit_s(span, loops), look)
        used = (time.process_time() - cpu) * 1_000_000_000 / max(now_ns() - epoch_ns, 1)
    finally:
        runner.quit()
    if gate.failure is not None:
        raise gate.failure
    return Pressed(epoch_ns, epoch_wall_ns, aborted, int(used * 1000), total)


def _by_target(streams: Sequence[Stream]) -> dict[Target, list[Stream]]:
    found: dict[Target, list[Stream]] = {}
    for stream in streams:
        found.setdefault(stream.target, []).append(stream)
    return found


def _limit_s(span: Span, loops: dict[Target, OpenLoop]) -> float:
    return span.length_s + span.drain_s + 2 * max(target.timeout_s for target in loops) + 5


def _epoch(span: Span) -> tuple[int, int]:
    """Wait for the agreed start, if there is one, and return it on both clocks."""
    wall_ns, own_ns = time.time_ns(), now_ns()
    if span.epoch_wall_s is None:
        return own_ns, wall_ns
    epoch_wall_ns = int(span.epoch_wall_s * 1_000_000_000)
    gevent.sleep(max(0.0, (epoch_wall_ns - time.time_ns()) / 1_000_000_000))
    return own_ns + epoch_wall_ns - wall_ns, epoch_wall_ns


def _require_all(waiting: int, total: int) -> None:
    if waiting < total:
        raise HarnessError(
            f"only {waiting} of {total} connections came up within {CONNECT_S_MAX} s",
            where="load",
            remedy="Lower connections, or see what limits them on the candidate's side.",
        )


def _slot_class(gate: _Gate, loop: OpenLoop, target: Target, connections: int) -> type[Any]:
    class Slot(User):
        """One connection that takes arrivals from the open loop."""

        fixed_count = connections

        def wait_time(self) -> float:
            """The schedule decides when; a user never waits by itself."""
            return 0.0

        def on_start(self) -> None:
            """Connect, then wait until the clock starts."""
            self.client = Connection(target)
            self.client.ready()
            gate.waiting += 1
            gate.opened.wait()

        @task
        def arrival(self) -> None:
            """Take the next arrival through; stop when there is none."""
            try:
                more = loop.run_one(self.client, self._told)
            except Exception as error:  # noqa: BLE001 - raised again by press()
                # Our own mistake must end the scenario, not one slot.
                gate.failure = gate.failure or error
                more = False
            if not more:
                self.client.close()
                gate.finished += 1
                raise StopUser

        def _told(self, name: str, outcome: str, times: Times, reply: Reply | None) -> None:
            failed = outcome in ("broken", "refused", "denied")
            self.environment.events.request.fire(
                request_type="LOAD",
                name=name,
                response_time=times.response_ms,
                response_length=len(reply.body) if reply else 0,
                exception=RuntimeError(f"{outcome}: {reply.detail if reply else ''}") if failed else None,
                context={},
            )

    # Locust tells classes apart by their names.
    Slot.__name__ = f"Slot{target.port}{target.pool}"
    return Slot


def _wait(done: Callable[[], bool], limit_s: float, look: Callable[[], None]) -> None:
    for _ in range(int(limit_s * 10)):
        if done():
            return
        look()
        gevent.sleep(0.1)
