"""What flows through a load run: streams of arrivals, their work, and what comes back. Knows no socket and no product.

A *stream* is one operation at one target with a schedule of its own. Its arrivals are numbered from 0; its *work* says
what is sent for a number and what the answer means.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from conformance.errors import ConfigError
from conformance.sdk import BrokenKind, LoadContext, WireRequest
from conformance_load.tally import Tally

#: Reads the clock that all times of a run come from, in nanoseconds.
now_ns = time.perf_counter_ns


class Times(NamedTuple):
    """When one arrival was intended, sent and answered; nanoseconds."""

    intended: int
    sent: int
    done: int

    @property
    def response_ms(self) -> float:
        """From the intended start to the answer."""
        return (self.done - self.intended) / 1_000_000


class Reply(NamedTuple):
    """A response, or why there is none: then ``broken`` is set and ``status`` is 0."""

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    broken: BrokenKind | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where connections go: ``tls`` is None for plain HTTP. ``body_max`` bounds a response body in bytes.

    ``pinned`` is the address to which ``host`` was resolved when its scope was decided, "" where nobody did.
    ``via`` is connected to in place of both, for example a proxy that disturbs; certificates are still checked for
    ``host``. Streams share connections only where all of this is the same, ``pool`` included.
    """

    host: str
    port: int
    timeout_s: float
    body_max: int
    tls: ssl.SSLContext | None = None
    via: tuple[str, int] | None = None
    pool: str = ""
    pinned: str = ""

    @property
    def address(self) -> tuple[str, int]:
        """Where the socket connects."""
        return self.via or (self.pinned or self.host, self.port)

    @classmethod
    def of(cls, url: str, context: LoadContext) -> Target:
        """Return the target of a request; raises ConfigError when it lies outside of the candidate's scope."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if _authority(url) not in _allowed(context):
            raise ConfigError(
                f"{parts.hostname}:{port} is not in scope",
                where="candidate.toml [scope]",
                remedy="Add it to [scope] hosts if load may really go there.",
            )
        limits = context.candidate.file.limits
        tls = _trusting(context) if parts.scheme == "https" else None
        pinned = context.address_of(url) if context.address_of else ""
        return cls(parts.hostname or "", port, limits.timeout_s, limits.response_bytes_max, tls, pinned=pinned)


class Work(Protocol):
    """What is sent and what its answers mean; whoever sends knows neither."""

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return the bytes of an arrival and whether its connection is to be cut after sending."""
        ...

    def sending(self, arrival: int, at_ns: int) -> None:
        """Note that an arrival is about to be sent; called before its first byte leaves."""
        ...

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Take a reply (None after a cut) and return an outcome of :data:`conformance_load.tally.OUTCOMES`."""
        ...


@dataclass(slots=True)
class Stream:
    """Arrivals of one operation: ``arrivals`` yields intended offsets from the epoch, ascending, in nanoseconds."""

    name: str
    target: Target
    arrivals: Iterator[int]
    work: Work
    tally: Tally
    #: How many arrivals were handed out so far.
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Pressed:
    """How the pressure went. ``aborted`` says why it ended early, "" where it did not.

    ``epoch_ns`` on the clock of :func:`now_ns`, ``epoch_wall_ns`` since 1970; ``cpu_permille`` of one core, by the
    generator, in the second in which it used most; ``connections`` in all. ``surplus``: answers that nobody had asked
    for; ``told``: arrivals that Locust's statistics were told of, warm-up included. ``late_us``: by how much an agreed
    start was missed. ``own_failures``: what failed for want of a port, a descriptor or an address on the generator's
    side, and ``own_failure`` the last reason.
    """

    epoch_ns: int
    epoch_wall_ns: int
    aborted: str
    cpu_permille: int
    connections: int
    surplus: int = 0
    told: int = 0
    late_us: int = 0
    own_failures: int = 0
    own_failure: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """How long a press lasts, in seconds: warm-up (not measured), measured length, and patience for the rest.

    ``epoch_wall_s``: when the clock starts, in seconds since 1970, so that several generators start together; None as
    soon as everything is connected.
    """

    warmup_s: int
    duration_s: int
    drain_s: int
    epoch_wall_s: float | None = None

    @property
    def length_s(self) -> int:
        """Until the last arrival."""
        return self.warmup_s + self.duration_s


class Press(Protocol):
    """The face of :func:`conformance_load.press.press`."""

    def __call__(
        self,
        streams: Sequence[Stream],
        span: Span,
        *,
        connections: int,
        progress: Callable[[int], None],
        watch: Callable[[], str] | None = None,
    ) -> Pressed:
        """Run every arrival of every stream; see :func:`conformance_load.press.press`."""
        ...


def serialise(request: WireRequest) -> bytes:
    """Return the bytes of a finished request, with the headers that belong to the connection."""
    parts = urlsplit(request.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [(name, value) for name, value in request.headers if name.lower() not in ("connection", "content-length")]
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("Host", parts.netloc.rpartition("@")[2]))
    if request.body or request.method not in ("GET", "HEAD"):
        headers.append(("Content-Length", str(len(request.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{request.method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + request.body


def _trusting(context: LoadContext) -> ssl.SSLContext:
    trusting = ssl.create_default_context(cafile=context.tls_ca or None)
    trusting.minimum_version = ssl.TLSVersion.TLSv1_2
    if context.client_cert:
        trusting.load_cert_chain(context.client_cert, context.client_key or None)
    return trusting


def _authority(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _allowed(context: LoadContext) -> set[str]:
    file = context.candidate.file
    return {_authority(url) for url in (file.base_url, *file.endpoints.values()) if "://" in url} | set(
        file.scope.hosts
    )
