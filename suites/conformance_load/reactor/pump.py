"""The open loop on the reactor: arrivals come when the schedule says, and whatever connection is free takes the next.

When all connections of a target are busy, its arrivals wait in a row, and their waiting counts as response time. Taking
an arrival from the schedule waits for no connection: how late that is, is the generator's own doing and is measured
apart, for every arrival. A connection that cannot be opened stays at hand: each arrival that gets it tries again, and
fails by itself.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gevent.event

from conformance.errors import HarnessError
from conformance.sdk import BrokenKind
from conformance_load.arrivals import cooperatively
from conformance_load.flow import Reply, Span, Stream, Target, Times, now_ns
from conformance_load.reactor.connection import READY
from conformance_load.reactor.endpoint import Endpoint
from conformance_load.reactor.head import Head
from conformance_load.reactor.loop import NEVER, Reactor
from conformance_load.reactor.secure import connection_to
from conformance_load.schedule import merged

_NS = 1_000_000_000
#: After this idle time a connection is made anew: a server may close idle ones at any moment.
IDLE_NS = 3 * _NS
_REFRESH_NS = _NS // 2
#: Arrivals sent in a row before answers are looked for.
_ROW = 32

#: Hears of every arrival that ended: name of the stream, outcome, times, and the reply.
Told = Callable[[str, str, Times, Reply | None], None]


class _Pool:
    """The lanes of one target, and the arrivals that wait for one."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.lanes: list[Lane] = []
        self.free: deque[Lane] = deque()
        self.down: deque[Lane] = deque()
        self.row: deque[tuple[Stream, int, int]] = deque()


