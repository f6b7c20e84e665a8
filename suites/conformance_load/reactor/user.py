"""A Locust user whose connection lives in the reactor: for anybody's locustfile, many times faster than one by itself.

    from conformance_load.reactor.user import ReactorUser

    class Payer(ReactorUser):
        name = "/payments"

        def on_start(self):
            self.bytes = self.compose("POST", "/payments", b'{"amount": 1}')

        def request(self):
            return self.bytes

Importing this module imports Locust, which patches the process's sockets.
"""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.event
from locust import User, events, task
from locust.exception import LocustError

from conformance.sdk import BrokenKind, WireRequest
from conformance_load.flow import Reply, Target, Times, now_ns, serialise
from conformance_load.histogram import TABLE, TABLE_SIZE, index_of
from conformance_load.reactor.batch import Batch, Statistics
from conformance_load.reactor.connection import BUSY, OPENING, READY
from conformance_load.reactor.endpoint import Endpoint
from conformance_load.reactor.head import Head
from conformance_load.reactor.loop import reactor
from conformance_load.reactor.secure import connection_to

_new = tuple.__new__
#: Locust's own words for what a user does.
_RUNNING, _WAITING, _STOPPING = "running", "waiting", "stopping"
#: How long a user that is killed may wait for the answer to its last request, in seconds.
DRAIN_S = 1.0
#: Waits before a connection that cannot be opened is tried again: the first and the longest, in seconds.
RETRY_S = (0.05, 2.0)


