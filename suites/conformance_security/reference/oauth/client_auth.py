"""Who the client is: by a signed assertion (RFC 7523 3, FAPI 2.0 5.3.2.1) or by its certificate (RFC 8705 2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from cryptography import x509
from starlette.requests import Request

from conformance_security.reference.oauth import store
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import Jwt, Unreadable, parse, valid
from conformance_security.reference.oauth.server import AHEAD_S, Server
from conformance_security.reference.oauth.wire import OAuthError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Seconds that an assertion may still be valid; its id is remembered for as long.
LIFE_MAX_S = 3600
#: Characters of an id at most, so that what is remembered stays small.
JTI_MAX = 256


def authenticate(server: Server, connection: sqlite3.Connection, request: Request, form: Mapping[str, str]) -> Client:
    """Return the client that sent a form; raises OAuthError(401)."""
    if "client_assertion" in form or "client_assertion_type" in form:
        return _by_assertion(server, connection, form)
    client = server.clients.get(form.get("client_id", ""))
    if client is None or client.method != "tls_client_auth" or "authorization" in request.headers:
        raise _refused("The client must prove itself.")
    if subject_of(request) != client.subject and not server.faulty("certificate-optional"):
        raise _refused("The client's certificate is missing or not its own.")
    return client


def subject_of(request: Request) -> str:
    """Return the subject of the verified TLS client certificate (RFC 4514), or ""."""
    der: bytes | None = request.scope.get("client_certificate")
    return x509.load_der_x509_certificate(der).subject.rfc4514_string() if der else ""


def _by_assertion(server: Server, connection: sqlite3.Connection, form: Mapping[str, str]) -> Client:
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in form:
        raise _refused("A client proves itself in one way.")
    try:
        jwt = parse(form.get("client_assertion", ""))
        client = _signer(server, jwt, form)
        _require_times(server, jwt)
    except Unreadable as error:
        raise _refused("The assertion cannot be read.") from error
    _require_audience(server, jwt)
    _require_first_use(server, connection, client, jwt)
    return client


def _signer(server: Server, jwt: Jwt, form: Mapping[str, str]) -> Client:
    """Return the client that an assertion names and is signed by."""
    named = jwt.claims.get("iss")
    client = server.clients.get(named) if isinstance(named, str) else None
    if client is None or client.method != "private_key_jwt":
        raise _refused("The client is unknown, or proves itself otherwise.")
    about = jwt.claims.get("sub") == client.id or server.faulty("assertion-sub-unchecked")
    if not about or form.get("client_id", client.id) != client.id:
        raise _refused("Issuer, subject and client_id of an assertion are one client.")
    if not signed_by(server, client, jwt) and not server.faulty("assertion-key-unchecked"):
        raise _refused("The assertion is not signed by the client's registered key.")
    return client


def signed_by(server: Server, client: Client, jwt: Jwt) -> bool:
    """Tell whether a client signed a token with its registered key; keys that a header brings along do not count."""
    if jwt.algorithm != client.algorithm or jwt.header.get("kid", client.kid) != client.kid or client.key is None:
        return False
    return valid(jwt, client.key)


def _require_times(server: Server, jwt: Jwt) -> None:
    now = server.now()
    expires, begins, issued = jwt.moment("exp"), jwt.moment("nbf"), jwt.moment("iat")
    if expires is None or not now < expires <= now + LIFE_MAX_S + AHEAD_S:
        raise _refused("exp is missing, past, or too far away.")
    if begins is not None and begins > now + AHEAD_S:
        raise _refused("nbf is in the future.")
    if issued is not None and issued > now + AHEAD_S and not server.faulty("assertion-iat-unchecked"):
        raise _refused("iat is in the future.")


def _require_audience(server: Server, jwt: Jwt) -> None:
    """FAPI 2.0 5.3.2.1: the audience is the issuer, as one string."""
    audience = jwt.claims.get("aud")
    if audience == server.issuer:
        return
    if server.faulty("assertion-aud-loose"):
        named = audience if isinstance(audience, list) else [audience]
        if any(isinstance(item, str) and item.startswith(server.issuer) for item in named):
            return
    raise _refused("aud must be the issuer, as one string.")


def _require_first_use(server: Server, connection: sqlite3.Connection, client: Client, jwt: Jwt) -> None:
    jti, now = jwt.claims.get("jti"), server.now()
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_MAX:
        raise _refused("An assertion needs an id.")
    fresh = store.first_use(connection, "assertion", client.id, jti, now, now + LIFE_MAX_S + AHEAD_S)
    if not fresh and not server.faulty("assertion-replay"):
        raise _refused("The assertion was used before.")


def _refused(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, 401)