class Pump:
    """Hands the arrivals of all streams to the lanes of their targets."""

    def __init__(self, reactor: Reactor, streams: Sequence[Stream], span: Span, told: Told) -> None:
        self.reactor = reactor
        self.span = span
        self.told = told
        self._streams = streams
        self._pools = {target: _Pool(Endpoint(reactor, target)) for target in dict.fromkeys(s.target for s in streams)}
        self._pool_of = [self._pools[stream.target] for stream in streams]
        self._arrivals = merged(*(stream.arrivals for stream in streams))
        self._epoch_ns = 0
        self._due_ns = NEVER
        self._label = 0
        #: Lanes whose first attempt to connect has ended; arrivals that are neither ended nor waiting in a row, where
        #: those that are being given up count as one.
        self.tried = 0
        self.under_way = 0
        self.over = gevent.event.Event()
        #: What our own code raised; it ends the pressure.
        self.failure: BaseException | None = None

    def lane(self, target: Target) -> Lane:
        """Open another connection to a target."""
        pool = self._pools[target]
        pool.endpoint.resolve()
        made = Lane(self, pool)
        pool.lanes.append(made)
        made.connection.open()
        return made

    def start(self, epoch_ns: int) -> None:
        """Start the clock: offsets count from ``epoch_ns``. Raises HarnessError when another pump is at work."""
        if self.reactor.pace is not None:
            raise HarnessError("two presses at once", where="load", remedy="Press one after the other.")
        self._epoch_ns = epoch_ns
        for stream in self._streams:
            stream.tally.start_ns = epoch_ns + self.span.warmup_s * _NS
        self._advance()
        self.reactor.pace = self._pace
        self.reactor.crashed = self.fail
        self.reactor.call_at(epoch_ns + (self.span.length_s + self.span.drain_s) * _NS, self.give_up)
        self._refresh()

    def give_up(self) -> None:
        """Send nothing any more: what waits, and what is still to come, ends unsent."""
        at = now_ns()
        for pool in self._pools.values():
            while pool.row:
                stream, _, intended = pool.row.popleft()
                stream.tally.ended("unsent", intended, at, at)
        self._forgo_all(at)
        self.check_over()

    def _forgo_all(self, at: int) -> None:
        """End all arrivals that were not handed out; they may be millions, so others run meanwhile."""
        if self._due_ns == NEVER:
            return
        rest = itertools.chain([(self._due_ns - self._epoch_ns, self._label)], self._arrivals)
        self._arrivals, self._due_ns = iter(()), NEVER
        self.under_way += 1
        for offset, label in cooperatively(rest):
            stream = self._streams[label]
            stream.taken += 1
            stream.tally.ended("unsent", self._epoch_ns + offset, at, at)
        self.under_way -= 1

    def end(self, detail: str) -> None:
        """Give up, also what is under way: its answers are timeouts, because ``detail``."""
        self.give_up()
        for pool in self._pools.values():
            for lane in pool.lanes:
                lane.abandon(detail)
        self.check_over()

    def close(self) -> None:
        """Close all connections; nothing is called back any more."""
        self.over.set()
        if self.reactor.pace == self._pace:
            self.reactor.pace = self.reactor.crashed = None
        for pool in self._pools.values():
            for lane in pool.lanes:
                lane.connection.close()

    def check_over(self) -> None:
        """Notice that nothing is left to do."""
        waiting = self.under_way or self._due_ns < NEVER or any(pool.row for pool in self._pools.values())
        if self._epoch_ns and not waiting:
            self.over.set()

    def fail(self, error: BaseException) -> None:
        """End because of a mistake of our own; the first one is kept."""
        self.failure = self.failure or error
        self.over.set()

    @property
    def surplus(self) -> int:
        """How many answers came that nobody had asked for."""
        return sum(pool.endpoint.surplus for pool in self._pools.values())

    @property
    def own_failures(self) -> tuple[int, str]:
        """How often a port, a descriptor or an address was wanting on our own side, and the last reason."""
        endpoints = [pool.endpoint for pool in self._pools.values()]
        said = next((endpoint.own_failure for endpoint in endpoints if endpoint.own_failure), "")
        return sum(endpoint.own_failures for endpoint in endpoints), said

    def _pace(self, now: int) -> int:
        """Hand out what is due; return when the next arrival is."""
        if self.over.is_set():
            return NEVER
        for _ in range(_ROW):
            if self._due_ns > now:
                break
            pool = self._pool_of[self._label]
            arrival = self._take()
            if pool.free:
                pool.free.popleft().begin(arrival, at_once=True)
                continue
            stream, _, intended = arrival
            stream.tally.waiting(intended, now)
            if pool.down:
                pool.down.popleft().begin(arrival)
            else:
                pool.row.append(arrival)
        return self._due_ns

    def _take(self) -> tuple[Stream, int, int]:
        """Return the arrival that is due next: its stream, its number there and its intended time."""
        stream, intended = self._streams[self._label], self._due_ns
        number = stream.taken
        stream.taken = number + 1
        self._advance()
        return stream, number, intended

    def _advance(self) -> None:
        found = next(self._arrivals, None)
        if found is None:
            self._due_ns = NEVER
        else:
            self._due_ns, self._label = self._epoch_ns + found[0], found[1]

    def _refresh(self) -> None:
        """Make connections anew that were idle for too long, before an arrival needs them."""
        if self.over.is_set():
            return
        now = now_ns()
        for pool in self._pools.values():
            while pool.free and now - pool.free[0].connection.used_ns > IDLE_NS:
                pool.free.popleft().renew()
        self.reactor.call_at(now + _REFRESH_NS, self._refresh)