class ReactorUser(User):
    """One user is one connection: it sends what :meth:`request` returns, takes the answer, and goes on.

    Set ``host`` as for any Locust user. ``method`` and ``name`` are what the statistics say. An answer with a status
    of 400 or more is a failure, unless :meth:`answered` says otherwise. ``wait_time`` is honoured; by default there is
    no wait. At stop the request under way is finished, so that every request that the server saw is counted.
    """

    abstract = True
    method = "POST"
    name = "/"
    #: Limits of one exchange: seconds from sending, and bytes of a body.
    timeout_s = 10.0
    body_max = 1 << 20
    #: How to do TLS, for a host of https; by default the system's authorities are trusted and no certificate is shown.
    tls: ssl.SSLContext | None = None

    def request(self) -> bytes:
        """Return the bytes of the next request, for example from :meth:`compose`."""
        raise NotImplementedError(f"{type(self).__name__} must define request()")

    def answered(self, reply: Reply, times: Times) -> str | None:
        """Return why an answer is a failure, or None. Overriding it costs about a microsecond per request."""
        return None

    def compose(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Return the bytes of a request to this user's host."""
        return serialise(WireRequest(method, _host_of(self).rstrip("/") + path, tuple((headers or {}).items()), body))

    def label(self, method: str, name: str) -> None:
        """Let the statistics call the requests from the next one on something else; to be used in :meth:`request`."""
        self._slot.batch = Statistics.of(self.environment).batch(method, name)

    @task
    def keep_asking(self) -> None:
        """Run the connection until Locust stops this user."""
        self._slot = slot = _Slot(self, _endpoint(_target_of(self)).resolve())
        try:
            slot.start()
            slot.over.get()
        except gevent.GreenletExit:
            if self._state == _RUNNING:
                slot.drain(DRAIN_S)
            raise
        finally:
            slot.close()


class _Slot:
    """The connection of one user, and what the statistics hear of it."""

    __slots__ = ("_asks", "_began", "_connects", "_environment", "_hook", "_pauses", "_retry_s", "_sent", "_stats",
                 "_user", "batch", "connection", "over")  # fmt: skip

    def __init__(self, user: ReactorUser, endpoint: Endpoint) -> None:
        self._user = user
        self._asks: Callable[[], bytes] = user.request
        self._hook = user.answered if type(user).answered is not ReactorUser.answered else None
        self._pauses = type(user).wait_time is not User.wait_time
        self._stats = Statistics.of(user.environment)
        self.batch: Batch = self._stats.batch(user.method, user.name)
        self.connection = connection_to(endpoint, self)
        self._retry_s = RETRY_S[0]
        self._sent = 0
        #: Set when the user is done, or to what our user's own code raised.
        self.over: gevent.event.AsyncResult[None] = gevent.event.AsyncResult()

    def start(self) -> None:
        """Connect and go."""
        self.connection.open()

    def drain(self, seconds: float) -> None:
        """Wait for the answer under way, but not for ever."""
        self._user._state = _STOPPING
        if self.connection.state >= BUSY:
            with gevent.Timeout(seconds, False):
                self.over.get()

    def close(self) -> None:
        """Close; a request without an answer is counted, as a failure, because the server may have seen it."""
        if self.connection.state >= BUSY:
            self._count(now_ns(), 0)
            self.batch.fail("stopped before it was answered")
        self.connection.close()
        self.over.set(None)

    def opened(self) -> None:
        """Send the first request."""
        self._retry_s = RETRY_S[0]
        self._go()

    def unopened(self, kind: BrokenKind, detail: str) -> None:
        """Count the attempt apart from requests, and try again a little later."""
        connecting = self._stats.batch("CONNECT", self._user.name)
        connecting.record(0, 0)
        connecting.fail(f"{kind}: {detail}")
        wait_s, self._retry_s = self._retry_s, min(self._retry_s * 2, RETRY_S[1])
        self._pause(wait_s)

    def whole(self, head: Head, data: bytes) -> None:
        """Take a plain response: all that is said here is said for every request."""
        now = now_ns()
        took_us = (now - self._sent) // 1000
        batch = self.batch
        batch.counts[TABLE[took_us] if took_us < TABLE_SIZE else index_of(took_us)] += 1
        batch.total_us += took_us
        batch.length += head.length  # type: ignore[operator]  # plain heads have one
        hook = self._hook
        try:
            if hook is not None:
                # Not Reply(...): making tuples straight away takes half the time.
                reply = _new(Reply, (head.status, head.fields, data[len(head.raw) :], None, ""))
                if reason := hook(reply, _new(Times, (self._sent, self._sent, now))):
                    batch.fail(reason)
            elif head.status >= 400:
                batch.fail(f"status {head.status}")
            if self._pauses or self._user._state != _RUNNING:
                self._pause_or_end()
                return
            request = self._asks()
            self._sent = now = now_ns()
            self.connection.send(request, now)
        except Exception as error:  # noqa: BLE001 - raised again in the user's own greenlet
            self.over.set_exception(error)

    def ended(self, reply: Reply) -> None:
        """Take any other end of a request."""
        now = now_ns()
        self._count(now, len(reply.body))
        reason = f"status {reply.status}" if reply.status >= 400 else None
        try:
            if self._hook is not None:
                reason = self._hook(reply, Times(self._sent, self._sent, now))
            if reply.broken:
                reason = f"{reply.broken}: {reply.detail}"
            if reason:
                self.batch.fail(reason)
            self._pause_or_end()
        except Exception as error:  # noqa: BLE001 - raised again in the user's own greenlet
            self.over.set_exception(error)

    def cut_off(self) -> None:
        """Users of Locust do not cut connections."""

    def lost(self, surplus: bool) -> None:
        """Open again when the next request is due; count, apart from requests, an answer that nobody asked for."""
        if surplus:
            unasked = self._stats.batch("UNASKED", self._user.name)
            unasked.record(0, 0)
            unasked.fail("an answer that nobody asked for")

    def _count(self, now: int, length: int) -> None:
        self.batch.record((now - self._sent) // 1000, length)

    def _pause_or_end(self) -> None:
        if self._user._state != _RUNNING:
            self.over.set(None)
        elif self._pauses:
            self._pause(self._user.wait_time())
        else:
            self._go()

    def _pause(self, seconds: float) -> None:
        # Locust may stop a waiting user at once.
        if self._user._state == _RUNNING:
            self._user._state = _WAITING
        self.connection._reactor.call_at(now_ns() + int(seconds * 1_000_000_000), self._resume)

    def _resume(self) -> None:
        if self._user._state == _WAITING:
            self._user._state = _RUNNING
        if not self.over.ready():
            self._go()

    def _go(self) -> None:
        """Send the next request, or connect first."""
        if self._user._state != _RUNNING:
            self.over.set(None)
            return
        if self.connection.state != READY:
            if self.connection.state != OPENING:
                self.connection.open()
            return
        self._send_next()

    def _send_next(self) -> None:
        try:
            request = self._asks()
            self._sent = now = now_ns()
            self.connection.send(request, now)
        except Exception as error:  # noqa: BLE001 - raised again in the user's own greenlet
            self.over.set_exception(error)


_endpoints: dict[tuple[int, Target], Endpoint] = {}


def _endpoint(target: Target) -> Endpoint:
    """Return what all users of a target share; a forked process has its own."""
    key = os.getpid(), target
    if key not in _endpoints:
        _endpoints[key] = Endpoint(reactor(), target)
    return _endpoints[key]


def _target_of(user: ReactorUser) -> Target:
    parts = urlsplit(_host_of(user))
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    tls = (user.tls or _system_trust()) if secure else None
    return Target(parts.hostname or "", port, user.timeout_s, user.body_max, tls)


def _host_of(user: ReactorUser) -> str:
    host: str = user.host or user.environment.host or ""
    if urlsplit(host).scheme not in ("http", "https"):
        raise LocustError(f"host is {host!r}; give one with http:// or https://, by --host or in the class")
    return host


def _prepare(environment: Any, **_facts: Any) -> None:
    """Prepare statistics on a master too, where no user ever starts."""
    Statistics.of(environment)


_starting: Any = events.init
_starting.add_listener(_prepare)


@functools.cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()
