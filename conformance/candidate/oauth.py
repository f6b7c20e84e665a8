"""The driver for products that are an OAuth authorization server: bound by their own discovery document.

``driver = "oauth"`` offers the operations ``oauth.*`` at the endpoints that the server advertises (RFC 8414, OpenID
Connect Discovery, RFC 8705 5 for connections with a client certificate). In everything else, it is the HTTP driver:
operations that the candidate file maps itself stay as they are.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from conformance.candidate.http import HttpDriver
from conformance.candidate.mapping import Operation
from conformance.candidate.problems import http_problems
from conformance.candidate.templates import compile_path
from conformance.errors import Problem
from conformance.model.candidate import CandidateFile
from conformance.sdk.answers import Accepted, Answer
from conformance.sdk.drivers import Recorder
from conformance.sdk.findings import NotTested
from conformance.sdk.prepared import Prepared

METADATA = "oauth.metadata"

#: The member of the metadata that names the endpoint of each operation.
ENDPOINTS: Mapping[str, str] = {
    "oauth.authorize": "authorization_endpoint",
    "oauth.token": "token_endpoint",
    "oauth.push": "pushed_authorization_request_endpoint",
    "oauth.introspect": "introspection_endpoint",
    "oauth.revoke": "revocation_endpoint",
    "oauth.keys": "jwks_uri",
    "oauth.resource": "userinfo_endpoint",
}


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a discovery document said, and where it was found; empty where none was."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""

    def url_of(self, operation: str, *, certified: bool = False) -> str:
        """Return the advertised URL of an operation, or ""; the alias for mutual TLS where there is one."""
        if operation == METADATA:
            return self.url
        member = ENDPOINTS.get(operation, "")
        aliases = self.metadata.get("mtls_endpoint_aliases") if certified else None
        alias = aliases.get(member) if isinstance(aliases, Mapping) else None
        url = alias or self.metadata.get(member)
        return url if isinstance(url, str) and url.startswith(("http://", "https://")) else ""


class OAuthDriver(HttpDriver):
    """A bound authorization server. The discovery document is read once, when it is first needed."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        super().__init__(_offering(candidate), recorder)
        self._own = frozenset(candidate.operations)
        self._discovered: Discovered | None = None
        self._discovering = threading.Lock()

    def operations(self) -> frozenset[str]:
        """Return the operations offered: once the document was read, those of OAuth that it names.

        Never contacts the server: plans are made without it.
        """
        found = self._discovered
        if found is None or not found.metadata:
            return super().operations()
        silent = {name for name in ENDPOINTS if name not in self._own and not found.url_of(name)}
        return super().operations() - silent

    def perform(self, prepared: Prepared) -> Answer:
        """Make the call at the advertised endpoint."""
        operation = self._operation(prepared.operation)
        return self._run(self._placed(operation, prepared.endpoint), prepared)

    def _placed(self, operation: Operation, endpoint: str) -> Operation:
        if operation.name in self._own or (operation.name not in ENDPOINTS and operation.name != METADATA):
            return operation
        found = self._discover()
        if not found.metadata:
            return operation  # nothing was discovered: the neutral contract's own paths
        url = found.url_of(operation.name, certified=bool(endpoint))
        if not url:
            raise NotTested(f"the discovery document names no {ENDPOINTS[operation.name]} for {operation.name}")
        if endpoint and url == found.url_of(operation.name):
            url = _moved(url, self._base(endpoint))  # no alias is advertised: the same path, there
        return replace(operation, steps=tuple(replace(step, path=compile_path(url)) for step in operation.steps))

    def _discover(self) -> Discovered:
        with self._discovering:
            if self._discovered is None:
                self._discovered = self._read() if METADATA in super().operations() else Discovered()
            return self._discovered

    def _read(self) -> Discovered:
        operation = self._operation(METADATA)
        asked = Prepared(METADATA, {}, None, "", self.perform)
        for url in _well_known(self._base("")):
            placed = replace(operation, steps=tuple(replace(step, path=compile_path(url)) for step in operation.steps))
            answer = self._run(operation if METADATA in self._own else placed, asked)
            if isinstance(answer, Accepted) and answer.value.get("token_endpoint"):
                return Discovered(answer.value, url)
            if METADATA in self._own:
                break
        return Discovered()


def _offering(candidate: CandidateFile) -> CandidateFile:
    return replace(candidate, supports=tuple(dict.fromkeys([*candidate.supports, "oauth"])))


def _well_known(base: str) -> tuple[str, ...]:
    """Return where a discovery document may be: RFC 8414 3.1, and as OpenID Connect Discovery 4 has it."""
    parts = urlsplit(base)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    found = [
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    ]
    return tuple(found)


def _moved(url: str, base: str) -> str:
    """Return the same path and query at another origin."""
    there, here = urlsplit(base), urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, here.path, here.query, ""))


class OAuthDriverFactory:
    """Binds candidates whose file says ``driver = "oauth"``."""

    name = "oauth"

    def problems(self, candidate: CandidateFile) -> list[Problem]:
        """Return every mistake in mapping, users and signing."""
        return http_problems(_offering(candidate))

    def open(self, candidate: CandidateFile, recorder: Recorder) -> OAuthDriver:
        """Bind a candidate; raises FileProblems with all mistakes."""
        return OAuthDriver(candidate, recorder)


DRIVER = OAuthDriverFactory()
