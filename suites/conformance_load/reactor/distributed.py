"""Counting to the last request over several processes.

By itself a Locust master that quits gives its workers half a second for their last numbers, and a worker that stops
sends them with its next report, which may come too late. Here a worker reports as soon as its users have stopped, and
a master that is about to quit lets its workers stop first, and waits for their word.
"""

from __future__ import annotations

import logging
from typing import Any

import gevent
import gevent.event
from locust.runners import MasterRunner, WorkerRunner

#: Messages of ours between master and workers.
STOP, STOPPED = "reactor-stop", "reactor-stopped"
#: How long a master waits for its workers beyond the stop timeout, in seconds.
PATIENCE_S = 20.0
_log = logging.getLogger(__name__)


def install(environment: Any) -> None:
    """Prepare a master or a worker; a runner by itself needs nothing."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        environment.events.test_stop.add_listener(report_now)
        runner.register_message(STOP, _stop_and_tell, concurrent=True)
    elif isinstance(runner, MasterRunner):
        environment.events.test_stop.add_listener(_Patience(runner).wait)


def report_now(environment: Any, **_facts: Any) -> None:
    """Send a worker's numbers at once: before it says that it stopped, or what it measured."""
    data: dict[str, Any] = {}
    environment.events.report_to_master.fire(client_id=environment.runner.client_id, data=data)
    environment.runner.send_message("stats", data)


def _stop_and_tell(environment: Any, **_facts: Any) -> None:
    environment.runner.stop()
    environment.runner.send_message(STOPPED)


class _Patience:
    """A master's wait for its workers."""

    def __init__(self, runner: Any) -> None:
        self._missing: set[str] = set()
        self._complete = gevent.event.Event()
        runner.register_message(STOPPED, self._told)

    def wait(self, environment: Any, **_facts: Any) -> None:
        """Let the workers stop and wait for their last numbers, unless their users have stopped already."""
        runner = environment.runner
        if not runner.user_count:
            return
        self._missing = {client.id for client in runner.clients.all if client.user_count}
        self._complete.clear()
        for client in sorted(self._missing):
            runner.send_message(STOP, client_id=client)
        if not self._complete.wait((environment.stop_timeout or 0) + PATIENCE_S):
            _log.warning("no last numbers from %s: the counts may be short", ", ".join(sorted(self._missing)))

    def _told(self, msg: Any, **_facts: Any) -> None:
        self._missing.discard(msg.node_id)
        if not self._missing:
            self._complete.set()
