"""The second factor: a code for exactly one payment, bound to amount, currency and creditor (dynamic linking)."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS factors (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, creditor TEXT NOT NULL,
    code TEXT NOT NULL, state TEXT NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0);
"""

#: Payments of this many minor units or more need a confirmed second factor (JR/T 0185 level A2).
THRESHOLD = 50_000_00
#: Seconds a factor can be confirmed and used.
LIFETIME_S = 300
#: Wrong codes before a factor is dead.
TRIES_MAX = 5


def spend(
    host: ReferenceHost, connection: sqlite3.Connection, user: str, factor: str | None, amount: int, currency: str,
    creditor: str,
) -> None:  # fmt: skip
    """Use up the factor of a payment, inside its transaction; raises Problem(403) when it needs one and has none."""
    if amount < THRESHOLD and factor is None:
        return
    if factor is None:
        raise Problem(403, "factor-required", "A payment of this size needs a confirmed second factor.")
    row = connection.execute("SELECT * FROM factors WHERE id = ?", (factor,)).fetchone()
    if row is None or not (row["user"] == user or host.faults.on("factors.owner-unchecked")):
        raise Problem(403, "factor-invalid", "The second factor is not valid for this payment.")
    if host.faults.on("factors.unbound"):
        return
    bound = (row["currency"], row["creditor"]) == (currency, creditor) and _covers(host, row["amount"], amount)
    if not bound or not _confirmed(host, row["state"]) or row["expires"] <= host.clock.epoch():
        raise Problem(403, "factor-invalid", "The second factor is not valid for this payment.")
    connection.execute("UPDATE factors SET state = 'used' WHERE id = ?", (factor,))


def _covers(host: ReferenceHost, given: int, amount: int) -> bool:
    return given == amount or (given > amount and host.faults.on("factors.amount-at-most"))


def _confirmed(host: ReferenceHost, state: str) -> bool:
    return state == "confirmed" or (state == "begun" and host.faults.on("factors.unconfirmed"))


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of the second factor."""

    async def begin(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("amount", "currency", "creditor"))
        amount, currency = strict.amount(body, host.faults), strict.currency(body, host.faults)
        creditor = strict.identifier(body, "creditor")
        identifier, code = "fac-" + secrets.token_hex(10), f"{secrets.randbelow(10**6):06d}"
        expires = host.clock.epoch() + LIFETIME_S
        row = (identifier, principal.user, amount, currency, creditor, code, "begun", expires, 0)
        await host.db.write(lambda c: c.execute("INSERT INTO factors VALUES (?,?,?,?,?,?,?,?,?)", row))
        # The code would reach a person on another channel; this test environment hands it out.
        return answer({"id": identifier, "code": code, "state": "begun", "expires_in": LIFETIME_S}, 201)

    async def confirm(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("code",))
        code, factor = strict.text(body, "code"), request.path_params["factor"]
        right = await host.db.write(lambda c: _try(host, c, factor, principal.user, code))
        if not right:
            raise Problem(403, "factor-invalid", "The code is wrong or its time is over.")
        return answer({"id": factor, "state": "confirmed"})

    return [
        Route("/factors", begin, methods=["POST"]),
        Route("/factors/{factor}/confirm", confirm, methods=["POST"]),
    ]


def _try(host: ReferenceHost, connection: sqlite3.Connection, factor: str, user: str, code: str) -> bool:
    row: Any = connection.execute("SELECT * FROM factors WHERE id = ? AND user = ?", (factor, user)).fetchone()
    if row is None:
        raise Problem(404, "not-found", "There is no such factor.")
    alive = row["state"] == "begun" and row["tries"] < TRIES_MAX and row["expires"] > host.clock.epoch()
    right = hmac.compare_digest(row["code"].encode(), code.encode())
    if alive and (right or host.faults.on("factors.any-code") or host.faults.on("factors.wrong-code-kept")):
        connection.execute("UPDATE factors SET state = 'confirmed' WHERE id = ?", (factor,))
        return right or host.faults.on("factors.any-code")
    connection.execute("UPDATE factors SET tries = tries + 1 WHERE id = ?", (factor,))
    return False
