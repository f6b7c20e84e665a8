"""Strict input: what is not exactly what the contract says is refused with a documented 4xx, never guessed at."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from conformance.sdk.reference import FaultBoard, Problem

#: Bytes of a request body at most.
BODY_MAX = 1024 * 1024
#: Bytes of a refused body that are still read.
DRAIN_MAX = 8 * BODY_MAX
#: Levels of nesting in a JSON body at most.
DEPTH_MAX = 32
#: The largest amount in minor units: ten trillion units, far below where 64 bits or doubles end.
AMOUNT_MAX = 10**15
#: Digits of an integer at most; the limit refuses before any big-number work is done.
_DIGITS_MAX = 40
#: Seconds that fault input.large-slow takes over a body.
_LEISURE_S = 2.5
#: ISO 4217 codes the bank holds accounts in.
CURRENCIES = frozenset({"CNY", "HKD", "USD", "EUR", "JPY", "GBP", "SGD"})

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")
#: Control characters, and halves of surrogate pairs that JSON escapes can smuggle in.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_MISSING = object()


async def read_body(request: Request) -> bytes:
    """Return the body; refuses more than ``BODY_MAX`` bytes, without keeping them.

    Up to ``DRAIN_MAX`` bytes are read and dropped, so that the client is there to see the refusal.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > DRAIN_MAX:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAIN_MAX:
            break
        if size <= BODY_MAX:
            chunks.append(chunk)
    if size > BODY_MAX:
        raise _too_large()
    return b"".join(chunks)


async def read_json(request: Request, faults: FaultBoard) -> dict[str, Any]:
    """Return the JSON object in the body."""
    cached = getattr(request.state, "raw_body", None)
    body = cached if cached is not None else await _read_at_leisure(request, faults)
    if faults.on("input.charset-obeyed") and "utf-7" in request.headers.get("content-type", ""):
        return parse_object(body.decode("utf-7").encode(), faults)
    if not faults.on("input.content-type-sniffed"):
        require_media_type(request, "application/json")
    return parse_object(body, faults)


async def _read_at_leisure(request: Request, faults: FaultBoard) -> bytes:
    """Read the body; fault input.large-slow: one that is too large is looked at for a while."""
    try:
        return await read_body(request)
    except Problem:
        if faults.on("input.large-slow"):
            await asyncio.sleep(_LEISURE_S)
        raise


