"""Reading requests and writing answers of the barcode part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from conformance.sdk import Host, Principal, Problem

#: A request body holds at most this many bytes.
BODY_MAX = 1024 * 1024


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request carries; raises Problem(400, 413, 415)."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY_MAX:
        raise Problem(413, "too-large", "A body may have 1 MiB.")
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Problem(415, "unsupported-media-type", "Send application/json.")
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Problem(400, "invalid-json", "The body is not JSON.") from error
    if not isinstance(value, dict):
        raise Problem(400, "invalid-json", "The body is not a JSON object.")
    return value


def text(value: Mapping[str, Any], name: str, pattern: str, default: str | None = None) -> str:
    """Return a text member that matches ``pattern`` as a whole; raises Problem(422)."""
    found = value.get(name, default)
    if not isinstance(found, str) or not re.fullmatch(pattern, found):
        raise Problem(422, f"invalid-{name}", f"{name} is missing or not of the right form.")
    return found


def whole(value: Mapping[str, Any], name: str, most: int) -> int:
    """Return a member that is a whole number from 1 to ``most``; raises Problem(422)."""
    found = value.get(name)
    if type(found) is not int or not 1 <= found <= most:
        raise Problem(422, f"invalid-{name}", f"{name} must be a whole number from 1 to {most}.")
    return found


def key_of(request: Request) -> str:
    """Return the idempotency key; raises Problem(400)."""
    key = request.headers.get("idempotency-key", "")
    if not 1 <= len(key) <= 128:
        raise Problem(400, "idempotency-key-missing", "An Idempotency-Key of 1 to 128 characters is required.")
    return key


def caller(host: Host, request: Request, role: str) -> Principal:
    """Return the authenticated caller, who must have ``role``; raises Problem(401, 403)."""
    principal = host.principal(request)
    if role not in principal.roles:
        raise Problem(403, "role-missing", f"This needs the role {role}.")
    return principal


def answer(value: Mapping[str, Any], status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(value, ensure_ascii=False).encode(), status, media_type="application/json")
