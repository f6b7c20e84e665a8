"""The server as its endpoints see it: who it is, its keys, its clients, its clock and its storage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from starlette.requests import Request

from conformance.sdk import Host
from conformance_security.reference.oauth.clients import Client, registry
from conformance_security.reference.oauth.keyring import KeyRing
from conformance_security.reference.oauth.wire import OAuthError

#: The listener that asks for client certificates.
MUTUAL = "mtls"
#: Seconds that a client's clock may be ahead: FAPI 2.0 5.3.2.1 accepts 10 and refuses more than 60.
AHEAD_S = 30

T = TypeVar("T")


@dataclass
class Server:
    """Everything that the endpoints share. ``nonce_required``: proofs must carry a nonce of ours (a hook sets it)."""

    host: Host
    nonce_required: bool = field(default=False)

    @cached_property
    def issuer(self) -> str:
        """Who the server is: the only audience of what clients sign for it."""
        return self.host.url()

    @cached_property
    def resource(self) -> str:
        """The protected resource, which access tokens are for."""
        return f"{self.issuer}/oauth/resource"

    @cached_property
    def clients(self) -> Mapping[str, Client]:
        """The registered clients by client_id."""
        return registry(self.host)

    @cached_property
    def keys(self) -> KeyRing:
        """The keys that sign access and ID tokens."""
        return KeyRing(self.host)

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self.host.clock.now().timestamp())

    def faulty(self, fault: str) -> bool:
        """Tell whether a fault of this server is on; ``fault`` without its area."""
        return self.host.faults.on(f"oauth.{fault}")

    def sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        """Return a token of the type ``kind`` signed by this server."""
        return self.keys.sign(kind, {"iss": self.issuer, **claims})

    def base(self, request: Request) -> str:
        """Return the base URL that a request was sent to: the main port's, or that of the mutual TLS port."""
        mutual = self.host.url(MUTUAL)
        _, port = request.scope.get("server") or ("", 0)
        return mutual if mutual.endswith(f":{port}") else self.issuer

    def durably(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``job`` in one transaction, which is kept also if it ends with a refusal.

        What was used once stays used, and what was revoked stays revoked, even though the caller gets an error.
        """
        with self.host.db.transaction() as connection:
            try:
                return job(connection)
            except OAuthError as error:
                refusal = error
        raise refusal
