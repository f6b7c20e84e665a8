"""One keep-alive connection in the reactor: bytes out, one response back, nothing retried behind anybody's back.

The usual response arrives whole, with a head that was seen before: it is recognised in a few steps. Everything else
goes to a :class:`conformance_load.reactor.response.Reader`. An answer that nobody asked for ends the connection: it
must never be taken for the answer to the next request.
"""

from __future__ import annotations

import _socket
import errno
import os
from typing import Any, Protocol

from conformance.sdk import BrokenKind
from conformance_load.flow import Reply, now_ns
from conformance_load.reactor.endpoint import Endpoint
from conformance_load.reactor.head import Head, MalformedError, TooLargeError
from conformance_load.reactor.response import Reader

#: States of a connection. From BUSY on a request is under way; READING: its answer is not one that comes whole.
CLOSED, OPENING, READY, BUSY, READING = range(5)
#: How much is read at once: a usual response, and of one that is larger the rest. Small reads cost less memory.
RECEIVE = 4 * 1024
RECEIVE_MORE = 64 * 1024
_IN, _OUT = 1, 4
_AGAIN = (BlockingIOError, InterruptedError)
#: Errors that say that our own machine had nothing left to send with; the server had no part in them.
OWN = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL))


class Owner(Protocol):
    """Who uses a connection, and hears what becomes of it. None of these may raise."""

    def opened(self) -> None:
        """The connection is ready for a request."""
        ...

    def unopened(self, kind: BrokenKind, detail: str) -> None:
        """The connection could not be opened."""
        ...

    def whole(self, head: Head, data: bytes) -> None:
        """A plain response came whole: ``data`` is its head and its body. The connection is ready."""
        ...

    def ended(self, reply: Reply) -> None:
        """The request ended some other way; the connection may have been closed."""
        ...

    def cut_off(self) -> None:
        """The request was sent and its connection cut; may be called from within :meth:`Connection.cut`."""
        ...

    def lost(self, surplus: bool) -> None:
        """The server closed the connection while nothing was asked, or it was closed for an answer too many."""
        ...


