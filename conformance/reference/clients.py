"""The token endpoint: OAuth 2.0 client credentials, by secret or private_key_jwt (RFC 7523, FAPI 2.0 5.3.2.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.keys import unb64
from conformance.reference.tokens import LIFETIME_S, SKEW_S, es256_valid
from conformance.reference.users import User
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Seconds an assertion may live and how old it may be at most.
_ASSERTION_MAX_S = 300
#: Another service that trusts our tokens; a token for it must not open this one.
OTHER_AUDIENCE = "https://reports.example.com"


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of the authorization server."""

    async def token(request: Request) -> Response:
        form = await strict.read_form(request)
        user = await _client(host, request, form)
        if form.get("grant_type") != "client_credentials":
            raise Problem(400, "unsupported_grant_type", "Only client_credentials is offered.")
        scopes = _scopes(user, form.get("scope", ""))
        audience = form.get("resource", "")
        if audience not in ("", host.url(), OTHER_AUDIENCE):
            raise Problem(400, "invalid_target", "The resource is unknown.")
        issued = host.tokens.issue(user.name, scopes, audience)
        body = {"access_token": issued, "token_type": "Bearer", "expires_in": LIFETIME_S, "scope": " ".join(scopes)}
        return answer(body)

    async def revoke(request: Request) -> Response:
        principal = host.principal(request) if "authorization" in request.headers else None
        form = await strict.read_form(request)
        name = principal.user if principal else (await _client(host, request, form)).name
        if "token" not in form:
            raise Problem(400, "invalid_request", "The member token is required.")
        try:
            claims = host.tokens.verify(form["token"])
        except Problem:
            return answer({})  # RFC 7009 2.2: an invalid token is as good as revoked
        if claims.get("sub") == name:
            await host.db.write(lambda connection: host.tokens.revoke(connection, claims))
        return answer({})

    async def jwks(request: Request) -> Response:
        return answer(host.tokens.jwks())

    return [
        Route("/token", token, methods=["POST"]),
        Route("/token/revoke", revoke, methods=["POST"]),
        Route("/jwks", jwks, methods=["GET"]),
    ]


def _scopes(user: User, asked: str) -> tuple[str, ...]:
    """Return what was asked for, at most what is registered; nothing asked means everything registered."""
    wanted = asked.split()
    if any(scope not in user.scopes for scope in wanted):
        raise Problem(400, "invalid_scope", "A scope is unknown or not registered for this client.")
    return tuple(wanted) if wanted else user.scopes


async def _client(host: ReferenceHost, request: Request, form: Mapping[str, str]) -> User:
    """Return the authenticated client; exactly one way of authentication may be used."""
    if "client_assertion" in form:
        return await _by_assertion(host, form)
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        name, secret = _basic(credentials)
    user = host.users.get(name)
    wanted = user.secret if user else "no such client, and no such secret"
    if not hmac.compare_digest(wanted.encode(), secret.encode()) or user is None:
        raise _invalid_client()
    return user


def _basic(credentials: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _invalid_client() from error
    return unquote_plus(name), unquote_plus(secret)


async def _by_assertion(host: ReferenceHost, form: Mapping[str, str]) -> User:
    if form.get("client_assertion_type") != _ASSERTION_TYPE or "client_secret" in form:
        raise _invalid_client()
    try:
        head_text, body_text, signature_text = form["client_assertion"].split(".")
        head, claims = json.loads(unb64(head_text)), json.loads(unb64(body_text))
        signature = unb64(signature_text)
        user = host.users.get(str(claims["iss"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid_client() from error
    signed = f"{head_text}.{body_text}".encode()
    if user is None or head.get("alg") != "ES256" or not es256_valid(user.assertion_key, signed, signature):
        raise _invalid_client()
    _require_claims(host, claims, form)
    if not await host.db.write(lambda connection: _first_use(connection, claims)):
        raise _invalid_client()
    return user


def _require_claims(host: ReferenceHost, claims: Mapping[str, Any], form: Mapping[str, str]) -> None:
    """Audience is the issuer as one string; sender and subject agree; the times are near."""
    now, expires = host.clock.epoch(), claims.get("exp")
    issued, begins = claims.get("iat", now), claims.get("nbf", now)
    named = claims.get("sub") == claims["iss"] and form.get("client_id", claims["iss"]) == claims["iss"]
    numbers = all(isinstance(moment, int) for moment in (expires, issued, begins))
    timely = numbers and now - SKEW_S < expires <= now + _ASSERTION_MAX_S + SKEW_S  # type: ignore[operator]
    begun = numbers and max(issued, begins) <= now + SKEW_S and issued >= now - _ASSERTION_MAX_S
    identified = isinstance(claims.get("jti"), str) and claims["jti"]
    if not (named and timely and begun and identified and claims.get("aud") == host.tokens.issuer):
        raise _invalid_client()


def _first_use(connection: sqlite3.Connection, claims: Mapping[str, Any]) -> int:
    row = (claims["iss"], claims["jti"], claims["exp"])
    return connection.execute("INSERT OR IGNORE INTO used_assertions VALUES (?,?,?)", row).rowcount


def _invalid_client() -> Problem:
    return Problem(401, "invalid_client", "Client authentication failed.", {"WWW-Authenticate": 'Basic realm="bank"'})
