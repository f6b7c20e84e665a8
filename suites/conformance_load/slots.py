"""Locust drives the slots: a Locust user is one connection, and its task is the next arrival of the schedule.

Importing Locust patches the process's sockets, so this module is imported in load processes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from conformance.errors import HarnessError
from conformance_load.connection import Client, Reply
from conformance_load.openloop import OpenLoop, Times

#: How long all slots may take to connect before the clock starts, in seconds.
CONNECT_S_MAX = 30


class _Gate:
    """Holds all slots until everyone is connected, and keeps count of who is still at work."""

    def __init__(self, loop: OpenLoop, connect: Callable[[], Client], name: str) -> None:
        self.loop = loop
        self.connect = connect
        self.name = name
        self.waiting = 0
        self.finished = 0
        self.opened = gevent.event.Event()
        self.failure: BaseException | None = None


def _slot_class(gate: _Gate) -> type[Any]:
    class PaymentSlot(User):
        """One connection that takes arrivals from the open loop."""

        def wait_time(self) -> float:
            """The schedule decides when; a user never waits by itself."""
            return 0.0

        def on_start(self) -> None:
            """Connect, then wait until the clock starts."""
            self.client = gate.connect()
            self.client.ready()
            gate.waiting += 1
            gate.opened.wait()

        @task
        def arrival(self) -> None:
            """Take the next arrival through; stop when there is none."""
            try:
                more = gate.loop.run_one(self.client, self._told)
            except Exception as error:  # noqa: BLE001 - raised again by drive()
                # Our own mistake must end the scenario, not one slot.
                gate.failure = gate.failure or error
                more = False
            if not more:
                self.client.close()
                gate.finished += 1
                raise StopUser

        def _told(self, outcome: str, times: Times, reply: Reply | None) -> None:
            failed = outcome in ("broken", "refused", "denied")
            self.environment.events.request.fire(
                request_type="LOAD",
                name=gate.name,
                response_time=times.response_ms,
                response_length=len(reply.body) if reply else 0,
                exception=RuntimeError(f"{outcome}: {reply.detail if reply else ''}") if failed else None,
                context={},
            )

    return PaymentSlot


def drive(
    loop: OpenLoop,
    connect: Callable[[], Client],
    *,
    name: str,
    connections: int,
    limit_s: float,
    progress: Callable[[], None],
) -> None:
    """Run a loop to its end on ``connections`` Locust users.

    ``limit_s`` bounds the wall clock: slots that hang beyond it are stopped, and what they sent stays undecided.
    Raises HarnessError when the slots do not come up, and whatever a slot raised.
    """
    gate = _Gate(loop, connect, name)
    environment = Environment(user_classes=[_slot_class(gate)], catch_exceptions=False)
    runner = environment.create_local_runner()
    try:
        runner.start(connections, spawn_rate=connections)
        _wait(lambda: gate.waiting >= connections, CONNECT_S_MAX, progress)
        if gate.waiting < connections:
            raise HarnessError(
                f"only {gate.waiting} of {connections} connections came up within {CONNECT_S_MAX} s",
                where="load",
                remedy="Lower connections, or see what limits them on the candidate's side.",
            )
        loop.start()
        gate.opened.set()
        _wait(lambda: gate.finished >= connections or gate.failure is not None, limit_s, progress)
    finally:
        runner.quit()
    if gate.failure is not None:
        raise gate.failure


def _wait(done: Callable[[], bool], limit_s: float, progress: Callable[[], None]) -> None:
    for _ in range(int(limit_s * 10)):
        if done():
            return
        progress()
        gevent.sleep(0.1)