class Connection:
    """One connection to an endpoint without TLS."""

    __slots__ = (
        "__weakref__",
        "_cutting",
        "_endpoint",
        "_failing",
        "_file",
        "_heads",
        "_next_address",
        "_reactor",
        "_reader",
        "_receive",
        "_send",
        "_size",
        "_socket",
        "_timeout_ns",
        "_unsent",
        "deadline_ns",
        "own_failure",
        "owner",
        "state",
    )

    def __init__(self, endpoint: Endpoint, owner: Owner) -> None:
        self._endpoint = endpoint
        self._reactor = endpoint.reactor
        self._heads = endpoint.heads
        self._timeout_ns = endpoint.timeout_ns
        self.owner = owner
        self.state = CLOSED
        #: When opening, or the request under way, is given up.
        self.deadline_ns = 0
        #: Whether what failed last was for want of something on our own side.
        self.own_failure = False
        self._socket: Any = None
        self._file = -1
        self._send: Any = None
        self._receive: Any = None
        self._next_address = 0
        self._reader: Reader | None = None
        self._unsent: memoryview | None = None
        self._size = RECEIVE
        self._cutting = False
        self._failing = False

    @property
    def waits(self) -> bool:
        """Tell whether the deadline counts."""
        return self.state not in (CLOSED, READY)

    @property
    def used_ns(self) -> int:
        """When the connection was opened, or a request was last sent on it."""
        return self.deadline_ns - self._timeout_ns

    def open(self) -> None:
        """Start to open; the owner hears when that is done, never from within this call."""
        self.state = OPENING
        self._next_address = 0
        self.deadline_ns = now_ns() + self._timeout_ns
        self._endpoint.watch(self)
        if self._endpoint.addresses:
            self._connect()
        else:
            self._later("connection", self._endpoint.unresolved or "the host was not looked up", own=True)

    def send(self, request: bytes, at_ns: int) -> None:
        """Send a request on a ready connection; ``at_ns`` is now."""
        self.state = BUSY
        self.deadline_ns = at_ns + self._timeout_ns
        # H: only then compare in full, because every request comes through here.
        if request[0] == 72 and request.startswith(b"HEAD "):
            self._read_carefully(bodiless=True)
        try:
            sent = self._send(request)
        except _AGAIN:
            sent = 0
        except OSError as error:
            self._later("connection", said(error), error.errno in OWN)
            return
        if sent != len(request):
            self._send_rest(memoryview(request)[sent:])

    def cut(self, request: bytes, at_ns: int) -> None:
        """Send a request and drop the connection without reading, as a phone in a tunnel does."""
        self._cutting = True
        self.send(request, at_ns)
        if self._unsent is None and not self._failing:
            self._cut_now()

    def close(self) -> None:
        """Close; harmless when done twice."""
        self.state = CLOSED
        self._reader = None
        self._size = RECEIVE
        self._unsent = None
        self._endpoint.forget(self)
        if self._socket is not None:
            holder, self._socket = self._socket, None
            self._reactor.remove(self._file, holder)

    def expire(self) -> None:
        """Give up what is under way, because its deadline has passed or nobody waits for it any more."""
        seconds = self._endpoint.target.timeout_s
        if self.state == OPENING:
            self._unopened("timeout", f"not connected within {seconds} s")
        else:
            self.fail("timeout", f"no complete answer within {seconds} s")

    def fail(self, kind: BrokenKind, detail: str) -> None:
        """End the request under way as broken, and close."""
        cut, self._cutting = self._cutting, False
        self.close()
        if cut:
            self.owner.cut_off()
        else:
            self.owner.ended(Reply(broken=kind, detail=detail[:300]))

    def _connect(self) -> None:
        """Try the next address."""
        address = self._endpoint.addresses[self._next_address]
        self._next_address += 1
        try:
            made = _socket.socket(address.family, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
        except OSError as error:
            self._later("connection", said(error), error.errno in OWN)
            return
        self._socket, self._file = made, made.fileno()
        made.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        try:
            code = made.connect_ex(address.place)
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code in (0, errno.EINPROGRESS):
            self._reactor.add(self._file, _OUT, self._connecting)
        else:
            self._reactor.call_at(0, lambda: self._refused(made, code))

    def _connecting(self, _event: int) -> None:
        code = self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if code:
            self._refused(self._socket, code)
        else:
            self._connected()

    def _refused(self, which: Any, code: int) -> None:
        if which is not self._socket:
            return
        self._socket = None
        self._reactor.remove(self._file, which)
        if self._next_address < len(self._endpoint.addresses):
            self._connect()
        else:
            self._unopened("connection", said(OSError(code, os.strerror(code))), code in OWN)

    def _connected(self) -> None:
        self._send, self._receive = self._socket.send, self._socket.recv
        self._reactor.change(self._file, _IN, self._readable)
        self._is_open()

    def _is_open(self) -> None:
        self.state = READY
        self.deadline_ns = now_ns() + self._timeout_ns
        self.owner.opened()

    def _later(self, kind: BrokenKind, detail: str, own: bool = False) -> None:
        """Fail in the reactor's next round: whoever called must not be called back from within."""
        state, holder = self.state, self._socket
        self._failing = True

        def fail() -> None:
            self._failing = False
            if (self.state, self._socket) != (state, holder):
                return
            if state == OPENING:
                self._unopened(kind, detail, own)
            else:
                self._note_own(own, detail)
                self.fail(kind, detail)

        self._reactor.call_at(0, fail)

    def _note_own(self, own: bool, detail: str) -> None:
        """Count what failed for want of something on our side: it must not be taken for the server's failure."""
        self.own_failure = own
        if own:
            self._endpoint.own_failures += 1
            self._endpoint.own_failure = detail[:300]

    def _unopened(self, kind: BrokenKind, detail: str, own: bool = False) -> None:
        self._note_own(own, detail)
        self.close()
        self.owner.unopened(kind, detail[:300])

    def _readable(self, _event: int) -> None:
        try:
            data = self._receive(self._size)
        except _AGAIN:
            return
        except OSError as error:
            self._gone(said(error))
            return
        # The beginning of _received, once more: calling it costs as much as a twentieth of a whole request.
        if self.state == BUSY:
            heads = self._heads
            if len(data) == heads.size and data.startswith(heads.raw):
                self.state = READY
                self.owner.whole(heads.last, data)
                return
        self._received(data)

    def _received(self, data: bytes) -> None:
        """Take what came, decrypted; empty when the server closed."""
        if self.state == BUSY:
            heads = self._heads
            usual = len(data) == heads.size and data.startswith(heads.raw)
            head = heads.last if usual else heads.find(data)
            if head is not None:
                self.state = READY
                self.owner.whole(head, data)
                return
        if not data:
            self._gone("closed by the server")
        elif self.state >= BUSY:
            self._read(data)
        else:
            self._endpoint.surplus += 1
            self._lost(surplus=True)

    def _read(self, data: bytes) -> None:
        reader = self._reader or self._read_carefully()
        try:
            if reader.feed(data):
                self._complete(reader)
        except MalformedError as error:
            self.fail("unparseable", str(error))
        except TooLargeError as error:
            self.fail("too-large", str(error))

    def _read_carefully(self, bodiless: bool = False) -> Reader:
        """Take the answer to the request under way byte by byte."""
        self.state = READING
        self._size = RECEIVE_MORE
        self._reader = made = Reader(bodiless=bodiless, body_max=self._endpoint.target.body_max)
        return made

    def _complete(self, reader: Reader) -> None:
        head = reader.head
        if head is None:
            raise MalformedError("no head")
        if reader.surplus:
            self._endpoint.surplus += 1
            raise MalformedError("more than one answer to one request")
        body = reader.body()
        self._reader = None
        self._size = RECEIVE
        if reader.close or self._unsent is not None:
            self.close()
        else:
            if head.plain:
                self._heads.keep(head)
            self.state = READY
        self.owner.ended(Reply(head.status, head.fields, body))

    def _gone(self, detail: str) -> None:
        """Handle the end of the connection from the other side."""
        if self.state < BUSY:
            self._lost()
            return
        reader = self._reader
        try:
            if reader is not None and reader.started and reader.end():
                self._complete(reader)
                return
        except MalformedError as error:
            self.fail("unparseable", str(error))
        except TooLargeError as error:
            self.fail("too-large", str(error))
        except ConnectionError:
            self.fail("connection", f"{detail} in the middle of the answer")
        else:
            self.fail("connection", f"{detail} before an answer")

    def _lost(self, surplus: bool = False) -> None:
        self.close()
        self.owner.lost(surplus)

    def _send_rest(self, rest: memoryview) -> None:
        self._unsent = rest
        self._reactor.change(self._file, _IN | _OUT, self._sendable)

    def _sendable(self, event: int) -> None:
        """Send what did not fit, and take an answer that comes early."""
        if event & ~_OUT:
            # Whatever comes before the request is sent goes the careful way, and the connection ends with it.
            if self._reader is None:
                self._read_carefully()
            self._readable(event)
        if self._unsent is None or not event & _OUT:
            return
        try:
            self._unsent = self._unsent[self._send(self._unsent) :]
        except _AGAIN:
            return
        except OSError as error:
            self._note_own(error.errno in OWN, said(error))
            self.fail("connection", said(error))
            return
        if not self._unsent:
            self._all_sent()

    def _all_sent(self) -> None:
        self._unsent = None
        self._reactor.change(self._file, _IN, self._readable)
        if self._cutting:
            self._cut_now()

    def _cut_now(self) -> None:
        self.fail("connection", "cut")


def said(error: OSError) -> str:
    """Return an error in a few words."""
    return f"{type(error).__name__}: {error.strerror or error}"
