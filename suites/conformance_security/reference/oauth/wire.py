"""Reading forms and queries, writing answers and errors of the authorization server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

#: Bytes of a form at most: the largest honest one carries two tokens.
FORM_MAX = 64 * 1024
#: Members of a form or query at most.
MEMBERS_MAX = 64

Handler = Callable[[Request], Awaitable[Response]]


class OAuthError(Exception):
    """A refusal with one of the error codes that OAuth defines (RFC 6749 5.2, RFC 9126 2.3, RFC 9449 5)."""

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer that says so."""
        return answer({"error": self.error, "error_description": self.description}, self.status, self.headers)


def answering(handler: Handler) -> Handler:
    """Return a handler that turns its refusals into answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except OAuthError as refusal:
            return refusal.response()

    return answered


def answer(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer; the host adds that nothing may be cached."""
    return Response(json.dumps(value, separators=(",", ":")).encode(), status, dict(headers or {}), "application/json")


async def form_of(request: Request) -> dict[str, str]:
    """Return the members of a form; raises OAuthError for another media type, a large body or a repeated member."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX:
            raise OAuthError("invalid_request", f"A form may have {FORM_MAX} bytes.", 413, {"Connection": "close"})
    try:
        return _members(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "The form is not UTF-8.") from error


def query_of(request: Request) -> dict[str, str]:
    """Return the members of the query; raises OAuthError for a repeated one."""
    return _members(str(request.scope["query_string"], "latin-1"))


def _members(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MEMBERS_MAX
        )
    except ValueError as error:
        raise OAuthError("invalid_request", "The parameters cannot be read.") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is repeated.")
    # A parameter without a value is as good as absent (RFC 6749 3.1).
    return {name: value for name, value in found.items() if value}
