"""JSON-RPC over HTTP to a node: in scope, bounded in time and size, every exchange recorded."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from conformance.sdk import Broken, BrokenKind, CandidateFile, Exchange, Inconclusive, Recorder, Sighting, WireMessage


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node said: a result, or an error of its own (``error`` holds code, message and data)."""

    result: Any
    error: Mapping[str, Any] | None
    exchange: Exchange


class RpcSession:
    """A session for the nodes of one candidate file; nothing else can be reached through it."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        self._recorder = recorder
        self._limits = candidate.limits
        self._allowed = {_authority(url) for url in (candidate.base_url, *candidate.endpoints.values())}
        self._allowed |= set(candidate.scope.hosts)
        self._numbers = itertools.count(1)
        self._session = requests.Session()
        self._session.trust_env = False
        self._verify: str | bool = _trust(candidate)

    def call(self, url: str, method: str, parameters: Mapping[str, Any]) -> Reply | Broken:
        """Call a method; raises Inconclusive when ``url`` is out of scope."""
        if _authority(url) not in self._allowed:
            raise Inconclusive(
                f"{_authority(url)} is out of scope; add it under [endpoints] or [scope] hosts", blame="CONFIG"
            )
        body = json.dumps(
            {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": dict(parameters)}
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "Conformance-Check": self._recorder.check,
            "Conformance-Run": self._recorder.run,
        }
        started, clock = int(time.time() * 1_000_000), time.monotonic()
        status, received, problem = self._post(url, body, headers)
        elapsed = int((time.monotonic() - clock) * 1_000_000)
        sent = WireMessage(f"POST {urlsplit(url).path or '/'} HTTP/1.1", tuple(headers.items()), body)
        answer = WireMessage(f"HTTP/1.1 {status}", (), received) if status else None
        curl = f"curl -X POST {url} -H 'Content-Type: application/json' -d '{body.decode()}'"
        detail = problem[1] if problem else ""
        seq = self._recorder.record(
            Sighting("rpc", sent, answer, started, elapsed, detail, curl, {"peer": _authority(url)})
        )
        exchange = Exchange(seq, status, {}, received, curl, elapsed, headers, body, url)
        return Broken(*problem, exchange) if problem else _reply(received, status, exchange)

    def _post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, tuple[BrokenKind, str] | None]:
        deadline = time.monotonic() + self._limits.timeout_s
        try:
            with self._session.post(
                url, data=body, headers=headers, timeout=self._limits.timeout_s, allow_redirects=False, stream=True,
                verify=self._verify,
            ) as response:  # fmt: skip
                received = bytearray()
                for chunk in response.iter_content(65_536):
                    received += chunk
                    if len(received) > self._limits.response_bytes_max:
                        return response.status_code, b"", ("too-large", "the answer is larger than response_bytes_max")
                    if time.monotonic() > deadline:
                        return response.status_code, b"", ("timeout", "no complete answer before the deadline")
                return response.status_code, bytes(received), None
        except requests.exceptions.SSLError as error:
            return 0, b"", ("tls", type(error).__name__)
        except requests.exceptions.Timeout:
            return 0, b"", ("timeout", f"no answer within {self._limits.timeout_s} s")
        except requests.exceptions.RequestException as error:
            return 0, b"", ("connection", type(error).__name__)

    def close(self) -> None:
        """Release connections."""
        self._session.close()


def _reply(received: bytes, status: int, exchange: Exchange) -> Reply | Broken:
    try:
        document = json.loads(received)
    except ValueError:
        return Broken("unparseable", f"HTTP {status} without JSON", exchange)
    if not isinstance(document, dict) or ("result" not in document and "error" not in document):
        return Broken("schema", "neither result nor error", exchange)
    error = document.get("error")
    return Reply(document.get("result"), error if isinstance(error, dict) else None, exchange)


def _trust(candidate: CandidateFile) -> str | bool:
    """Return the root to trust: ``[tls] ca``, relative to the candidate file, else the system's."""
    ca = candidate.tls.get("ca")
    if isinstance(ca, Mapping):
        ca = ca.get("file")
    if not ca:
        return True
    home = candidate.path.parent if candidate.path else Path.cwd()
    return str((home / str(ca)).resolve())


def _authority(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.hostname}:{port}"
