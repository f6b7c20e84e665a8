"""Tokens that only their holder can use: bound to a DPoP key (RFC 9449 6) or to a certificate (RFC 8705 3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request

from conformance_security.reference.oauth import dpop
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import digest
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.wire import OAuthError

#: The confirmation methods: the thumbprint of a key, and that of a certificate.
KEY, CERTIFICATE = "jkt", "x5t#S256"


def confirmation(server: Server, connection: sqlite3.Connection, request: Request, client: Client) -> dict[str, str]:
    """Return what the tokens that a client asks for are bound to; raises OAuthError(400)."""
    if client.binding == "dpop":
        return {KEY: dpop.prove(server, connection, request)}
    certificate = thumbprint_of(request)
    if not certificate and server.faulty("certificate-optional"):
        return {}
    if not certificate:
        raise OAuthError("invalid_request", "A client certificate is required to bind the token to.")
    return {CERTIFICATE: certificate}


def thumbprint_of(request: Request) -> str:
    """Return the thumbprint of the TLS client certificate (RFC 8705 3.1), or ""."""
    der: bytes | None = request.scope.get("client_certificate")
    return digest(der) if der else ""


def _claimed(server: Server, request: Request) -> str:
    """Return the thumbprint of a certificate in a header, which only a fault believes; "" for none."""
    text = request.headers.get("x-client-cert", "") if server.faulty("certificate-header-trusted") else ""
    try:
        return digest(x509.load_pem_x509_certificate(unquote(text).encode()).public_bytes(Encoding.DER)) if text else ""
    except ValueError:
        return ""


def require_holder(
    server: Server, connection: sqlite3.Connection, request: Request, scheme: str, token: str, bound: Mapping[str, Any]
) -> None:
    """Require that a token is used by whom it is bound to, and with the scheme that belongs to it.

    Raises OAuthError with ``invalid_token`` or an error of the proof.
    """
    if KEY in bound:
        _require_key(server, connection, request, scheme, token, str(bound[KEY]))
    elif CERTIFICATE in bound:
        shown = thumbprint_of(request) or _claimed(server, request)
        same = scheme == "bearer" and bound[CERTIFICATE] == shown
        if not same and not server.faulty("mtls-binding-off"):
            raise OAuthError("invalid_token", "The token is bound to another certificate.", 401)
    else:
        raise OAuthError("invalid_token", "The token is bound to nobody.", 401)


def _require_key(
    server: Server, connection: sqlite3.Connection, request: Request, scheme: str, token: str, jkt: str
) -> None:
    lax = server.faulty("dpop-binding-off")
    if lax and (scheme == "bearer" or not dpop.given(request)):
        return
    if scheme != "dpop":
        raise OAuthError("invalid_token", "The token is bound to a key and no bearer token.", 401)
    if dpop.prove(server, connection, request, token) != jkt and not lax:
        raise OAuthError("invalid_token", "The token is bound to another key.", 401)
