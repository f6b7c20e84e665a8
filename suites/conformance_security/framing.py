"""Requests whose end or meaning two HTTP parsers see differently, and what came back over one connection.

Every probe is an honest request with one thing changed. Behind it follows a *tail*: another honest request that only
a parser which ended the first one too early answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from conformance.sdk import WireRequest

#: Headers that a probe writes itself.
_OWN = ("host", "content-length", "transfer-encoding", "connection", "expect")
CRLF = b"\r\n"


class Demand(Enum):
    """What a server must do with a probe."""

    CLOSE = "a 4xx or 501, and the connection closed"
    REFUSE = "a 4xx or 501"
    NO_TAIL = "a refusal, or one answer and the connection closed"
    ONE_VALUE = "a refusal, or the folded line read as part of the value before it"


@dataclass(frozen=True, slots=True)
class Honest:
    """A request taken apart: everything a probe needs to write it anew."""

    method: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, request: WireRequest) -> Honest:
        """Take a finished request apart."""
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = tuple(pair for pair in request.headers if pair[0].lower() not in _OWN)
        return cls(request.method, target, parts.netloc.rpartition("@")[2], headers, request.body)

    def head(self, *own: str, host: str | None = None, target: str | None = None, version: str = " HTTP/1.1") -> bytes:
        """Return the head with ``own`` header lines; ``host``: its line, "" for none."""
        lines = [f"{self.method} {target or self.target}{version}"]
        lines += [f"Host: {self.host}"] if host is None else [host] if host else []
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, *own, "", ""]).encode("utf-8")

    def whole(self) -> bytes:
        """Return the request in order: one Host, one length."""
        return self.head(*([f"Content-Length: {len(self.body)}"] if self.body else [])) + self.body

    def chunked(self, size: str = "", end: bytes = CRLF) -> bytes:
        """Return the body in chunks; ``size`` replaces what stands for the first one's, ``end`` ends its line."""
        if not self.body and not size:
            return b"0\r\n\r\n"
        data = self.body or b"{}"
        return (size or f"{len(data):x}").encode() + end + data + b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe. ``what`` completes "a request …"; ``make`` writes it, given the tail that will follow."""

    name: str
    what: str
    demand: Demand
    make: Callable[[Honest, bytes], bytes]


def _lengths(first: int, second: int) -> tuple[str, str]:
    return f"Content-Length: {first}", f"Content-Length: {second}"


def _two_lengths(request: Honest, tail: bytes) -> bytes:
    short = len(request.body)
    return request.head(*_lengths(short, short + len(tail))) + request.body


def _two_lengths_long_first(request: Honest, tail: bytes) -> bytes:
    short = len(request.body)
    return request.head(*_lengths(short + len(tail), short)) + request.body


def _length_list(request: Honest, tail: bytes) -> bytes:
    short = len(request.body)
    return request.head(f"Content-Length: {short}, {short + len(tail)}") + request.body


def _length(text: str) -> Callable[[Honest, bytes], bytes]:
    def make(request: Honest, tail: bytes) -> bytes:
        return request.head(f"Content-Length: {text.format(len(request.body))}") + request.body

    return make


def _length_and_chunked(request: Honest, tail: bytes) -> bytes:
    body = request.chunked()
    return request.head(f"Content-Length: {len(body) + len(tail)}", "Transfer-Encoding: chunked") + body


def _coding(*lines: str) -> Callable[[Honest, bytes], bytes]:
    """Transfer codings no server has to know, beside a length that makes sense without them."""

    def make(request: Honest, tail: bytes) -> bytes:
        return request.head(*lines, f"Content-Length: {len(request.body)}") + request.body

    return make


def _codings(*lines: str) -> Callable[[Honest, bytes], bytes]:
    def make(request: Honest, tail: bytes) -> bytes:
        return request.head(*lines) + request.chunked()

    return make


def _chunk(size: str, end: bytes = CRLF) -> Callable[[Honest, bytes], bytes]:
    def make(request: Honest, tail: bytes) -> bytes:
        length = len(request.body or b"{}")
        return request.head("Transfer-Encoding: chunked") + request.chunked(size.format(length), end)

    return make


def _headed(host: str | None = None, *extra: str) -> Callable[[Honest, bytes], bytes]:
    """An honest length, and another Host or one more header line."""

    def make(request: Honest, tail: bytes) -> bytes:
        own = [*extra, *([f"Content-Length: {len(request.body)}"] if request.body else [])]
        named = host.format(request.host) if host else host
        return request.head(*own, host=named) + request.body

    return make


def _folded(request: Honest, tail: bytes) -> bytes:
    """A folded line that is a length to a parser which takes it for a header (RFC 9112 5.2 lets servers unfold it)."""
    hidden = f"X-Probe: a\r\n Content-Length: {len(request.body) + len(tail)}"
    return request.head(hidden, *([f"Content-Length: {len(request.body)}"] if request.body else [])) + request.body


def _simple(request: Honest, tail: bytes) -> bytes:
    return f"GET {request.target}\r\n".encode() + b"\r\n"


PROBES: tuple[Probe, ...] = (
    Probe("two lengths", "with two different lengths, the short one first", Demand.CLOSE, _two_lengths),
    Probe(
        "two lengths, long first",
        "with two different lengths, the long one first",
        Demand.CLOSE,
        _two_lengths_long_first,
    ),
    Probe("list of lengths", "with a list of two different lengths", Demand.CLOSE, _length_list),
    Probe("signed length", "with a length that has a sign", Demand.CLOSE, _length("+{}")),
    Probe("negative length", "with a length below zero", Demand.CLOSE, _length("-1")),
    Probe("length and chunks", "with a length beside chunks", Demand.NO_TAIL, _length_and_chunked),
    Probe(
        "unknown coding",
        "with a transfer coding that nobody knows",
        Demand.CLOSE,
        _coding("Transfer-Encoding: xchunked"),
    ),
    Probe(
        "space before the colon",
        "with a space before a header's colon",
        Demand.CLOSE,
        _coding("Transfer-Encoding : chunked"),
    ),
    Probe("chunked twice", "that is chunked twice", Demand.CLOSE, _codings(*["Transfer-Encoding: chunked"] * 2)),
    Probe(
        "chunked, not last",
        "with a coding after chunked",
        Demand.CLOSE,
        _codings("Transfer-Encoding: chunked, identity"),
    ),
    Probe("negative chunk", "with a chunk of a size below zero", Demand.CLOSE, _chunk("-1")),
    Probe("overflowing chunk", "with a chunk of a size beyond 64 bits", Demand.NO_TAIL, _chunk("1{:016x}")),
    Probe("chunk ended by LF", "with a chunk's size ended by a bare LF", Demand.CLOSE, _chunk("{:x}", b"\n")),
    Probe("no Host", "with no Host", Demand.REFUSE, _headed("")),
    Probe("two Hosts", "with two Hosts", Demand.REFUSE, _headed(None, "Host: other.example.com")),
    Probe("NUL in a header", "with a NUL in a header", Demand.REFUSE, _headed(None, "X-Probe: a\x00b")),
    Probe("bare CR in a header", "with a bare CR in a header", Demand.REFUSE, _headed(None, "X-Probe: a\rX-Other: b")),
    Probe("folded header", "with a header folded over two lines", Demand.ONE_VALUE, _folded),
    Probe("HTTP/0.9", "without a version", Demand.REFUSE, _simple),
)


# -- what came back -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One response of a stream. ``closes``: it says that the connection ends with it."""

    status: int
    closes: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """All that came over one connection. ``ended``: the server closed it; ``rest``: bytes that are no response."""

    replies: tuple[Reply, ...]
    ended: bool
    rest: bytes = b""


