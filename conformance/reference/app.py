"""The bank's application: all routes, the layers around them, and who passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.contract import openapi
from conformance.reference import (
    accounts,
    answering,
    cards,
    clients,
    consents,
    factors,
    mutual,
    notices,
    payments,
    registering,
    sessions,
    supervisor,
)
from conformance.reference.input import read_body
from conformance.reference.strain_endpoints import Strained
from conformance.reference.web import ErrorAnswers, Front, answer, problem
from conformance.sdk.reference import FaultBoard, Principal, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost
    from conformance.reference.logs import AccessLog

#: Bytes of a body that fault logs.body-logged writes down.
_LOGGED_MAX = 2048


def core_routes(host: ReferenceHost) -> list[Route]:
    """Return the bank's own routes, those that are asked most first."""
    modules = (
        payments,
        accounts,
        cards,
        clients,
        sessions,
        factors,
        consents,
        notices,
        registering,
        supervisor,
        mutual,
    )
    return [*(route for module in modules for route in module.routes(host)), *_public_routes(host)]


def application(host: ReferenceHost, log: AccessLog) -> ASGIApp:
    """Return the application of the main port, with the routes of all parts."""
    routes = [*core_routes(host), *(route for part in host.parts for route in part.routes(host))]
    return dressed(host, routes, log)


def dressed(host: ReferenceHost, routes: list[Any], log: AccessLog) -> ASGIApp:
    """Return routes as an application with the bank's errors, headers, signatures and access log."""
    errors = ErrorAnswers(host.faults, str(host.db.path))
    handlers: Any = {Problem: errors.on_problem, HTTPException: errors.on_http, Exception: errors.on_crash}
    inner = Starlette(routes=routes, exception_handlers=handlers)
    inner.router.redirect_slashes = False
    return Front(AccessLogged(SignatureGate(Strained(inner, host.faults), host), log, host.faults), host.faults)


def _public_routes(host: ReferenceHost) -> list[Route]:
    document = openapi()

    async def contract(request: Request) -> Response:
        return answer({**document, "servers": [{"url": host.url()}]})

    async def debug(request: Request) -> Response:
        """Fault routes.debug-open: a page that was meant for developers."""
        if not host.faults.on("routes.debug-open"):
            raise HTTPException(404)
        return answer(
            {"database": str(host.db.path), "users": list(host.users.names()), "faults": host.faults.active()}
        )

    async def mapped(request: Request) -> Response:
        """Fault routes.map-open: a framework's own map of all routes."""
        if not host.faults.on("routes.map-open"):
            raise HTTPException(404)
        return answer(document)

    async def shadow(request: Request) -> Response:
        """Fault routes.undocumented: an operator's view of all accounts, for whoever is logged in."""
        host.principal(request)
        if not host.faults.on("routes.undocumented"):
            raise HTTPException(404)
        with host.db.reading() as connection:
            rows = connection.execute("SELECT id, owner, balance FROM accounts LIMIT 100").fetchall()
        return answer({"items": [dict(row) for row in rows]})

    return [
        Route("/openapi.json", contract, methods=["GET"]),
        Route("/v3/api-docs", mapped, methods=["GET"], include_in_schema=False),
        Route("/internal/accounts", shadow, methods=["GET"], include_in_schema=False),
        Route("/debug", debug, methods=["GET"], include_in_schema=False),
        Route("/metrics", debug, methods=["GET"], include_in_schema=False),
    ]


class SignatureGate:
    """Requires a valid signature on every request of a user who must sign, before any route runs."""

    def __init__(self, app: ASGIApp, host: ReferenceHost) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        principal = self._principal(Request(scope)) if scope["type"] == "http" else None
        user = self._host.users.get(principal.user) if principal else None
        if user is None or not user.must_sign:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if user.must_sign == "rfc9421":
            send = answering.signing(self._host, request, send)
        try:
            body = await read_body(request)
            request.state.proof = await self._host.signatures.require(request, user, body)
        except Problem as refusal:
            await problem(refusal)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _principal(self, request: Request) -> Principal | None:
        try:
            return self._host.principal(request)
        except Problem:
            return None  # the route decides whether it needs a caller


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already once more, then whatever follows."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


class AccessLogged:
    """Writes one line per request: never a body, a query, a header or a token. Fault logs.body-logged: the body too."""

    def __init__(self, app: ASGIApp, log: AccessLog, faults: FaultBoard) -> None:
        self._app = app
        self._log = log
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        kept = bytearray()

        async def copied() -> Message:
            message = await receive()
            if len(kept) < _LOGGED_MAX:
                kept.extend(message.get("body", b""))
            return message

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, copied if self._faults.on("logs.body-logged") else receive, seen)
        finally:
            elapsed_us = int((time.perf_counter() - began) * 1_000_000)
            self._log.add(scope, status, elapsed_us, kept[:_LOGGED_MAX].decode("utf-8", "replace"))
