"""Paying: by a merchant's code that the payer scans, or by a payment code that the merchant scans."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.sdk import Host, Principal, Problem
from conformance_barcode.reference import reader
from conformance_barcode.reference.money import BY_NUMBER, counted
from conformance_barcode.reference.store import day_of, stamp
from conformance_barcode.reference.wire import answer, body_of, caller, key_of, text, whole

#: Seconds that a payment code lives.
LIFETIME_S = 60
#: What one account may pay by static codes in a day, in minor units of CNY.
STATIC_DAILY = 500_00
#: Largest amount of one payment, in minor units.
AMOUNT_MAX = 10**11
#: How long a fault dawdles between looking and acting, in seconds: time enough for every rival request.
DAWDLE_S = 0.2

#: Fault load.code-pays-lost: one payment in so many is confirmed and not booked.
LOST_EVERY = 10

_counter = itertools.count(1)
_asked_for = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that is asked for, before anything is checked against the order."""

    order: str
    debtor: str
    creditor: str
    merchant: str
    amount: int
    currency: str
    kind: str
    paycode: str = ""

    def request(self) -> str:
        """Return what makes a repetition the same request."""
        return json.dumps([self.debtor, self.creditor, self.amount, self.currency, self.kind, self.paycode])


def routes(host: Host) -> list[Route]:
    """Return the routes of this module."""

    async def issue(request: Request) -> Response:
        principal = caller(host, request, "customer")
        account = text(await body_of(request), "account", ".{1,64}")
        if host.bank.owner(account) != principal.user:
            raise Problem(404, "not-found", "There is no such account.")
        return answer({"paycode": _issue(host, account, principal), "expires_in": LIFETIME_S}, 201)

    async def refresh(request: Request) -> Response:
        principal = caller(host, request, "customer")
        return answer(_refresh(host, principal, request.path_params["paycode"]), 201)

    async def pay(request: Request) -> Response:
        principal = host.principal(request)
        body = await body_of(request)
        key_of(request)
        asked = _asked(host, principal, body)
        await _dawdle(host, asked)
        return answer(_pay(host, principal, asked))

    return [
        Route("/paycodes", issue, methods=["POST"]),
        Route("/paycodes/{paycode}/refresh", refresh, methods=["POST"]),
        Route("/pay", pay, methods=["POST"]),
    ]


# -- payment codes ----------------------------------------------------------------------------------------------


def _issue(host: Host, account: str, principal: Principal) -> str:
    digits = f"{next(_counter):016d}" if host.faults.on("paycodes.counter") else f"{secrets.randbelow(10**16):016d}"
    code = "28" + digits
    with host.db.transaction() as connection:
        row = (code, account, principal.user, "live", host.clock.now().timestamp())
        connection.execute("INSERT INTO bar_paycodes VALUES (?,?,?,?,?)", row)
    return code


def _refresh(host: Host, principal: Principal, code: str) -> dict[str, Any]:
    with host.db.transaction() as connection:
        row = connection.execute(
            "SELECT account FROM bar_paycodes WHERE code = ? AND owner = ?", (code, principal.user)
        ).fetchone()
        if row is None:
            raise Problem(404, "not-found", "There is no such payment code.")
        if not host.faults.on("paycodes.refresh-keeps-old"):
            connection.execute("UPDATE bar_paycodes SET state = 'replaced' WHERE code = ?", (code,))
        return {"paycode": _issue(host, row["account"], principal), "expires_in": LIFETIME_S}


def _claim(host: Host, code: str) -> None:
    """Use a payment code up in its own transaction, so that it stays dead whatever becomes of the payment."""
    with host.db.transaction() as connection:
        changed = connection.execute(
            "UPDATE bar_paycodes SET state = 'used' WHERE code = ? AND state = 'live'", (code,)
        ).rowcount
        if changed != 1 and not host.faults.on("paycodes.race"):
            raise Problem(409, "paycode-used", "This payment code is no longer valid.")