def read_stream(data: bytes, ended: bool) -> Stream:
    """Take the bytes of a connection apart into responses; interim ones (1xx) do not count."""
    replies: list[Reply] = []
    while data.startswith(b"HTTP/"):
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            break
        status, headers = _head(head)
        length = _body_length(status, headers, rest, ended)
        if length is None:
            break
        data = rest[length:]
        if status >= 200:
            replies.append(Reply(status, "close" in headers.get("connection", "").lower()))
    return Stream(tuple(replies), ended, data)


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    pairs = (line.partition(":") for line in lines)
    return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _body_length(status: int, headers: dict[str, str], rest: bytes, ended: bool) -> int | None:
    """Return how many bytes of ``rest`` are the body, or None where it is not complete."""
    if status < 200 or status in (204, 304):
        return 0
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunks_length(rest)
    if headers.get("content-length", "").isdigit():
        length = int(headers["content-length"])
        return length if len(rest) >= length else None
    return len(rest) if ended else None


def _chunks_length(rest: bytes) -> int | None:
    at = 0
    while True:
        end = rest.find(CRLF, at)
        if end < 0:
            return None
        try:
            size = int(rest[at:end].partition(b";")[0], 16)
        except ValueError:
            return None
        at = end + 2 + size + 2
        if at > len(rest):
            return None
        if size == 0:
            return at
