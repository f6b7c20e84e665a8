"""After the payment: orders read and revoked, refunds, the bill of a day."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.sdk import Host, Principal, Problem
from conformance_barcode.reference.paying import AMOUNT_MAX, DAWDLE_S, shown
from conformance_barcode.reference.store import day_of
from conformance_barcode.reference.wire import answer, body_of, caller, key_of, text, whole


def routes(host: Host) -> list[Route]:
    """Return the routes of this module."""

    async def read(request: Request) -> Response:
        principal = host.principal(request)
        return answer(shown(_order(host, principal, request.path_params["order"])))

    async def revoke(request: Request) -> Response:
        principal = caller(host, request, "merchant")
        return answer(_revoke(host, principal, request.path_params["order"]))

    async def refund(request: Request) -> Response:
        principal = caller(host, request, "merchant")
        body, key = await body_of(request), key_of(request)
        order = _order(host, principal, text(body, "order", "[A-Za-z0-9]{1,25}"))
        amount, currency = whole(body, "amount", AMOUNT_MAX), text(body, "currency", "[A-Z]{3}")
        _refundable(host, order, amount, currency)
        if host.faults.on("refunds.race"):
            await asyncio.sleep(DAWDLE_S)
        return answer(_refund(host, principal, order, amount, currency, key), 201)

    async def bill(request: Request) -> Response:
        principal = caller(host, request, "merchant")
        return answer(_bill(host, principal, request.path_params["day"]))

    return [
        Route("/orders/{order}", read, methods=["GET"]),
        Route("/orders/{order}/revoke", revoke, methods=["POST"]),
        Route("/refunds", refund, methods=["POST"]),
        Route("/bills/{day}", bill, methods=["GET"]),
    ]


def _order(host: Host, principal: Principal, identifier: str) -> Any:
    with host.db.reading() as connection:
        row = connection.execute("SELECT * FROM bar_orders WHERE id = ?", (identifier,)).fetchone()
    mine = row is not None and (
        row["merchant"] == principal.user or (row["debtor"] and host.bank.owner(row["debtor"]) == principal.user)
    )
    if not mine:
        raise Problem(404, "not-found", "There is no such order.")
    return row


def _revoke(host: Host, principal: Principal, identifier: str) -> dict[str, Any]:
    """Cancel an unpaid order; give a paid one back; anything else stays as it is."""
    with host.db.transaction() as connection:
        row = _order(host, principal, identifier)
        if row["merchant"] != principal.user:
            raise Problem(404, "not-found", "There is no such order.")
        if row["state"] not in ("accepted", "confirmed"):
            raise Problem(409, "illegal-transition", f"An order that is {row['state']} cannot be revoked.")
        if row["state"] == "confirmed" and not host.faults.on("orders.revoked-and-paid"):
            _give_back(host, principal, row)
        connection.execute("UPDATE bar_orders SET state = 'cancelled' WHERE id = ?", (identifier,))
        host.audit(principal.user, "orders.revoke", identifier, "cancelled", {})
        return shown(_order(host, principal, identifier))


def _give_back(host: Host, principal: Principal, row: Any) -> None:
    rest = row["amount"] - _refunded(host, row["id"])
    if rest:
        key = f"revoke-{row['id']}"
        host.bank.refund(payment=row["payment"], amount=rest, key=key, by=principal.user)
        _note_refund(host, principal, row, rest, key)


def _refunded(host: Host, order: str) -> int:
    with host.db.reading() as connection:
        query = "SELECT COALESCE(SUM(amount), 0) FROM bar_refunds WHERE order_id = ?"
        return int(connection.execute(query, (order,)).fetchone()[0])


def _refundable(host: Host, row: Any, amount: int, currency: str) -> None:
    if row["state"] != "confirmed":
        raise Problem(409, "illegal-transition", f"An order that is {row['state']} cannot be refunded.")
    if currency != row["currency"] and not host.faults.on("refunds.currency-unchecked"):
        raise Problem(422, "currency-mismatch", "A refund is made in the currency of the payment.")
    before = 0 if host.faults.on("refunds.per-call") else _refunded(host, row["id"])
    if before + amount > row["amount"]:
        raise Problem(422, "refund-exceeds-payment", "Refunds would exceed the payment.")


def _refund(host: Host, principal: Principal, row: Any, amount: int, currency: str, key: str) -> dict[str, Any]:
    with host.db.transaction() as connection:
        known = connection.execute(
            "SELECT * FROM bar_refunds WHERE merchant = ? AND key = ?", (principal.user, key)
        ).fetchone()
        if known is not None:
            return _same(known, row["id"], amount)
        if not host.faults.on("refunds.race"):
            _refundable(host, row, amount, currency)
        if host.faults.on("refunds.race") or host.faults.on("refunds.per-call"):
            host.bank.pay(
                debtor=row["creditor"], creditor=row["debtor"], amount=amount, currency=row["currency"],
                key=key, by=principal.user, reference=row["id"],
            )  # fmt: skip
        else:
            host.bank.refund(payment=row["payment"], amount=amount, key=key, by=principal.user)
        return _note_refund(host, principal, row, amount, key)


def _same(known: Any, order: str, amount: int) -> dict[str, Any]:
    if (known["order_id"], known["amount"]) != (order, amount):
        raise Problem(409, "key-conflict", "This idempotency key was used for another refund.")
    return _refund_shown(known["id"], order, amount, known["currency"])


def _note_refund(host: Host, principal: Principal, row: Any, amount: int, key: str) -> dict[str, Any]:
    identifier = "rfd" + secrets.token_hex(8)
    with host.db.transaction() as connection:
        connection.execute(
            "INSERT INTO bar_refunds VALUES (?,?,?,?,?,?,?)",
            (identifier, row["id"], principal.user, key, amount, row["currency"], day_of(host.clock.now())),
        )
        host.audit(principal.user, "refunds.create", row["id"], "accepted", {"amount": amount})
    return _refund_shown(identifier, row["id"], amount, row["currency"])


def _refund_shown(identifier: str, order: str, amount: int, currency: str) -> dict[str, Any]:
    return {"refund": identifier, "order": order, "amount": amount, "currency": currency, "state": "accepted"}


def _bill(host: Host, principal: Principal, day: str) -> dict[str, Any]:
    try:
        wanted = date.fromisoformat(day).isoformat()
    except ValueError as error:
        raise Problem(422, "invalid-day", "A day is written 2026-01-31.") from error
    details = [*_payments(host, principal, wanted), *_refunds(host, principal, wanted)]
    paid = [row for row in details if row["kind"] == "payment"]
    summary = {
        "count": len(paid),
        "order_total": sum(row["amount"] for row in paid),
        "refund_total": sum(row["amount"] for row in details if row["kind"] == "refund"),
        "fees": sum(row["fee"] for row in details),
    }
    return {"day": wanted, "details": details, "summary": summary}


def _payments(host: Host, principal: Principal, day: str) -> list[dict[str, Any]]:
    query = "SELECT * FROM bar_orders WHERE merchant = ? AND day = ? AND payment IS NOT NULL ORDER BY paid, id"
    with host.db.reading() as connection:
        rows = connection.execute(query, (principal.user, day)).fetchall()
    return [
        {"kind": "payment", "order": row["id"], "amount": row["amount"], "currency": row["currency"],
         "fee": (row["amount"] * 38 + 5000) // 10000, "at": row["paid"]}
        for row in rows
    ]  # fmt: skip


def _refunds(host: Host, principal: Principal, day: str) -> list[dict[str, Any]]:
    if host.faults.on("bills.refund-missing"):
        return []
    query = "SELECT * FROM bar_refunds WHERE merchant = ? AND day = ? ORDER BY rowid"
    with host.db.reading() as connection:
        rows = connection.execute(query, (principal.user, day)).fetchall()
    return [
        {"kind": "refund", "order": row["order_id"], "amount": row["amount"], "currency": row["currency"], "fee": 0}
        for row in rows
    ]
