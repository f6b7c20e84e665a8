"""The reactor: every socket of the process in one epoll, in one greenlet, beside whatever else the process does.

While work comes it is done at once; the hub's other greenlets (heartbeats, dispatcher, web pages) run every few
milliseconds in between. When nothing has come for as long, the reactor waits in the hub, and costs nothing.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
from collections.abc import Callable
from typing import Any

import gevent
import gevent.hub
import gevent.monkey

from conformance.errors import HarnessError
from conformance_load.reactor.clock import TimerFile, now_ns, timer_file

#: After this time other greenlets get their turn, in nanoseconds.
TURN_NS = 4_000_000
#: Events taken at once: few enough to be done well within a turn.
BATCH = 128
#: How much longer than asked for a poll may wait: it rounds up to a millisecond.
_ROUNDED_NS = 1_100_000
#: Waits shorter than this are not worth setting a timer.
_TOO_SHORT_NS = 10_000
#: Waking takes the system some time: the timer is set earlier by as much, and the rest is spent looking. So much of the
#: time between two arrivals is given for it, and never more than the second number.
_SPIN_PART = 8
_SPIN_NS_MAX = 50_000
#: A wait that the timer ends; in seconds, should it ever not.
_LONG_S = 0.01
_READ = 1
#: A time that does not come.
NEVER = 1 << 63

#: What is called for a file, with the events that epoll found.
Handler = Callable[[int], None]


class Reactor:
    """One per process, see :func:`reactor`. Nothing here may be called from another thread."""

    def __init__(self) -> None:
        self._epoll = _epoll()
        self._poll: Callable[[float, int], list[tuple[int, int]]] = self._epoll.poll
        self._handlers: dict[int, Handler] = {}
        #: Called with the time before each wait; returns when it wants to be called next at the latest.
        self.pace: Callable[[int], int] | None = None
        #: Hears of an exception that ends the reactor: a mistake of ours that must not look like a silent server.
        self.crashed: Callable[[Exception], None] | None = None
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._leaving: list[Any] = []
        self._parked: Any = None
        self._timer: TimerFile | None = timer_file()
        self._armed_ns = 0
        self._next_ns = 0
        self._early_ns = _TOO_SHORT_NS
        if self._timer is not None:
            self._epoll.register(self._timer.file, select.EPOLLIN | select.EPOLLET)
            self._handlers[self._timer.file] = _nothing
        self._greenlet: gevent.Greenlet[Any, Any] | None = None

    def add(self, file: int, events: int, handler: Handler) -> None:
        """Watch a file."""
        self._handlers[file] = handler
        self._epoll.register(file, events)

    def change(self, file: int, events: int, handler: Handler) -> None:
        """Watch a file that is watched already for something else."""
        self._handlers[file] = handler
        self._epoll.modify(file, events)

    def remove(self, file: int, holder: Any) -> None:
        """Stop watching, and close ``holder`` after this batch of events: until then its number must stay taken."""
        if self._handlers.get(file, _nothing) is not _nothing:
            # Its event may still be in this batch.
            self._handlers[file] = _nothing
            self._epoll.unregister(file)
        self._leaving.append(holder)
        self.wake()

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """Call back at a time of the run's clock, once; there is no taking back."""
        heapq.heappush(self._alarms, (at_ns, next(self._numbers), callback))
        self.wake()

    def wake(self) -> None:
        """End a wait in the hub, because something changed; the reactor starts when it never ran or had died."""
        if self._parked is not None:
            gevent.get_hub().loop.run_callback(self._unpark, self._parked)
        elif self._greenlet is None or self._greenlet.dead:
            self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        try:
            self._turn()
        except Exception as error:
            if self.crashed is not None:
                self.crashed(error)
            raise

    def _turn(self) -> None:
        """Work and wait for ever."""
        handlers, alarms = self._handlers, self._alarms
        turn_ends = now_ns() + TURN_NS
        events: list[tuple[int, int]] = []
        idle = False
        while True:
            for file, event in events:
                handlers[file](event)
            if self._leaving:
                self._close_leaving()
            now = now_ns()
            while alarms and alarms[0][0] <= now:
                heapq.heappop(alarms)[2]()
            next_ns = self.pace(now) if self.pace is not None else NEVER
            if alarms and alarms[0][0] < next_ns:
                next_ns = alarms[0][0]
            idle = idle and not events
            if now >= turn_ends:
                if idle:
                    self._park(next_ns)
                else:
                    # Not sleep(0), which does not let the hub look at its own sockets, nor a short sleep, which lasts
                    # a millisecond.
                    gevent.idle()
                turn_ends = now_ns() + TURN_NS
                idle = True
                events = self._poll(0, BATCH)
            else:
                events = self._wait(next_ns, turn_ends, now)

    def _wait(self, next_ns: int, turn_ends: int, now: int) -> list[tuple[int, int]]:
        """Wait for events within this turn, all by ourselves: one call to the kernel, and none through the hub."""
        if next_ns > turn_ends + _ROUNDED_NS:
            return self._poll((turn_ends - now) / 1e9, BATCH)
        if next_ns != self._next_ns:
            gap_ns, self._next_ns = next_ns - self._next_ns, next_ns
            self._early_ns = min(max(gap_ns // _SPIN_PART, _TOO_SHORT_NS), _SPIN_NS_MAX)
        if next_ns - now < self._early_ns:
            return self._poll(0, BATCH)
        if self._timer is None:
            return self._poll((next_ns - now) / 1e9, BATCH)
        if next_ns - self._early_ns != self._armed_ns:
            self._armed_ns = next_ns - self._early_ns
            self._timer.set(self._armed_ns)
        return self._poll(_LONG_S, BATCH)

    def _park(self, next_ns: int) -> None:
        """Wait in the hub, so that other greenlets run freely."""
        hub = gevent.get_hub()
        watcher = hub.loop.io(self._epoll.fileno(), _READ)
        timer = None
        self._parked = parked = gevent.hub.Waiter()
        try:
            watcher.start(self._unpark, parked)
            if next_ns < NEVER:
                timer = self._wake_up_call(next_ns, parked)
            parked.get()
        finally:
            self._parked = None
            watcher.close()
            if timer is not None:
                timer.close()

    def _wake_up_call(self, at_ns: int, parked: Any) -> Any:
        if self._timer is not None:
            self._armed_ns = at_ns
            self._timer.set(at_ns)
            return None
        timer = gevent.get_hub().loop.timer(max(0, at_ns - now_ns()) / 1e9)
        timer.start(self._unpark, parked)
        return timer

    def _unpark(self, parked: Any) -> None:
        if self._parked is parked:
            self._parked = None
            parked.switch(None)

    def _close_leaving(self) -> None:
        leaving, self._leaving = self._leaving, []
        for holder in leaving:
            holder.close()


_reactors: dict[int, Reactor] = {}


def reactor() -> Reactor:
    """Return the reactor of this process; a forked process gets its own."""
    found = _reactors.get(os.getpid())
    if found is None:
        _reactors.clear()
        found = _reactors[os.getpid()] = Reactor()
    return found


def _epoll() -> Any:
    """Return an epoll; gevent takes it out of the module when it patches, because it blocks."""
    try:
        return gevent.monkey.get_original("select", "epoll")()
    except AttributeError:
        raise HarnessError(
            "this system has no epoll",
            where="load",
            remedy="Run load scenarios on Linux, for example in a container.",
        ) from None


def _nothing(_event: int) -> None:
    """Ignore the timer, which did its work by waking us, and files that were closed."""
