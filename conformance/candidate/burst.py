"""Bursts: requests that reach the candidate at the same moment, as close together as one machine can make them.

Every request has a connection of its own, opened and written beforehand but for its last byte. Then the last bytes go
out one right after the other from a single thread: nothing is left to do between them but to hand a byte to the
kernel. Threads that merely start together are spread by everything they do until then (``benchmarks/burst_spread.py``).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from conformance.candidate.decoding import Body, TooLarge, Undecodable
from conformance.candidate.raw import connected
from conformance.candidate.scope import Target, Unresolved
from conformance.candidate.session import CHUNK, Failed, Seen, Session, classify, request_bytes
from conformance.candidate.transport import CURRENT, BoundedSocket
from conformance.sdk.answers import Broken, Exchange
from conformance.sdk.load import WireRequest

#: Requests of one burst at most.
BURST_MAX = 64


@dataclass(frozen=True, slots=True)
class Aimed:
    """A request, the context to use where its URL says https, and the paths of the certificate and key in that."""

    request: WireRequest
    secure: ssl.SSLContext
    identity: tuple[str, str] = ("", "")


@dataclass(slots=True)
class _Held:
    """One request on its connection, and what came back."""

    request: WireRequest
    target: Target
    secure: ssl.SSLContext | None
    identity: tuple[str, str]
    seen: Seen = field(default_factory=Seen)
    raw: socket.socket | None = None
    last: bytes = b""
    released_us: int = 0
    begin_ns: int = 0
    elapsed_us: int = 0

    def hold(self, session: Session, timeout_s: float) -> None:
        """Connect and write everything but the last byte."""
        data = request_bytes(self.request, session.complete(self.request, self.target))
        try:
            self.raw = connected(self.target, timeout_s, self.secure)
            self.raw.sendall(data[:-1])
            self.last = data[-1:]
        except OSError as error:
            self.seen.failure = classify(error)

    def release(self) -> None:
        """Write the last byte."""
        self.released_us, self.begin_ns = time.time_ns() // 1000, time.perf_counter_ns()
        if self.raw is None or self.seen.failure:
            return
        try:
            self.raw.sendall(self.last)
        except OSError as error:
            self.seen.failure = classify(error)

    def finish(self, limit: int, deadline: float) -> None:
        """Read the response and close."""
        if self.raw is None:
            return
        try:
            if not self.seen.failure:
                CURRENT.deadline = deadline  # of this thread, which serves one request of one burst at a time
                self._read(BoundedSocket(self.raw), limit)
        except Failed as failure:
            self.seen.failure = failure
        except (OSError, http.client.HTTPException) as error:
            self.seen.failure = classify(error)
        finally:
            self.elapsed_us = (time.perf_counter_ns() - self.begin_ns) // 1000
            self.raw.close()

    def _read(self, raw: BoundedSocket, limit: int) -> None:
        response = http.client.HTTPResponse(cast(socket.socket, raw), method=self.request.method)
        response.begin()
        self.seen.status, self.seen.reason = response.status, response.reason or ""
        self.seen.headers = tuple((str(name), str(value)) for name, value in response.headers.items())
        body = Body(response.headers.get("Content-Encoding", ""), limit)
        try:
            while chunk := response.read1(CHUNK):
                body.feed(chunk)
        except TooLarge as error:
            raise Failed("too-large", str(error)) from error
        except Undecodable as error:
            raise Failed("unparseable", f"content coding: {error}") from error
        finally:
            self.seen.body = body.value()
            response.close()


def together(session: Session, requests: Sequence[Aimed], timeout_s: float, limit: int) -> list[Exchange | Broken]:
    """Send requests at the same moment; record them in order.

    ``limit``: bytes of a response at most. Raises ValueError for more than ``BURST_MAX`` requests, OutOfScope before
    anything is sent.
    """
    if not 1 <= len(requests) <= BURST_MAX:
        raise ValueError(f"a burst has 1 to {BURST_MAX} requests, not {len(requests)}")
    try:
        targets = [session.boundary.target(aimed.request.url) for aimed in requests]
    except Unresolved as error:
        return [session.unsent(aimed.request, "connection", str(error)) for aimed in requests]
    held = [
        _Held(aimed.request, target, aimed.secure if target.scheme == "https" else None, aimed.identity)
        for aimed, target in zip(requests, targets, strict=True)
    ]
    for _ in held:
        session.pace()
    with ThreadPoolExecutor(len(held)) as pool:
        list(pool.map(lambda item: item.hold(session, timeout_s), held))
        for item in held:
            item.release()
        deadline = time.monotonic() + timeout_s
        list(pool.map(lambda item: item.finish(limit, deadline), held))
    return [
        session.finish(item.request, item.target, item.seen, item.released_us, item.elapsed_us, item.identity)
        for item in held
    ]
