"""Codes of merchants: made, shown and read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.sdk import Host, Principal, Problem
from conformance_barcode.reference import reader
from conformance_barcode.reference.money import CURRENCIES, written
from conformance_barcode.reference.pictures import png_of
from conformance_barcode.reference.wire import answer, body_of, caller, text
from conformance_barcode.reference.writer import Draft, payload_of

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_ORDER = "[A-Za-z0-9]{1,25}"


def routes(host: Host) -> list[Route]:
    """Return the routes of this module."""

    async def create(request: Request) -> Response:
        principal = caller(host, request, "merchant")
        return answer(_create(host, principal, await body_of(request)), 201)

    async def image(request: Request) -> Response:
        principal = caller(host, request, "merchant")
        with host.db.reading() as connection:
            row = connection.execute(
                "SELECT payload FROM bar_codes WHERE id = ? AND merchant = ?",
                (request.path_params["code"], principal.user),
            ).fetchone()
        if row is None:
            raise Problem(404, "not-found", "There is no such code.")
        return Response(png_of(row["payload"], host.faults), media_type="image/png")

    async def parse(request: Request) -> Response:
        host.principal(request)
        payload = (await body_of(request)).get("payload")
        if not isinstance(payload, str) or not payload:
            raise Problem(422, "invalid-payload", "payload must be text.")
        return answer(reader.parse(payload, host.faults))

    return [
        Route("/codes", create, methods=["POST"]),
        Route("/codes/parse", parse, methods=["POST"]),
        Route("/codes/{code}/image", image, methods=["GET"]),
    ]


def _create(host: Host, principal: Principal, body: Mapping[str, Any]) -> dict[str, Any]:
    draft = _draft(host, principal, body)
    with host.db.transaction() as connection:
        if host.faults.on("codes.cached"):
            known = connection.execute(
                "SELECT * FROM bar_codes WHERE account = ? AND amount IS ? LIMIT 1", (draft.account, draft.amount)
            ).fetchone()
            if known is not None:
                return {"code": known["id"], "payload": known["payload"], "order": known["order_id"]}
        payload = payload_of(draft, host.faults)
        kind = "dynamic" if draft.dynamic else "static"
        row = (draft.id, principal.user, draft.account, kind, draft.amount, draft.currency, draft.order, payload)
        connection.execute("INSERT INTO bar_codes VALUES (?,?,?,?,?,?,?,?)", row)
        if draft.dynamic:
            _register(connection, principal.user, draft)
        host.audit(principal.user, "codes.create", draft.id, "made", {"kind": kind})
    return {"code": draft.id, "payload": payload} | ({"order": draft.order} if draft.dynamic else {})


def _register(connection: Any, merchant: str, draft: Draft) -> None:
    if connection.execute("SELECT 1 FROM bar_orders WHERE id = ?", (draft.order,)).fetchone():
        raise Problem(409, "order-exists", "This order number is taken.")
    connection.execute(
        "INSERT INTO bar_orders (id, merchant, creditor, amount, currency, state, kind) VALUES (?,?,?,?,?,?,?)",
        (draft.order, merchant, draft.account, draft.amount, draft.currency, "accepted", "dynamic"),
    )


def _draft(host: Host, principal: Principal, body: Mapping[str, Any]) -> Draft:
    kind = text(body, "kind", "static|dynamic")
    account = text(body, "account", ".{1,64}")
    if host.bank.owner(account) != principal.user:
        raise Problem(404, "not-found", "There is no such account.")
    currency = text(body, "currency", "[A-Z]{3}")
    if currency not in CURRENCIES:
        raise Problem(422, "invalid-currency", "The currency is unknown.")
    overlong = host.faults.on("codes.name-overlong")
    orders = ".{1,1000}" if host.faults.on("codes.oversize") else _ORDER
    order = (
        text(body, "order", orders, secrets.token_hex(10) if kind == "dynamic" else None)
        if (kind == "dynamic" or "order" in body)
        else ""
    )
    return Draft(
        id="".join(secrets.choice(_ALPHABET) for _ in range(16)),
        dynamic=kind == "dynamic",
        account=account,
        amount=_amount(host, body, kind, currency),
        currency=currency,
        name=text(body, "name", "[ -~]{1,99}" if overlong else "[ -~]{1,25}"),
        city=text(body, "city", "[ -~]{1,15}"),
        country=text(body, "country", "[A-Z]{2}"),
        category=text(body, "mcc", "[0-9]{4}"),
        order=order,
        tip=_tip(body),
        language=_language(body),
        customer=body["customer"] if isinstance(body.get("customer"), dict) else {},
    )


def _amount(host: Host, body: Mapping[str, Any], kind: str, currency: str) -> int | None:
    amount = body.get("amount")
    if amount is None and kind == "static":
        return None
    if host.faults.on("codes.amount-unchecked") and isinstance(amount, (int, float)):
        return int(amount)
    if type(amount) is not int and host.faults.on("codes.exponent-ignored") and isinstance(amount, float):
        return int(amount)
    if type(amount) is not int or amount < 1 or len(written(amount, CURRENCIES[currency][1])) > 13:
        raise Problem(422, "invalid-amount", "The amount must be a whole number of minor units that a code can carry.")
    return amount


def _tip(body: Mapping[str, Any]) -> Mapping[str, Any]:
    tip = body.get("tip")
    if tip is None:
        return {}
    needed = {"prompt": None, "fixed": "amount", "percentage": "basis_points"}
    if not isinstance(tip, dict) or tip.get("mode") not in needed:
        raise Problem(422, "invalid-tip", "The mode of a tip is prompt, fixed or percentage.")
    name = needed[str(tip["mode"])]
    most = 9999 if name == "basis_points" else 10**9
    if name and not (type(tip.get(name)) is int and 1 <= tip[name] <= most):
        raise Problem(422, "invalid-tip", f"A tip of this mode needs {name}.")
    return tip


def _language(body: Mapping[str, Any]) -> Mapping[str, str]:
    if "language" not in body:
        return {}
    return {
        "code": text(body, "language", "[A-Za-z]{2}"),
        "name": text(body, "local_name", ".{1,25}"),
        "city": text(body, "local_city", ".{0,15}", ""),
    }