class Lane:
    """One connection and the arrival that it carries, if any; the connection's owner."""

    __slots__ = (
        "_at_once",
        "_carrying",
        "_intended",
        "_number",
        "_pool",
        "_pump",
        "_sent",
        "_stream",
        "_tried",
        "_used",
        "connection",
    )  # fmt: skip

    def __init__(self, pump: Pump, pool: _Pool) -> None:
        self._pump = pump
        self._pool = pool
        self.connection = connection_to(pool.endpoint, self)
        self._tried = False
        #: Whether the connection answered anything since it was opened; one that did not is not opened again at once.
        self._used = False
        self._carrying = False
        #: Whether the arrival under way never waited: then all of its lag until it is sent is our own.
        self._at_once = False
        self._stream: Any = None
        self._number = self._intended = self._sent = 0

    def begin(self, arrival: tuple[Stream, int, int], at_once: bool = False) -> None:
        """Carry an arrival: at once, or as soon as the connection is open."""
        self._stream, self._number, self._intended = arrival
        self._at_once = at_once
        self._carrying = True
        self._pump.under_way += 1
        if self.connection.state == READY:
            self._send()
        else:
            self.connection.open()

    def renew(self) -> None:
        """Make the idle connection anew."""
        self.connection.close()
        self.connection.open()

    def abandon(self, detail: str) -> None:
        """End the arrival under way as a timeout."""
        if self._carrying:
            self.connection.close()
            self._finish(Reply(broken="timeout", detail=detail))

    def opened(self) -> None:
        """Send what waits for the connection, or be free."""
        self._used = False
        self._count_attempt()
        if self._carrying:
            self._send()
        else:
            self._next()

    def unopened(self, kind: BrokenKind, detail: str) -> None:
        """Let the arrival that waited fail; nothing left our machine, so the journal does not claim that it did."""
        self._count_attempt()
        if self._carrying and self.connection.own_failure:
            self._forgo()
        elif self._carrying:
            self._ask()
            self._finish(Reply(broken=kind, detail=detail))
        else:
            self._rest()

    def _forgo(self) -> None:
        """End the arrival unsent: our own machine had nothing to send it with, and the product never heard of it."""
        at = now_ns()
        self._carrying = False
        self._pump.under_way -= 1
        self._stream.tally.ended("unsent", self._intended, at, at)
        self._rest()

    def whole(self, head: Head, data: bytes) -> None:
        """Take a plain response."""
        self._used = True
        self._finish(Reply(head.status, head.fields, data[len(head.raw) :]))

    def ended(self, reply: Reply) -> None:
        """Take any other end."""
        self._used = True
        self._finish(reply)

    def cut_off(self) -> None:
        """Note that the request is out and its connection gone."""
        self._used = True
        self._finish(None)

    def lost(self, surplus: bool) -> None:
        """Open again what the server closed while idle, unless it does that every time."""
        pool = self._pool
        if self in pool.free:
            pool.free.remove(self)
        if self._used and not self._pump.over.is_set():
            self.connection.open()
        else:
            self._rest()

    def _send(self) -> None:
        asked = self._ask()
        if asked is None:
            return
        request, cut = asked
        try:
            self._stream.work.sending(self._number, self._sent)
            if cut:
                self.connection.cut(request, self._sent)
            else:
                self.connection.send(request, self._sent)
        except Exception as error:  # noqa: BLE001 - raised again by press()
            self._pump.fail(error)

    def _ask(self) -> tuple[bytes, bool] | None:
        """Ask for the bytes only now: what is right to send may depend on answers that came during a wait."""
        try:
            asked: tuple[bytes, bool] = self._stream.work.request(self._number)
        except Exception as error:  # noqa: BLE001 - raised again by press()
            self._pump.fail(error)
            return None
        self._sent = sent = now_ns()
        self._stream.tally.sending(self._intended, sent, sent - self._intended if self._at_once else None)
        return asked

    def _finish(self, reply: Reply | None) -> None:
        stream, pump = self._stream, self._pump
        times = Times(self._intended, self._sent, now_ns())
        self._carrying = False
        pump.under_way -= 1
        try:
            outcome = stream.work.answered(self._number, reply, times)
            stream.tally.ended(outcome, times.intended, times.sent, times.done)
            pump.told(stream.name, outcome, times, reply)
        except Exception as error:  # noqa: BLE001 - raised again by press()
            pump.fail(error)
            return
        self._next()

    def _next(self) -> None:
        """Carry what has waited longest, or be free for what comes."""
        pool = self._pool
        if pool.row:
            self.begin(pool.row.popleft())
        elif self.connection.state == READY:
            pool.free.append(self)
            self._pump.check_over()
        elif self._used and not self._pump.over.is_set():
            self.connection.open()
            self._pump.check_over()
        else:
            self._rest()

    def _rest(self) -> None:
        """Stay closed until an arrival needs the connection."""
        if self._pool.row:
            self.begin(self._pool.row.popleft())
        else:
            self._pool.down.append(self)
            self._pump.check_over()

    def _count_attempt(self) -> None:
        if not self._tried:
            self._tried = True
            self._pump.tried += 1