async def read_form(request: Request) -> dict[str, str]:
    """Return the members of a form body; a repeated member is refused."""
    require_media_type(request, "application/x-www-form-urlencoded")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=32)
    except ValueError as error:
        raise Problem(400, "invalid_request", "The form cannot be read.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise Problem(400, "invalid_request", "A form member is repeated.")
    return dict(pairs)


def require_media_type(request: Request, wanted: str) -> None:
    """Refuse any other media type with 415, and any character set but UTF-8."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != wanted or charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise Problem(415, "unsupported-media-type", f"Send {wanted} in UTF-8.")


def parse_object(body: bytes, faults: FaultBoard) -> dict[str, Any]:
    """Return a JSON object from bytes: UTF-8 without BOM, no NUL, no repeated name, bounded depth."""
    text = _decode(body, faults)
    if not faults.on("input.deep-json-crash"):
        _require_depth(body)
    pairs_hook = dict if faults.on("input.duplicate-keys") else _unique
    try:
        value = json.loads(
            text, object_pairs_hook=pairs_hook, parse_constant=_no_constant, parse_int=_integer, parse_float=Decimal
        )
    except ValueError as error:
        if faults.on("openapi.syntax-crash"):
            raise
        raise Problem(400, "invalid-json", "The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise Problem(400, "invalid-json", "The body must be a JSON object.")
    return value


def _decode(body: bytes, faults: FaultBoard) -> str:
    if faults.on("input.invalid-utf8"):
        return body.decode("utf-8-sig", errors="replace").replace("\x00", "")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid-utf8", "The body is not UTF-8.") from error
    if text.startswith("\ufeff") and faults.on("input.mark-crash"):
        raise Problem(500, "internal", "The request could not be served.")
    if text.startswith("\ufeff") or "\x00" in text:
        raise Problem(400, "invalid-utf8", "The body holds a byte order mark or a NUL.")
    return text


def _require_depth(body: bytes) -> None:
    """Count nesting without recursion, before the parser recurses."""
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for match in _STRUCTURE.finditer(body):
        first = match.group()[:1]
        depth += 1 if first in b"[{" else -1 if first in b"]}" else 0
        if depth > DEPTH_MAX:
            raise Problem(400, "too-deep", f"JSON may nest {DEPTH_MAX} levels.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Problem(400, "duplicate-name", "A JSON name is repeated.")
    return value


def _no_constant(name: str) -> Any:
    raise Problem(400, "invalid-json", "NaN and Infinity are not JSON.")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise Problem(400, "invalid-number", "A number has too many digits.")
    return int(digits)


# -- members ----------------------------------------------------------------------------------------------------


def only(value: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse members the operation does not know."""
    for name in value:
        if name not in allowed:
            raise Problem(400, "unknown-member", "The body has a member this operation does not know.")


def text(value: Mapping[str, Any], name: str, *, default: Any = _MISSING, max_length: int = 128) -> str:
    """Return a text member without control characters; refuses any other type."""
    found = value.get(name, default)
    if found is _MISSING:
        raise Problem(400, "missing-member", f"The member {name} is required.")
    if not isinstance(found, str) or len(found) > max_length or not _printable(found):
        raise Problem(422, "invalid-member", f"{name} must be printable text of at most {max_length} characters.")
    return found


def identifier(value: Mapping[str, Any], name: str) -> str:
    """Return a member that names something: letters, digits and ``._:-``."""
    found = text(value, name)
    if not _IDENTIFIER.fullmatch(found):
        raise Problem(422, "invalid-member", f"{name} is not an identifier.")
    return found


def integer(value: Mapping[str, Any], name: str, *, low: int, high: int, default: Any = _MISSING) -> int:
    """Return an integer member between ``low`` and ``high``; a fraction, text or boolean is refused."""
    found = value.get(name, default)
    if found is _MISSING:
        raise Problem(400, "missing-member", f"The member {name} is required.")
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise Problem(422, "invalid-member", f"{name} must be an integer from {low} to {high}.")
    return found


def amount(value: Mapping[str, Any], faults: FaultBoard, name: str = "amount") -> int:
    """Return an amount: a positive integer of minor units, at most ``AMOUNT_MAX``."""
    found = value.get(name, _MISSING)
    if found is _MISSING:
        raise Problem(400, "missing-member", f"The member {name} is required.")
    found = _lenient(found, faults)
    low = -AMOUNT_MAX if faults.on("payments.negative-accepted") else 1
    if faults.on("payments.overflow-accepted") and type(found) is int and abs(found) >= 2**31:
        return _wrap32(found)
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= AMOUNT_MAX:
        raise Problem(422, "invalid-amount", _why_no_amount(found, faults, name))
    return found


def _why_no_amount(found: Any, faults: FaultBoard, name: str) -> str:
    """Return what is wrong with an amount; fault errors.statement-shown: in the words of a database."""
    if faults.on("errors.statement-shown") and isinstance(found, int) and found > AMOUNT_MAX:
        return "(sqlite3.IntegrityError) CHECK constraint failed: amount [SQL: insert into moves(amount) values (?)]"
    return f"{name} must be a whole number of minor units from 1 to {AMOUNT_MAX}."


def _lenient(found: Any, faults: FaultBoard) -> Any:
    """Apply the faults that turn what is not an integer into one."""
    if faults.on("payments.fraction-rounded") and isinstance(found, Decimal) and abs(found) < AMOUNT_MAX:
        return max(1, round(found)) if found > 0 else round(found)
    if not faults.on("payments.amount-coerced"):
        return found
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, bool):
        return int(found)
    if isinstance(found, str):
        try:
            return int(Decimal(found))
        except (ArithmeticError, ValueError):
            return found
    return found


def _wrap32(number: int) -> int:
    """Fault payments.overflow-accepted: what a signed 32-bit field keeps of a number; 2³¹ becomes −2³¹."""
    kept = number & 0xFFFFFFFF
    return kept - 2**32 if kept >= 2**31 else kept


def currency(value: Mapping[str, Any], faults: FaultBoard) -> str:
    """Return an ISO 4217 code in capitals that the bank knows."""
    if faults.on("openapi.required-ignored") and "currency" not in value:
        return "CNY"
    found = text(value, "currency", max_length=64)
    if found not in CURRENCIES and not faults.on("payments.currency-unchecked"):
        raise Problem(422, "invalid-currency", "currency must be a known ISO 4217 code in capital letters.")
    return found


def _printable(found: str) -> bool:
    return _UNPRINTABLE.search(found) is None


def _too_large() -> Problem:
    return Problem(413, "too-large", f"A body may have {BODY_MAX} bytes.", {"Connection": "close"})
