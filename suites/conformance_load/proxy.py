"""A proxy of ours between the load and the product that cuts connections with a reset, as bad networks do.

It passes bytes through as they are, so TLS stays end to end, and knows one address to pass them to: that of the
candidate. It runs as a process of its own (this file, with the standard library alone), so that the generator keeps
its core. An exchange begins when the client speaks after the server did; one in ``every`` is cut, in one of three ways:

before   the request is thrown away: the product never sees it
after    the request is passed on and the connection cut a moment later, while the product works on it
middle   the connection is cut in the middle of the answer
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import os
import random
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass

WAYS = ("before", "after", "middle")
#: Bytes read at once, and bytes that may wait for one side before the other is not read any more.
_CHUNK = 64 * 1024
_WAITING_MAX = 256 * 1024
#: The product has this long for a request before its connection is cut, in seconds.
_AFTER_S = 0.003
#: Turns of the client that a TLS handshake takes: its hello, and its end.
TLS_TURNS = 2


@dataclass(frozen=True, slots=True)
class ProxyOrder:
    """What a proxy does: passes on to ``host`` and ``port``, and cuts one exchange in ``every`` while it is on.

    ``skip``: turns of each connection that are never cut, :data:`TLS_TURNS` where TLS is spoken.
    """

    host: str
    port: int
    every: int
    seed: int
    skip: int = 0


class _Side:
    """One socket of a pair and what waits to be sent on it."""

    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self.waiting = bytearray()
        #: The other side has ended; end this one when everything is sent.
        self.ending = False
        self.ended = False


class _Pair:
    """A client's connection and ours to the product."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = _Side(client)
        self.server = _Side(server)
        self.connected = False
        self.turns = 0
        self.client_spoke_last = False
        #: How the exchange under way is cut, "" where it is not.
        self.way = ""
        self.open = True

    def other(self, side: _Side) -> _Side:
        return self.client if side is self.server else self.server