def _living(host: Host, code: str) -> Mapping[str, Any]:
    with host.db.reading() as connection:
        row = connection.execute("SELECT * FROM bar_paycodes WHERE code = ?", (code,)).fetchone()
    if row is None:
        raise Problem(422, "paycode-unknown", "There is no such payment code.")
    age = host.clock.now().timestamp() - row["issued"]
    if age > LIFETIME_S and not host.faults.on("paycodes.lifetime-unchecked"):
        raise Problem(422, "paycode-expired", "This payment code has expired.")
    return dict(row)


# -- what is asked ----------------------------------------------------------------------------------------------


def _asked(host: Host, principal: Principal, body: Mapping[str, Any]) -> Payment:
    if "paycode" in body:
        return _collection(host, principal, body)
    return _scan(host, principal, body)


def _collection(host: Host, principal: Principal, body: Mapping[str, Any]) -> Payment:
    if "merchant" not in principal.roles:
        raise Problem(403, "role-missing", "Only a merchant collects by payment code.")
    creditor = text(body, "merchant_account", ".{1,64}")
    if host.bank.owner(creditor) != principal.user:
        raise Problem(404, "not-found", "There is no such account.")
    code = text(body, "paycode", "[0-9]{16,24}")
    order, amount = text(body, "order", "[A-Za-z0-9]{1,25}"), whole(body, "amount", AMOUNT_MAX)
    currency = text(body, "currency", "[A-Z]{3}")
    row = _known(host, order, code)
    if row is None:
        living = _living(host, code)
        if living["state"] != "live":
            raise Problem(409, "paycode-used", "This payment code is no longer valid.")
        row = living
    return Payment(order, row["account"], creditor, principal.user, amount, currency, "paycode", code)


def _known(host: Host, order: str, code: str) -> Mapping[str, Any] | None:
    """Return the payment code of an order that exists, for a repetition after the code was used up."""
    with host.db.reading() as connection:
        if connection.execute("SELECT 1 FROM bar_orders WHERE id = ?", (order,)).fetchone() is None:
            return None
        row = connection.execute("SELECT * FROM bar_paycodes WHERE code = ?", (code,)).fetchone()
    return dict(row) if row is not None else None


def _scan(host: Host, principal: Principal, body: Mapping[str, Any]) -> Payment:
    debtor = text(body, "debtor", ".{1,64}")
    if host.bank.owner(debtor) != principal.user:
        raise Problem(404, "not-found", "There is no such account.")
    payload = text(body, "payload", r"[^\x00]{1,512}")
    found = reader.parse(payload, host.faults).get("objects", {})
    code = _code(host, found)
    amount, currency = whole(body, "amount", AMOUNT_MAX), text(body, "currency", "[A-Z]{3}")
    if code["kind"] == "static":
        order = text(body, "order", "[A-Za-z0-9]{1,25}")
    else:
        order = code["order_id"]
        _as_ordered(host, found, code, amount, currency)
    return Payment(order, debtor, code["account"], code["merchant"], amount, currency, code["kind"])


