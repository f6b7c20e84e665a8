"""An authorization server with one protected resource, as FAPI 2.0 wants them, for the reference candidate.

Faults (``oauth.<name>``; where each is switched): id-token-accepted (resource) · dpop-binding-off, mtls-binding-off
(binding) · dpop-replay, dpop-htu-unchecked, dpop-htm-unchecked, dpop-ath-unchecked, dpop-iat-unchecked,
dpop-ahead-crash, dpop-signature-unchecked, dpop-nonce-unchecked (dpop) · par-unauthenticated (push) · pkce-optional,
pkce-plain, redirect-optional, redirect-unregistered, implicit, scope-escalation (wishes) · par-optional,
request-uri-unbound, code-long-lived, iss-missing, refusal-ignored (authorize) · code-reusable, code-client-unbound,
verifier-unchecked, dpop-jkt-unchecked, refresh-client-unbound, refresh-rotated, password-grant (token) ·
assertion-aud-loose, assertion-key-unchecked, assertion-replay, assertion-iat-unchecked (client_auth) · jar-unbounded,
jar-none, jar-aud-unchecked, jar-optional (request_object) · metadata-issuer (metadata) · private-key-published
(keyring). And ``keys.rotation-ignored`` (keyring).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.routing import Route

from conformance.sdk import Host, Listener
from conformance_security.reference.oauth import (
    authorize,
    clients,
    introspection,
    keyring,
    metadata,
    push,
    resource,
    store,
    token,
)  # fmt: skip
from conformance_security.reference.oauth.server import MUTUAL, Server


class OAuthPart:
    """Implements :class:`conformance.sdk.ReferencePart`; what it knows is in the database."""

    schema = f"{store.SCHEMA}{keyring.SCHEMA}"

    def __init__(self) -> None:
        self._server: Server | None = None

    def routes(self, host: Host) -> Sequence[Route]:
        """Return the routes of the server and of its resource."""
        server = self._of(host)
        modules = (token, push, authorize, resource, introspection, metadata)
        return [route for module in modules for route in module.routes(server)]

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return no further ports."""
        return ()

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return two hooks.

        ``dpop_nonce``: with ``required`` true, proofs must carry the server's nonce from now on. ``rotate_keys``: the
        server's signing key is retired at once, and another signs.
        """

        def nonce(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            server = self._of(host)
            server.nonce_required = bool(arguments.get("required", True))
            return {"required": server.nonce_required}

        def rotate(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"kid": self._of(host).keys.rotate()}

        return {"dpop_nonce": nonce, "rotate_keys": rotate}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Return ``[declared.security.oauth]``."""
        server = self._of(host)
        section: dict[str, Any] = {
            "issuer": server.issuer,
            "scope": "openid accounts",
            "resource": server.resource,
            "mtls_endpoint": MUTUAL,
            "decliner": authorize.DECLINER,
            "clients": clients.declared_clients(),
        }
        return {"oauth": section}

    def users(self, host: Host) -> Mapping[str, Mapping[str, Any]]:
        """Return the users that have the clients' certificates."""
        return clients.users_of()

    def secrets(self, host: Host) -> Mapping[str, str]:
        """Return the clients' private keys by environment variable."""
        return clients.secrets_of(host)

    def supports(self) -> Sequence[str]:
        """Return the group of operations."""
        return ("oauth",)

    def start(self, host: Host) -> None:
        """Start over with what holds without a hook."""
        server = self._of(host)
        server.nonce_required = False
        server.keys.restart()

    def stop(self) -> None:
        """Have nothing to stop."""

    def _of(self, host: Host) -> Server:
        if self._server is None or self._server.host is not host:
            self._server = Server(host)
        return self._server
