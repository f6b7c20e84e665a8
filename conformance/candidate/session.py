"""The one session: every request to a candidate is in scope, bounded, paced, tagged and recorded here."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from conformance import __version__
from conformance.candidate.curl import curl_line
from conformance.candidate.decoding import ACCEPTED, Body, TooLarge, Undecodable
from conformance.candidate.pace import Pace
from conformance.candidate.scope import Boundary, OutOfScope, Target, Unresolved
from conformance.candidate.secrets import Secrets
from conformance.candidate.transport import CURRENT, Adapter, TransportError, remaining
from conformance.model.candidate import CandidateFile, Limits
from conformance.sdk.answers import Broken, BrokenKind, Exchange
from conformance.sdk.drivers import Recorder, Sighting, WireMessage
from conformance.sdk.load import WireRequest

#: Bytes taken from the wire at once.
CHUNK = 65536
#: Of a body that was cut off, this much is recorded.
CUT_KEPT = 65536

USER_AGENT = f"fintech-conformance/{__version__}"

#: Headers of every request, but those that differ.
_ALWAYS = (("User-Agent", USER_AGENT), ("Accept-Encoding", ACCEPTED), ("Connection", "keep-alive"))


class Failed(Exception):
    """Why there is no usable response; ``kind`` as in Broken."""

    def __init__(self, kind: BrokenKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(slots=True)
class Seen:
    """A response as far as it came."""

    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    version: str = "HTTP/1.1"
    failure: Failed | None = None
    net: Mapping[str, str] = field(default_factory=dict)


class Session:
    """Sends finished requests to one candidate and records what happened.

    Never raises for the product's behaviour: whatever goes wrong is a Broken. Never retries, never follows a
    redirect, never turns verification off. Safe to use from many threads.
    """

    def __init__(
        self,
        recorder: Recorder,
        boundary: Boundary,
        secrets: Secrets,
        limits: Limits | None = None,
        tls: Mapping[str, str] | None = None,
    ) -> None:
        self._recorder = recorder
        self._boundary = boundary
        self._secrets = secrets
        self._limits = limits or Limits()
        self._ca = (tls or {}).get("ca", "")
        self._default_identity = ((tls or {}).get("client_cert", ""), (tls or {}).get("client_key", ""))
        self._pace = Pace(self._limits.requests_per_second_max)
        self._adapters: dict[tuple[str, str], Adapter] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, candidate: CandidateFile, recorder: Recorder, secrets: Secrets) -> Session:
        """Return the session of a candidate file, with its scope, limits and roots."""
        tls = {key: secrets.path(value) for key, value in candidate.tls.items() if key in TLS_PATHS and value}
        return cls(recorder, Boundary.of(candidate), secrets, candidate.limits, tls)

    @property
    def ca(self) -> str:
        """Return the path of the root to trust, or "" for the system's."""
        return self._ca

    @property
    def secrets(self) -> Secrets:
        """Return what must not be printed."""
        return self._secrets

    @property
    def identity(self) -> tuple[str, str]:
        """Return the paths of the candidate's own client certificate and key, or ""."""
        return self._default_identity

    @property
    def boundary(self) -> Boundary:
        """Return where this session may go."""
        return self._boundary

    @property
    def recorder(self) -> Recorder:
        """Return where this session records."""
        return self._recorder

    def pace(self) -> None:
        """Wait until the candidate file's rate allows one more."""
        self._pace.wait()

    def tags(self) -> dict[str, str]:
        """Return the headers that credit a request to the running check."""
        return {"Conformance-Check": self._recorder.check, "Conformance-Run": self._recorder.run}

    def send(
        self,
        request: WireRequest,
        *,
        identity: tuple[str, str] | None = None,
        timeout_s: float | None = None,
        learn: Callable[[Exchange], None] | None = None,
    ) -> Exchange | Broken:
        """Make one exchange and record it.

        ``identity``: paths of a client certificate and its key; ("", "") sends none, None the candidate's own.
        ``learn`` sees the response before it is recorded: an answer that carries a token is redacted from the start.
        """
        try:
            target = self._boundary.target(request.url)
        except Unresolved as error:
            return self.unsent(request, "connection", str(error))
        self._pace.wait()
        headers = self.complete(request, target)
        started_us = time.time_ns() // 1000
        begin = time.perf_counter_ns()
        CURRENT.deadline = time.monotonic() + (timeout_s or self._limits.timeout_s)
        CURRENT.target = _target(request)
        CURRENT.net = {}
        shown = self._default_identity if identity is None else identity
        seen = self._exchange(request, target, headers, shown)
        elapsed_us = (time.perf_counter_ns() - begin) // 1000
        return self._finish(request, headers, seen, started_us, elapsed_us, learn, shown)

    def close(self) -> None:
        """Close kept connections."""
        for adapter in self._adapters.values():
            adapter.close()
        self._adapters.clear()

    # -- one exchange -------------------------------------------------------------------------------------

    def _exchange(
        self, request: WireRequest, target: Target, headers: Sequence[tuple[str, str]], identity: tuple[str, str]
    ) -> Seen:
        seen = Seen()
        try:
            adapter = self._adapter(identity)
            adapter.aim(target)
            response = adapter.send(self._prepared(request, headers), stream=True, timeout=remaining())
            seen.net = CURRENT.net
            self._read(response, seen)
        except Failed as failure:
            seen.failure = failure
        except (requests.RequestException, TransportError, OSError, http.client.HTTPException) as error:
            seen.failure = classify(error)
        return seen

    def _read(self, response: requests.Response, seen: Seen) -> None:
        raw = response.raw
        seen.status, seen.reason = raw.status, raw.reason or ""
        seen.version = "HTTP/1.0" if raw.version == 10 else "HTTP/1.1"
        seen.headers = tuple((str(name), str(value)) for name, value in raw.headers.items())
        body = Body(raw.headers.get("Content-Encoding", ""), self._limits.response_bytes_max)
        whole = False
        try:
            while chunk := raw.read(CHUNK, decode_content=False):
                remaining()
                body.feed(chunk)
            whole = True
        except TooLarge as error:
            raise Failed("too-large", str(error)) from error
        except Undecodable as error:
            raise Failed("unparseable", f"content coding: {error}") from error
        finally:
            seen.body = body.value() if whole else body.value()[:CUT_KEPT]
            _ = raw.release_conn() if whole else raw.close()

    def _prepared(self, request: WireRequest, complete: Sequence[tuple[str, str]]) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        headers: CaseInsensitiveDict[str | bytes] = CaseInsensitiveDict()
        for name, value in complete:
            headers[name] = _latin(value)
        prepared.headers = headers  # type: ignore[assignment]  # bytes are sent as they are
        prepared.body = request.body if request.body or "Content-Length" in headers else None
        return prepared

    def complete(self, request: WireRequest, target: Target) -> list[tuple[str, str]]:
        """Return a request's headers with those that every request needs."""
        given = {name.lower() for name, _ in request.headers}
        needed = [("Host", target.authority), *_ALWAYS, *self.tags().items()]
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            needed.append(("Content-Length", str(len(request.body))))
        return [*(pair for pair in needed if pair[0].lower() not in given), *request.headers]

    def _adapter(self, identity: tuple[str, str]) -> Adapter:
        adapter = self._adapters.get(identity)
        if adapter is None:
            with self._lock:
                adapter = self._adapters.setdefault(identity, Adapter(self._ca, *identity))
        return adapter

    # -- recording ----------------------------------------------------------------------------------------

    def finish(
        self,
        request: WireRequest,
        target: Target,
        seen: Seen,
        started_us: int,
        elapsed_us: int,
        identity: tuple[str, str] = ("", ""),
    ) -> Exchange | Broken:
        """Record what came of a request, and return it."""
        return self._finish(request, self.complete(request, target), seen, started_us, elapsed_us, None, identity)

    def _finish(
        self,
        request: WireRequest,
        headers: Sequence[tuple[str, str]],
        seen: Seen,
        started_us: int,
        elapsed_us: int,
        learn: Callable[[Exchange], None] | None,
        identity: tuple[str, str],
    ) -> Exchange | Broken:
        made = partial(
            Exchange,
            status=seen.status,
            headers=_joined(seen.headers),
            body=seen.body,
            command=partial(curl_line, request, self._ca, self._secrets, identity),
            elapsed_us=elapsed_us,
            request_headers=dict(headers),
            request_body=request.body,
            url=request.url,
            method=request.method,
        )
        if learn and not seen.failure:
            learn(made(0))
        sighting = Sighting(
            kind="http",
            request=WireMessage(_request_line(request), tuple(headers), request.body),
            response=WireMessage(_status_line(seen), seen.headers, seen.body) if seen.status else None,
            started_us=started_us,
            elapsed_us=elapsed_us,
            error=str(seen.failure or ""),
            command=made.keywords["command"],
            net=seen.net,
        )
        exchange = made(self._recorder.record(sighting))
        return Broken(seen.failure.kind, seen.failure.detail, exchange) if seen.failure else exchange

    def unsent(self, request: WireRequest, kind: BrokenKind, detail: str) -> Broken:
        """Record a request that could not be sent."""
        message = WireMessage(_request_line(request), request.headers, request.body)
        sighting = Sighting("http", message, None, time.time_ns() // 1000, 0, f"{kind}: {detail}")
        return Broken(kind, detail, Exchange(self._recorder.record(sighting), url=request.url))


#: Keys of the section [tls] that are paths.
TLS_PATHS = ("ca", "client_cert", "client_key")


def classify(error: BaseException) -> Failed:
    """Say in our words what a library's exception means, from the innermost cause that is known."""
    for cause in _causes(error):
        if isinstance(cause, OutOfScope):
            raise cause
        if isinstance(cause, ssl.SSLError | requests.exceptions.SSLError):
            return Failed("tls", _short(cause))
        if isinstance(cause, TimeoutError):
            return Failed("timeout", "no complete answer before the deadline")
    for cause in _causes(error):
        if isinstance(cause, http.client.IncompleteRead):
            return Failed("connection", "the connection was closed before the body was complete")
        if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
            return Failed("unparseable", _short(cause))
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            return Failed("connection", _short(cause))
    return Failed("connection", _short(error))


def _causes(error: BaseException) -> list[BaseException]:
    """Return an exception and everything it was made from, innermost first."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(found) < 20:
        item = queue.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found[::-1]


def _short(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}"[:300] if str(error) else text


def request_bytes(request: WireRequest, headers: list[tuple[str, str]]) -> bytes:
    """Return a request as it goes on the wire, its headers given whole."""
    lines = [_request_line(request), *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8") + request.body


def _joined(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _latin(value: str) -> str | bytes:
    return value if value.isascii() else value.encode("utf-8")


def _request_line(request: WireRequest) -> str:
    return f"{request.method} {_target(request)} HTTP/1.1"


def _status_line(seen: Seen) -> str:
    return f"{seen.version} {seen.status} {seen.reason}".rstrip()


def _target(request: WireRequest) -> str:
    parts = urlsplit(request.url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