def _code(host: Host, found: Mapping[str, str]) -> Mapping[str, Any]:
    identifier = reader.table(found.get("26", ""), "26").get("01", "") if "26" in found else ""
    with host.db.reading() as connection:
        row = connection.execute("SELECT * FROM bar_codes WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise Problem(422, "code-unknown", "This code was not made here.")
    return dict(row)


def _as_ordered(host: Host, found: Mapping[str, str], code: Mapping[str, Any], amount: int, currency: str) -> None:
    said = counted(found.get("54", "0"), BY_NUMBER.get(found.get("53", ""), ("", 2))[1])
    if host.faults.on("orders.payload-trusted") and amount == said:
        return
    if host.faults.on("orders.client-amount"):
        return
    if (amount, currency) != (code["amount"], code["currency"]) or said != code["amount"]:
        raise Problem(422, "amount-mismatch", "Amount and currency are not those of the order.")


# -- booking ----------------------------------------------------------------------------------------------------


async def _dawdle(host: Host, asked: Payment) -> None:
    """Let rivals in between looking and acting; only faults do."""
    if host.faults.on("paycodes.race") and asked.kind == "paycode":
        await asyncio.sleep(DAWDLE_S)
    if host.faults.on("limits.race") and asked.kind == "static":
        _within_limit(host, asked)
        await asyncio.sleep(DAWDLE_S)


def _pay(host: Host, principal: Principal, asked: Payment) -> dict[str, Any]:
    repeated = _repetition(host, asked)
    if repeated is not None:
        return repeated
    if asked.paycode:
        _claim(host, asked.paycode)
    try:
        with host.db.transaction():
            return _booked(host, principal, asked)
    except Problem:
        if asked.paycode and host.faults.on("paycodes.revived"):
            with host.db.transaction() as connection:
                connection.execute("UPDATE bar_paycodes SET state = 'live' WHERE code = ?", (asked.paycode,))
        raise


def _repetition(host: Host, asked: Payment) -> dict[str, Any] | None:
    with host.db.reading() as connection:
        row = connection.execute("SELECT * FROM bar_orders WHERE id = ?", (asked.order,)).fetchone()
    if row is None or (row["state"] == "accepted" and row["kind"] == "dynamic"):
        return None
    if row["state"] != "confirmed" or row["request"] != asked.request():
        if row["state"] == "confirmed" and host.faults.on("orders.last-write-wins"):
            return None
        raise Problem(409, "order-conflict", f"This order is {row['state']} and was asked for otherwise.")
    if host.faults.on("orders.retry-charged"):
        _transfer(host, asked)
    return shown(row)


def _booked(host: Host, principal: Principal, asked: Payment) -> dict[str, Any]:
    if asked.kind == "static" and not host.faults.on("limits.race"):
        _within_limit(host, asked)
    now = host.clock.now()
    payment = _transfer(host, asked)
    row = (
        asked.order, asked.merchant, asked.creditor, asked.debtor, asked.amount, asked.currency, "confirmed",
        asked.kind, payment, asked.request(), stamp(now), day_of(now),
    )  # fmt: skip
    with host.db.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO bar_orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
        host.audit(principal.user, "codes.pay", asked.order, "confirmed", {"amount": asked.amount})
        return shown(connection.execute("SELECT * FROM bar_orders WHERE id = ?", (asked.order,)).fetchone())


def _within_limit(host: Host, asked: Payment) -> None:
    query = "SELECT COALESCE(SUM(amount), 0) FROM bar_orders WHERE debtor = ? AND day = ? AND kind = 'static'"
    with host.db.reading() as connection:
        spent = connection.execute(query, (asked.debtor, day_of(host.clock.now()))).fetchone()[0]
    if host.faults.on("limits.per-payment"):
        spent = 0
    if spent + asked.amount > STATIC_DAILY:
        raise Problem(422, "static-limit", "Static codes carry at most 500 CNY a day.")


def _transfer(host: Host, asked: Payment) -> str:
    if host.faults.on("load.code-pays-lost") and next(_asked_for) % LOST_EVERY == 0:
        return "lost"
    booked = host.bank.pay(
        debtor=asked.debtor, creditor=asked.creditor, amount=asked.amount, currency=asked.currency,
        key=f"order-{asked.order}-{secrets.token_hex(8)}", by=host.bank.owner(asked.debtor), reference=asked.order,
    )  # fmt: skip
    return str(booked["id"])


def shown(row: Any) -> dict[str, Any]:
    """Return an order as it is shown."""
    return {
        "order": row["id"], "state": row["state"], "amount": row["amount"], "currency": row["currency"],
        "paid": row["paid"],
    }  # fmt: skip
