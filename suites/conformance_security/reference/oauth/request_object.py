"""Signed authorization requests (RFC 9101), pushed, with the bounds of FAPI 2.0 Message Signing 5.3.1."""

from __future__ import annotations

from collections.abc import Mapping

from conformance_security.reference.oauth.client_auth import signed_by
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import Jwt, Unreadable, parse
from conformance_security.reference.oauth.server import AHEAD_S, Server
from conformance_security.reference.oauth.wire import OAuthError

#: Seconds: how long ago a request object may have begun, and how long it may be valid from then.
LIFE_MAX_S = 3600
_TYPES = (None, "JWT", "oauth-authz-req+jwt")


def unpack(server: Server, client: Client, form: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters of an authorization request: those of its signed object, or of the form itself.

    Raises OAuthError. Where there is an object, what stands beside it does not count (RFC 9101 6.3).
    """
    if "request_uri" in form and not server.faulty("request-uri-nested"):
        raise OAuthError("invalid_request", "request_uri cannot be pushed.")
    if "request" not in form:
        if client.signed_requests and not server.faulty("jar-optional"):
            raise OAuthError("invalid_request", "This client must sign its requests.")
        return form
    try:
        jwt = parse(form["request"])
        _require_signature(server, client, jwt)
        _require_times(server, jwt)
    except Unreadable as error:
        raise _refused("The request object cannot be read.") from error
    _require_parties(server, client, jwt)
    return {name: value for name, value in jwt.claims.items() if isinstance(value, str)}


def _require_signature(server: Server, client: Client, jwt: Jwt) -> None:
    if jwt.header.get("typ") not in _TYPES:
        raise _refused("typ is another kind of token.")
    if jwt.algorithm.lower() == "none" and server.faulty("jar-none"):
        return
    if not signed_by(server, client, jwt):
        raise _refused("The request object is not signed by the client's registered key.")


def _require_times(server: Server, jwt: Jwt) -> None:
    now = server.now()
    begins, expires, issued = jwt.moment("nbf"), jwt.moment("exp"), jwt.moment("iat")
    if server.faulty("jar-unbounded"):
        return
    if begins is None or not now - LIFE_MAX_S <= begins <= now + AHEAD_S:
        raise _refused("nbf is missing, too long ago, or in the future.")
    if expires is None or not now < expires <= begins + LIFE_MAX_S:
        raise _refused("exp is missing, past, or more than an hour after nbf.")
    if issued is not None and issued > now + AHEAD_S:
        raise _refused("iat is in the future.")


def _require_parties(server: Server, client: Client, jwt: Jwt) -> None:
    claims, audience = jwt.claims, jwt.claims.get("aud")
    if claims.get("iss") != client.id or claims.get("client_id") != client.id:
        raise _refused("iss and client_id must be the client's own.")
    named = audience if isinstance(audience, list) else [audience]
    if server.issuer not in named and not server.faulty("jar-aud-unchecked"):
        raise _refused("aud must be the issuer.")
    if "request" in claims or "request_uri" in claims:
        raise _refused("A request object holds no other.")


def _refused(description: str) -> OAuthError:
    return OAuthError("invalid_request_object", description)
