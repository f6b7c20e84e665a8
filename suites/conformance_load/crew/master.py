"""The master of a crew: enlists workers, lets them begin together, watches for losses, and joins their shares.

A worker that is lost voids the verdict, and so do clocks that disagree: a schedule that nobody kept shows nothing. The
money is accounted for all the same, as far as journals are there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import RPCError

from conformance.errors import ConfigError, HarnessError
from conformance.sdk import Spawned
from conformance_load.crew import orders
from conformance_load.crew.calling import address_of, names_of
from conformance_load.crew.clocks import Reading, best
from conformance_load.crew.joining import joined, write_states, write_times
from conformance_load.crew.orders import Enlistment
from conformance_load.crew.secure import VARIABLE, Keys, install, new_secret, secret_from
from conformance_load.ground import Ground
from conformance_load.journal import PaymentJournal
from conformance_load.reactor.batch import Statistics
from conformance_load.settings import Settings
from conformance_load.ui import page_of
from conformance_load.wave import Wave

WORKER_MODULE = "conformance_load.crew.worker"
#: How long workers may take to come, to make a wave ready, and to tell their share after its end; in seconds.
COME_S_MAX = 60
READY_S_MAX = 900
SHARE_S_MAX = 60
#: From the order to begin to the common start, in seconds: enough for a message to the slowest, and for each of its
#: connections, one after another over TLS.
START_S = 1.0
START_PER_CONNECTION_S = 0.01
#: How far two clocks may be apart after correction, in microseconds.
CLOCK_ERROR_US_MAX = 20_000
CLOCK_ROUNDS = 5
#: What workers say.
_HEARD = (
    orders.ENLISTED,
    orders.READY,
    orders.PROGRESS,
    orders.BROKEN,
    orders.SHARE,
    orders.FAILED,
    orders.CLOCK,
)


@dataclass(slots=True)
class Member:
    """One worker as the master sees it. ``said`` holds the last message of each type since it was cleared."""

    name: str
    number: int
    client: str = ""
    process: Spawned | None = None
    lost: str = ""
    clock: Reading | None = None
    drift_us: int = 0
    done: tuple[int, int] = (0, 0)
    said: dict[str, Any] | None = None
    #: Whether it was told to begin the wave that is pressed: only then may it have sent anything of it.
    begun: bool = False

    def heard(self, kind: str) -> Any:
        """Return the last message of a type, or None."""
        return (self.said or {}).get(kind)


class Crew:
    """The workers of one scenario; a context manager. Raises HarnessError when they do not come."""

    def __init__(self, here: Ground, payments: int) -> None:
        names, self._local = names_of(here.settings.workers)
        self._here = here
        self._context = here.context
        self._members = [Member(name, number) for number, name in enumerate(names, 1)]
        self._capacity = payments // len(names) + 64
        self._journals: dict[int, PaymentJournal] = {}
        self._counted = 0
        self._aborted = False

    def __enter__(self) -> Crew:
        settings = self._here.settings
        secret = new_secret() if self._local else secret_from(os.environ.get(VARIABLE, ""))
        install(Keys.of(secret))
        host, port = ("127.0.0.1", 0) if self._local else address_of(settings.bind)
        self._environment = Environment(catch_exceptions=False)
        Statistics.of(self._environment)
        try:
            self._runner: Any = self._environment.create_master_runner(host, port)
        except RPCError as error:
            raise ConfigError(
                f"cannot listen for workers: {error}", where="--bind", remedy="Give another address or port."
            ) from error
        for kind in _HEARD:
            self._runner.register_message(kind, self._listener(kind))
        try:
            if self._local:
                self._spawn(secret)
            self._enlist()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._runner.send_message(orders.DISMISS, {})
            gevent.sleep(0.1)
            self._runner.quit()
        for member in self._members:
            if member.process is not None:
                member.process.stop()

    def press(self, settings: Settings) -> Wave:
        """Press one wave with all workers; what is lost on the way is told in ``reasons`` of the wave."""
        self._ask(orders.LOAD, {"settings": self._changes(settings)})
        self._await(orders.READY, READY_S_MAX, "make their requests ready")
        self._compare_clocks()
        epoch_ns = time.time_ns() + int(self._start_s(settings) * 1_000_000_000)
        self._begin(epoch_ns)
        page = page_of(self._context)
        with page(self._environment) if page else contextlib.nullcontext():
            with self._here.sampler.beside(settings.sample_every_ms):
                self._await_shares(settings)
        self._compare_clocks(again=True)
        shares = [share for member in self._members if (share := member.heard(orders.SHARE))]
        if not shares:
            raise HarnessError(f"no worker told what it measured: {'; '.join(self._losses())}", where="load")
        self._keep_journals()
        wave = joined(shares, settings)
        wave.crew = {"workers": [self._described(member) for member in self._members]}
        wave.reasons = [*self._losses(), *self._clock_reasons(), *self._count_reasons(shares)]
        return wave

    def _begin(self, epoch_ns: int) -> None:
        """Let all that are left begin at one instant; nothing that was said of an earlier wave counts any more."""
        self._aborted = False
        for member in self._members:
            member.begun = not member.lost
            for kind in (orders.SHARE, orders.BROKEN):
                self._forget(member, kind)
        for member in self._present():
            offset = member.clock.offset_ns if member.clock else 0
            self._say(member, orders.GO, {"epoch_ns": epoch_ns + offset})

    # -- coming together ----------------------------------------------------------------------------------

    def _spawn(self, secret: bytes) -> None:
        if self._context.spawn is None:
            raise HarnessError("this process cannot start workers", where="load.workers")
        for member in self._members:
            parameters = {"master": f"127.0.0.1:{self._runner.server.port}", "name": member.name}
            member.process = self._context.spawn(WORKER_MODULE, parameters, {VARIABLE: secret.hex()})

    def _enlist(self) -> None:
        self._wait(lambda: all(m.client or m.lost for m in self._members), COME_S_MAX, "waiting for workers")
        missing = [member.name for member in self._members if not member.client]
        if missing:
            raise HarnessError(
                f"workers did not come within {COME_S_MAX} s: {', '.join(missing)}",
                where="load.workers",
                remedy="Start each with `conformance worker --master … --crew … --name …`, and look at its output.",
            )
        for member in self._members:
            self._say(member, orders.ENLIST, self._enlistment(member).as_json())
        self._await(orders.ENLISTED, COME_S_MAX, "enlist", stage="enlisted")

    def _enlistment(self, member: Member) -> Enlistment:
        here = self._here
        return Enlistment(
            scenario=here.context.scenario,
            worker=member.number,
            workers=len(self._members),
            mark=here.maker.book.run,
            candidate=here.context.candidate_digest,
            capacity=self._capacity,
            seed=here.context.seed,
            accounts=tuple(here.accounts),
            parameters=dict(here.context.parameters),
        )

    def _listener(self, kind: str) -> Callable[..., None]:
        def heard(environment: Any, msg: Any, **_facts: Any) -> None:
            data = msg.data
            if kind == orders.ENLISTED and data["stage"] == "here":
                self._arrived(msg.node_id, str(data["name"]))
                return
            member = next((item for item in self._members if item.client == msg.node_id), None)
            if member is None:
                return
            if kind == orders.PROGRESS:
                member.done = (int(data["done"]), int(data["total"]))
            member.said = {**(member.said or {}), kind: {**data, "heard_ns": time.time_ns()}}

        return heard

    def _arrived(self, client: str, name: str) -> None:
        for member in self._members:
            if member.name == name and not member.client:
                member.client = client

    # -- clocks -------------------------------------------------------------------------------------------

    def _compare_clocks(self, again: bool = False) -> None:
        for member in self._present():
            found = best([self._clock_of(member) for _ in range(CLOCK_ROUNDS)])
            if again and member.clock is not None and found is not None:
                member.drift_us = abs(found.offset_ns - member.clock.offset_ns) // 1000
            elif not again:
                member.clock = found

    def _clock_of(self, member: Member) -> Reading | None:
        self._forget(member, orders.CLOCK)
        asked = time.time_ns()
        self._say(member, orders.CLOCK, {"asked": asked})
        self._wait(lambda: bool(member.heard(orders.CLOCK) or member.lost), 2, "")
        answer = member.heard(orders.CLOCK)
        return Reading(asked, int(answer["here_ns"]), int(answer["heard_ns"])) if answer else None

    def _clock_reasons(self) -> list[str]:
        reasons = []
        for member in self._present():
            error_us = member.drift_us + (member.clock.error_ns // 1000 if member.clock else CLOCK_ERROR_US_MAX + 1)
            if error_us > CLOCK_ERROR_US_MAX:
                reasons.append(
                    f"the clock of worker {member.name} may be off by {error_us // 1000} ms, allowed are "
                    f"{CLOCK_ERROR_US_MAX // 1000}: synchronise clocks, or bring the machines closer together"
                )
        return reasons

    # -- waiting and losing -------------------------------------------------------------------------------

    def _await(self, kind: str, limit_s: float, what: str, stage: str = "") -> None:
        def said(member: Member) -> bool:
            answer = member.heard(kind)
            return bool(answer) and (not stage or answer.get("stage") == stage)

        self._wait(lambda: all(said(m) or m.lost for m in self._members), limit_s, "workers make requests ready")
        for member in self._members:
            if failed := member.heard(orders.FAILED):
                raise HarnessError(f"worker {member.name}: {failed['reason']}", where="load.workers")
            if not said(member):
                raise HarnessError(
                    f"worker {member.name} did not {what} ({member.lost or 'it was too slow'})", where="load.workers"
                )

    def _await_shares(self, settings: Settings) -> None:
        patience = settings.length_s + settings.drain_s + self._start_s(settings) + SHARE_S_MAX

        def all_told() -> bool:
            self._end_all_when_one_breaks()
            for member in self._members:
                failed = member.heard(orders.FAILED)
                if failed and not member.lost:
                    member.lost = str(failed["reason"])
            return all(member.heard(orders.SHARE) or member.lost for member in self._members)

        self._wait(all_told, patience, f"payments under load from {len(self._members)} workers")
        for member in self._members:
            if not member.heard(orders.SHARE) and not member.lost:
                member.lost = f"it did not tell its share within {patience:.0f} s"

    def _end_all_when_one_breaks(self) -> None:
        """Pass on that a limit is broken: one worker's part alone, without the others', is not what was asked for."""
        said = (member.heard(orders.BROKEN) for member in self._members)
        reason = next((str(item["reason"]) for item in said if item), "")
        if not reason or self._aborted:
            return
        self._aborted = True
        for member in self._present():
            if not member.heard(orders.SHARE):
                self._say(member, orders.ABORT, {"reason": reason})

    def _wait(self, over: Callable[[], bool], limit_s: float, note: str) -> None:
        limit = time.monotonic() + limit_s
        while not over() and time.monotonic() < limit:
            self._look_for_losses()
            if note:
                done, total = (sum(member.done[place] for member in self._members) for place in (0, 1))
                self._context.progress(done, total, note)
            gevent.sleep(0.05 if note else 0.002)

    def _look_for_losses(self) -> None:
        for member in self._members:
            if member.lost:
                continue
            if member.process is not None and (ended := member.process.ended()):
                member.lost = ended
            elif member.client:
                node = self._runner.clients.all and self._node(member.client)
                if node is None or node.state == "missing":
                    member.lost = "its heartbeats stopped"

    def _node(self, client: str) -> Any:
        return next((node for node in self._runner.clients.all if node.id == client), None)

    def _losses(self) -> list[str]:
        return [f"worker {member.name} was lost: {member.lost}" for member in self._members if member.lost]

    def _present(self) -> list[Member]:
        return [member for member in self._members if not member.lost]

    # -- what came of it ----------------------------------------------------------------------------------

    def _keep_journals(self) -> None:
        """Take over what each worker's journal says; that of a lost local worker lies where it was killed."""
        for member in self._members:
            if share := member.heard(orders.SHARE):
                journal = self._journals.get(member.number) or self._made_journal(member.number)
                self._journals[member.number] = journal
                write_states(share, journal)
                write_times(share, journal, member.clock.offset_ns if member.clock else 0)
            elif member.begun:
                self._take_over(member)
        self._here.others[:] = self._journals.values()

    def _take_over(self, member: Member) -> None:
        """Read what a lost worker wrote itself: what it told of earlier waves says nothing of this one."""
        own = self._journal_path("worker", member.number)
        if not (self._local and own.exists()):
            self._here.unread = f"worker {member.name} was lost with its journal"
            return
        if before := self._journals.pop(member.number, None):
            before.close()
        self._journals[member.number] = PaymentJournal.open(own)

    def _made_journal(self, number: int) -> PaymentJournal:
        return PaymentJournal.create(self._journal_path("share", number), self._capacity, number)

    def _journal_path(self, kind: str, number: int) -> Path:
        here = self._here
        stem = f"{here.context.scenario}-{here.maker.book.run.rpartition('/')[2]}"
        return here.context.directory / f"{stem}-{kind}-{number}.journal"

    def _count_reasons(self, shares: list[dict[str, Any]]) -> list[str]:
        """Compare what Locust's master counted with what the workers say they sent, both since the crew came."""
        counted, before = int(self._environment.stats.total.num_requests), self._counted
        self._counted = counted
        told = sum(int(share["pressed"]["told"]) for share in shares)
        if counted - before == told or self._losses():
            return []
        return [f"the master counted {counted - before} requests, its workers {told}: messages were lost"]

    def _described(self, member: Member) -> dict[str, Any]:
        share = member.heard(orders.SHARE)
        return {
            "name": member.name,
            "sent": int(share["tally"]["sent"]) if share else 0,
            "cpuPermille": int(share["pressed"]["cpu_permille"]) if share else 0,
            "lost": member.lost,
            "clockOffsetUs": member.clock.offset_ns // 1000 if member.clock else 0,
            "clockErrorUs": (member.clock.error_ns // 1000 if member.clock else 0) + member.drift_us,
        }

    def _start_s(self, settings: Settings) -> float:
        return START_S + START_PER_CONNECTION_S * int(self._changes(settings)["connections"])

    def _changes(self, settings: Settings) -> dict[str, Any]:
        connections = max(1, settings.connections // len(self._members))
        return {"rate_per_s": settings.rate_per_s, "duration_s": settings.duration_s, "connections": connections}

    def _ask(self, kind: str, data: dict[str, Any]) -> None:
        for member in self._present():
            self._forget(member, orders.READY)
            self._say(member, kind, data)

    def _say(self, member: Member, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data, client_id=member.client)

    def _forget(self, member: Member, kind: str) -> None:
        member.said = {name: value for name, value in (member.said or {}).items() if name != kind}
