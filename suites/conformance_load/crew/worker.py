"""A worker of a crew: enlists with a master, makes its part of each wave ready, presses it, and tells its share.

It runs in a process of its own, here or on another machine: ``run(context)`` is its entry, and returns when the
master dismisses it, is gone, or never comes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import gevent.event
from locust.env import Environment

from conformance.errors import ConformanceError, HarnessError
from conformance.sdk import LoadContext
from conformance_load.arrivals import cooperatively
from conformance_load.crew import orders
from conformance_load.crew.joining import share_of
from conformance_load.crew.orders import Enlistment
from conformance_load.crew.secure import VARIABLE, Keys, install, secret_from
from conformance_load.ground import Field, currency_of
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal
from conformance_load.making import PaymentMaker
from conformance_load.reactor.batch import Statistics
from conformance_load.reactor.distributed import report_now
from conformance_load.schedule import share
from conformance_load.settings import Settings
from conformance_load.shapes import schedule_of
from conformance_load.wave import Loaded, loaded, press_ready

#: How often a worker says how far it is, in seconds.
PROGRESS_S = 0.5
#: A master that was not heard for so long is gone, in seconds; its heartbeats come every second.
MASTER_SILENT_S_MAX = 30


def run(context: LoadContext) -> dict[str, Any]:
    """Serve the master at ``parameters["master"]`` for one scenario; return {"served": 1}, or 0 when nobody came."""
    install(Keys.of(secret_from(os.environ.get(VARIABLE, ""))))
    host, _, port = str(context.parameters["master"]).rpartition(":")
    idle_s = float(context.parameters.get("idle_s", 60))
    member: _Member | None = None
    # Locust keeps trying to reach its master for minutes, whatever we are asked for, and then gives up by an error.
    with contextlib.suppress(ConnectionError), gevent.Timeout(idle_s, False):
        member = _Member(context, host, int(port))
    return {"served": int(member.serve(idle_s)) if member else 0}


class _Member:
    def __init__(self, context: LoadContext, host: str, port: int) -> None:
        self._context = context
        self._environment = Environment(catch_exceptions=False)
        Statistics.of(self._environment)
        self._runner: Any = self._environment.create_worker_runner(host, port)
        self._over = gevent.event.Event()
        self._parent = os.getppid()
        self._field: Field | None = None
        self._order: Enlistment | None = None
        self._ready: tuple[Settings, Loaded] | None = None
        self._abort = ""
        self._told = 0.0
        listeners: dict[str, Callable[[Any], None]] = {
            orders.CLOCK: self._clock,
            orders.ENLIST: self._enlist,
            orders.LOAD: self._load,
            orders.GO: self._go,
            orders.ABORT: self._end_early,
            orders.DISMISS: lambda _data: self._over.set(),
        }
        for name, listener in listeners.items():
            # Only the clock answers at once; all else takes its time beside Locust's heartbeats.
            self._runner.register_message(name, self._guarded(listener), concurrent=name != orders.CLOCK)

    def serve(self, idle_s: float) -> bool:
        """Wait until dismissed; give up when no master speaks within ``idle_s``, or when the parent is gone."""
        limit = time.monotonic() + idle_s
        name = str(self._context.parameters.get("name", ""))
        self._runner.send_message(orders.ENLISTED, {"name": name, "stage": "here"})
        try:
            while not self._over.wait(0.5):
                if self._is_alone() or (self._order is None and time.monotonic() > limit):
                    break
        finally:
            self._runner.quit()
            if self._field is not None:
                self._field.journal.close()
        return self._order is not None

    def _is_alone(self) -> bool:
        """Tell whether the parent is gone, or the master has not been heard for long."""
        heard = self._runner.last_heartbeat_timestamp
        return os.getppid() != self._parent or bool(heard and time.time() - heard > MASTER_SILENT_S_MAX)

    def _guarded(self, listener: Callable[[Any], None]) -> Callable[..., None]:
        def heard(environment: Any, msg: Any, **_facts: Any) -> None:
            try:
                listener(msg.data)
            except ConformanceError as error:
                self._say(orders.FAILED, {"reason": error.diagnostics()})
            except Exception as error:  # noqa: BLE001 - the master must learn of it, whatever it is
                self._say(orders.FAILED, {"reason": f"{type(error).__name__}: {error}"})

        return heard

    def _say(self, name: str, data: dict[str, Any]) -> None:
        self._runner.send_message(name, {**data, "worker": self._order.worker if self._order else 0})

    # -- what the master asks for -------------------------------------------------------------------------

    def _clock(self, data: Any) -> None:
        self._say(orders.CLOCK, {"asked": data["asked"], "here_ns": time.time_ns()})

    def _enlist(self, data: Any) -> None:
        order = self._order = Enlistment.from_json(data)
        mine = self._context.candidate_digest
        if mine != order.candidate:
            raise HarnessError(
                f"this worker's candidate file is another one ({mine[:19]}…, the master's is {order.candidate[:19]}…)",
                where="load",
                remedy="Copy the master's candidate file to every worker.",
            )
        context = replace(self._context, seed=order.seed, scenario=order.scenario, progress=self._tell)
        settings = Settings.of(order.parameters, context.candidate.file.limits.load_per_second_max)
        accounts = list(order.accounts)
        book = Book(order.mark, len(accounts) - 1, settings.amount_max, settings.uncovered_every, order.worker)
        context.directory.mkdir(parents=True, exist_ok=True)
        path = context.directory / f"{order.scenario}-{order.mark.rpartition('/')[2]}-worker-{order.worker}.journal"
        journal = PaymentJournal.create(path, order.capacity, order.worker)
        maker = PaymentMaker(context, book, accounts, currency_of(context.candidate))
        self._field = Field(context, settings, accounts, maker, journal)
        self._say(orders.ENLISTED, {"stage": "enlisted"})

    def _load(self, data: Any) -> None:
        field, order = self._require()
        settings = replace(field.settings, **data["settings"])
        whole = schedule_of(settings, field.context.seed)
        ready = loaded(field, settings, list(share(cooperatively(whole), order.worker - 1, order.workers)))
        self._ready = (settings, ready)
        self._say(orders.READY, {"requests": len(ready.offsets)})

    def _go(self, data: Any) -> None:
        field, _ = self._require()
        if self._ready is None:
            raise HarnessError("a wave was begun that was never made ready", where="load")
        settings, ready = self._ready
        self._ready, self._abort = None, ""
        wave = press_ready(
            field,
            settings,
            ready,
            epoch_wall_s=data["epoch_ns"] / 1_000_000_000,
            told_to=self._environment,
            abort=lambda: self._abort,
            broken=lambda reason: self._say(orders.BROKEN, {"reason": reason}),
        )
        # On the same channel, so that the master has counted everything when it hears the share.
        report_now(self._environment)
        self._say(orders.SHARE, share_of(wave, field.journal))

    def _end_early(self, data: Any) -> None:
        self._abort = str(data["reason"])

    def _require(self) -> tuple[Field, Enlistment]:
        if self._field is None or self._order is None:
            raise HarnessError("a wave was asked for before enlisting", where="load")
        return self._field, self._order

    def _tell(self, done: int, total: int, note: str) -> None:
        # Making requests ready keeps the core; Locust's heartbeats must get through all the same, and while somebody
        # sleeps for no time at all the hub looks at no timer.
        gevent.idle()
        if time.monotonic() - self._told >= PROGRESS_S:
            self._told = time.monotonic()
            self._say(orders.PROGRESS, {"done": done, "total": total, "note": note})