class Proxy:
    """The proxy's process: pairs of sockets in one loop. Commands come on standard input: on, off; its end ends it."""

    def __init__(self, order: ProxyOrder) -> None:
        self._order = order
        self._random = random.Random(order.seed)  # noqa: S311 (a plan that can be repeated, not a secret)
        self._on = False
        self._order_of_cuts = itertools.count()
        self._cuts: list[tuple[float, int, _Pair]] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = int(self._listener.getsockname()[1])
        self.counts = dict.fromkeys(("connections", "exchanges", *WAYS), 0)

    def run(self) -> None:
        """Serve until standard input ends."""
        commands = _Commands()
        self._selector.register(0, selectors.EVENT_READ)
        while not commands.ended:
            for key, events in self._selector.select(self._patience()):
                if key.fd == 0:
                    self._on = commands.read(self._on)
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    pair, side = key.data
                    self._serve(pair, side, events)
            self._cut_what_is_due()

    def _patience(self) -> float | None:
        return max(0.0, self._cuts[0][0] - time.monotonic()) if self._cuts else None

    def _cut_what_is_due(self) -> None:
        while self._cuts and self._cuts[0][0] <= time.monotonic():
            _, _, pair = heapq.heappop(self._cuts)
            if pair.open and pair.way == "after":
                self._cut(pair)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._listener.accept()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_INET6 if ":" in self._order.host else socket.AF_INET, socket.SOCK_STREAM)
        for own in (client, server):
            own.setblocking(False)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.connect_ex((self._order.host, self._order.port))
        pair = _Pair(client, server)
        self.counts["connections"] += 1
        self._selector.register(client, selectors.EVENT_READ, (pair, pair.client))
        self._selector.register(server, selectors.EVENT_WRITE, (pair, pair.server))

    def _serve(self, pair: _Pair, side: _Side, events: int) -> None:
        if not pair.open:
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._write(pair, side)
            if events & selectors.EVENT_READ and pair.open:
                self._read(pair, side)
        except BlockingIOError:
            return
        except OSError:
            self._reset(pair)
        if pair.open:
            self._watch(pair)

    def _write(self, pair: _Pair, side: _Side) -> None:
        if side is pair.server and not pair.connected:
            if error := side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            pair.connected = True
        if side.waiting:
            del side.waiting[: side.socket.send(side.waiting)]
        self._end_if_done(pair, side)

    def _read(self, pair: _Pair, side: _Side) -> None:
        data = side.socket.recv(_CHUNK)
        other = pair.other(side)
        if not data:
            side.ended = other.ending = True
            self._end_if_done(pair, other)
        elif side is pair.client:
            self._from_client(pair, data)
        else:
            self._from_server(pair, data)

    def _from_client(self, pair: _Pair, data: bytes) -> None:
        if not pair.client_spoke_last:
            pair.client_spoke_last = True
            pair.turns += 1
            pair.way = self._choose(pair)
            if pair.way == "after":
                heapq.heappush(self._cuts, (time.monotonic() + _AFTER_S, next(self._order_of_cuts), pair))
        if pair.way == "before":
            self._cut(pair)
            return
        self._pass_on(pair, pair.server, data)

    def _from_server(self, pair: _Pair, data: bytes) -> None:
        pair.client_spoke_last = False
        if pair.way == "middle":
            self._pass_on(pair, pair.client, data[: len(data) // 2])
        if pair.way:
            self._cut(pair)
            return
        self._pass_on(pair, pair.client, data)

    def _choose(self, pair: _Pair) -> str:
        if not self._on or pair.turns <= self._order.skip:
            return ""
        self.counts["exchanges"] += 1
        return self._random.choice(WAYS) if self._random.randrange(self._order.every) == 0 else ""

    def _pass_on(self, pair: _Pair, side: _Side, data: bytes) -> None:
        """Send at once what can be sent; the rest waits."""
        if not side.waiting and (pair.connected or side is pair.client):
            with contextlib.suppress(BlockingIOError):
                data = data[side.socket.send(data) :]
        side.waiting += data

    def _end_if_done(self, pair: _Pair, side: _Side) -> None:
        if side.ending and not side.waiting:
            with contextlib.suppress(OSError):
                side.socket.shutdown(socket.SHUT_WR)
            if side.ended:
                self._forget(pair)
                pair.client.socket.close()
                pair.server.socket.close()

    def _watch(self, pair: _Pair) -> None:
        """Listen for what can happen to a pair now."""
        for side in (pair.client, pair.server):
            events = 0
            if not side.ended and len(pair.other(side).waiting) < _WAITING_MAX:
                events |= selectors.EVENT_READ
            if side.waiting or (side is pair.server and not pair.connected):
                events |= selectors.EVENT_WRITE
            self._listen(side.socket, events, (pair, side))

    def _listen(self, own: socket.socket, events: int, data: tuple[_Pair, _Side]) -> None:
        known = own in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(own)
        elif not known:
            self._selector.register(own, events, data)
        elif self._selector.get_key(own).events != events:
            self._selector.modify(own, events, data)

    def _cut(self, pair: _Pair) -> None:
        self.counts[pair.way] += 1
        self._reset(pair)

    def _reset(self, pair: _Pair) -> None:
        """Close both sockets so that their peers see a reset."""
        self._forget(pair)
        for side in (pair.client, pair.server):
            with contextlib.suppress(OSError):
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.socket.close()

    def _forget(self, pair: _Pair) -> None:
        pair.open = False
        for side in (pair.client, pair.server):
            with contextlib.suppress(KeyError):
                self._selector.unregister(side.socket)


class _Commands:
    """What the parent says on standard input."""

    def __init__(self) -> None:
        self.ended = False

    def read(self, on: bool) -> bool:
        """Return whether cutting is on after what has come; notes the end."""
        data = os.read(0, 4096)
        self.ended = not data
        words = data.split()
        return words[-1] == b"on" if words else on


def main() -> None:
    """Be the proxy: an order in JSON as argument, the port on standard output, and the counts at the end."""
    proxy = Proxy(ProxyOrder(**json.loads(sys.argv[1])))
    sys.stdout.write(json.dumps({"port": proxy.port}) + "\n")
    sys.stdout.flush()
    proxy.run()
    sys.stdout.write(json.dumps(proxy.counts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
