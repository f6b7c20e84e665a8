"""The endpoint that authorization requests are pushed to (RFC 9126)."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth import dpop, store, wishes
from conformance_security.reference.oauth.client_auth import authenticate
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.request_object import unpack
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.wire import OAuthError, answer, answering, form_of

PREFIX = "urn:ietf:params:oauth:request_uri:"
#: Seconds that a pushed request waits for its user (FAPI 2.0 5.3.2.2: less than 600).
LIFE_S = 90


def routes(server: Server) -> list[Route]:
    """Return the route."""

    async def push(request: Request) -> Response:
        form = await form_of(request)
        return answer(server.durably(lambda connection: _push(server, connection, request, form)), 201)

    return [Route("/oauth/par", answering(push), methods=["POST"])]


def _push(server: Server, connection: sqlite3.Connection, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
    client = _client(server, connection, request, form)
    kept = wishes.checked(server, client, unpack(server, client, form))
    if dpop.given(request):
        jkt = dpop.prove(server, connection, request)
        if kept.setdefault("dpop_jkt", jkt) != jkt:
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is another key than the proof's.")
    store.forget(connection, server.now())
    uri = PREFIX + secrets.token_urlsafe(32)
    store.push(connection, uri, client.id, kept, server.now() + LIFE_S)
    return {"request_uri": uri, "expires_in": LIFE_S}


def _client(server: Server, connection: sqlite3.Connection, request: Request, form: Mapping[str, str]) -> Client:
    unproved = "client_assertion" not in form
    if unproved and server.faulty("par-unauthenticated") and form.get("client_id") in server.clients:
        return server.clients[form["client_id"]]
    return authenticate(server, connection, request, form)
