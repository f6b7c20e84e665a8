"""Answers of the bank: JSON, problems and their headers; and the outermost layer every request passes."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conformance.reference.interpreted import planted_headers
from conformance.sdk.reference import FaultBoard, Problem

Handler = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger("conformance.reference")

#: Sent with every answer (RFC 6797 one year, OWASP: no sniffing, nothing cached).
_HEADERS = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

#: Codes of errors that the router finds before any of our code runs.
_ROUTER_CODES = {404: "not-found", 405: "method-not-allowed"}


def answer(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(body, status, dict(headers or {}), "application/json")


def problem(error: Problem) -> Response:
    """Return an RFC 9457 answer; its ``code`` is stable, its detail never names internals."""
    body = {"type": "about:blank", "title": _TITLES.get(error.status, "Refused"), "status": error.status}
    body |= {"code": error.code, "detail": error.detail}
    return Response(json.dumps(body).encode(), error.status, error.headers, "application/problem+json")


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class ErrorAnswers:
    """Turns exceptions into problems. Fault errors.debug: they show what happened inside."""

    def __init__(self, faults: FaultBoard, where: str) -> None:
        self._faults = faults
        self._where = where

    async def on_problem(self, request: Request, error: Exception) -> Response:
        """Answer a refusal."""
        return self._shown(error, error if isinstance(error, Problem) else _internal())

    async def on_http(self, request: Request, error: Exception) -> Response:
        """Answer what the router refused: unknown path or method."""
        if not isinstance(error, HTTPException):
            return self._shown(error, _internal())
        code = _ROUTER_CODES.get(error.status_code, "refused")
        refusal = Problem(error.status_code, code, "This path or method is not part of the API.", error.headers)
        return self._shown(error, refusal)

    async def on_crash(self, request: Request, error: Exception) -> Response:
        """Answer a defect of ours without a word about it."""
        _log.error("unhandled %s at %s %s", type(error).__name__, request.method, request.url.path, exc_info=error)
        return self._shown(error, _internal())

    def _shown(self, error: Exception, refusal: Problem) -> Response:
        response = problem(refusal)
        if not self._faults.on("errors.debug"):
            return response
        body = json.loads(bytes(response.body))
        body["debug"] = {
            "trace": "".join(traceback.format_exception(error)),
            "sql": "SELECT * FROM accounts WHERE id = ?",
            "database": self._where,
        }
        return Response(json.dumps(body).encode(), refusal.status, refusal.headers, "application/problem+json")


def _internal() -> Problem:
    return Problem(500, "internal", "The request could not be served.")


class Front:
    """The outermost ASGI layer: framing rules, security headers, and the header faults."""

    def __init__(self, app: ASGIApp, faults: FaultBoard) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        scope = self._overridden(scope, headers.get(b"x-http-method-override", ""))
        extra = [*self._extra(headers, scope), *planted_headers(self._faults, scope["query_string"])]

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        if b"transfer-encoding" in headers and b"content-length" in headers:
            refusal = Problem(400, "ambiguous-length", "Two lengths were given.", {"Connection": "close"})
            await problem(refusal)(scope, receive, dressed)
            return
        await self._app(scope, receive, dressed)

    def _overridden(self, scope: Scope, method: str) -> Scope:
        """Fault input.method-override: a header names the method; input.method-override-post: of a POST alone."""
        posted = scope["method"] == "POST" and self._faults.on("input.method-override-post")
        heeded = posted or self._faults.on("input.method-override")
        return {**scope, "method": method.upper()} if method and heeded else scope

    def _extra(self, request_headers: Mapping[bytes, str], scope: Scope) -> list[tuple[bytes, bytes]]:
        wanted = dict(_HEADERS)
        if self._faults.on("headers.hsts-missing"):
            del wanted["strict-transport-security"]
        if self._faults.on("headers.cacheable"):
            wanted["cache-control"] = "public, max-age=3600"
        if self._lets_in(scope) and b"origin" in request_headers:
            wanted["access-control-allow-origin"] = request_headers[b"origin"]
            wanted["access-control-allow-credentials"] = "true"
        return [(name.encode(), value.encode("latin-1")) for name, value in wanted.items()]

    def _lets_in(self, scope: Scope) -> bool:
        """Tell whether a fault lets pages of any origin in."""
        if scope["path"] == "/oauth/authorize":
            return self._faults.on("cors.authorization-open")
        preflight = scope["method"] == "OPTIONS"
        return self._faults.on("cors.preflight-granted" if preflight else "cors.origin-reflected")
