"""The supervisor's view: transactions without names, identities on request, freezes, alarms, statistics; the audit."""

from __future__ import annotations

import hmac
import sqlite3
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.factors import THRESHOLD
from conformance.reference.web import answer
from conformance.sdk.reference import Principal, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS pseudonyms (anonymous TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
"""


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of supervision and audit."""
    return [*_view_routes(host), *_freeze_routes(host), *_audit_routes(host)]


def _view_routes(host: ReferenceHost) -> list[Route]:
    async def transactions(request: Request) -> Response:
        host.authorize(request, role="regulator")
        return answer(await _page(host, request, "transactions", 0))

    async def alarms(request: Request) -> Response:
        host.authorize(request, role="regulator")
        return answer(await _page(host, request, "alarms", THRESHOLD - 1))

    async def identity(request: Request) -> Response:
        principal = host.authorize(request, role="regulator")
        anonymous = request.path_params["anonymous"]
        with host.db.reading() as connection:
            row = connection.execute("SELECT account FROM pseudonyms WHERE anonymous = ?", (anonymous,)).fetchone()
        if row is None:
            raise Problem(404, "not-found", "There is no such identity.")
        await host.db.write(lambda _: host.audit(principal.user, "supervisor.identity", anonymous, "shown", {}))
        return answer({"anonymous": anonymous, "account": row["account"], "owner": host.bank.owner(row["account"])})

    async def statistics(request: Request) -> Response:
        host.authorize(request, role="regulator")
        query = "SELECT currency, COUNT(*) AS count, SUM(amount) AS total FROM payments GROUP BY currency"
        with host.db.reading() as connection:
            sums = [dict(row) for row in connection.execute(query)]
            accounts = connection.execute("SELECT COUNT(*) FROM accounts").fetchone()[0]
        return answer({"accounts": accounts, "payments": sums, "at": host.clock.text()})

    return [
        Route("/supervisor/transactions", transactions, methods=["GET"]),
        Route("/supervisor/alarms", alarms, methods=["GET"]),
        Route("/supervisor/identities/{anonymous}", identity, methods=["GET"]),
        Route("/supervisor/statistics", statistics, methods=["GET"]),
    ]


async def _page(host: ReferenceHost, request: Request, listing: str, above: int) -> dict[str, Any]:
    after, limit = host.pages.asked(request, listing)
    query = "SELECT * FROM payments WHERE number > ? AND amount > ? ORDER BY number LIMIT ?"
    with host.db.reading() as connection:
        rows = connection.execute(query, (after, above, limit)).fetchall()
    sides = {row[side]: _pseudonym(host, row[side]) for row in rows for side in ("debtor", "creditor")}

    def remember(connection: sqlite3.Connection) -> None:
        pairs = [(anonymous, account) for account, anonymous in sides.items()]
        connection.executemany("INSERT OR IGNORE INTO pseudonyms VALUES (?,?)", pairs)

    if sides:
        await host.db.write(remember)
    following = host.pages.next(listing, rows[-1]["number"] if rows else 0, len(rows), limit)
    return {"items": [_anonymous(host, row, sides) for row in rows], "next": following}


def _anonymous(host: ReferenceHost, row: sqlite3.Row, sides: dict[str, str]) -> dict[str, Any]:
    shown = {name: row[name] for name in ("id", "amount", "currency", "created")}
    return shown | {"state": host.bank.state(row), "debtor": sides[row["debtor"]], "creditor": sides[row["creditor"]]}


def _pseudonym(host: ReferenceHost, account: str) -> str:
    return "anon-" + hmac.digest(host.seed("pseudonyms"), account.encode(), "sha256").hex()[:24]


def _freeze_routes(host: ReferenceHost) -> list[Route]:
    async def freeze(request: Request) -> Response:
        principal = _freezer(host, request)
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("account", "reason"))
        strict.text(body, "reason", default="")
        account = strict.identifier(body, "account")
        await host.db.write(lambda connection: _set(host, connection, principal.user, account, "frozen"))
        return answer({"account": account, "status": "frozen"}, 201)

    async def unfreeze(request: Request) -> Response:
        principal = _freezer(host, request)
        account = request.path_params["account"]
        await host.db.write(lambda connection: _set(host, connection, principal.user, account, "open"))
        return answer({"account": account, "status": "open"})

    return [
        Route("/supervisor/freezes", freeze, methods=["POST"]),
        Route("/supervisor/freezes/{account}", unfreeze, methods=["DELETE"]),
    ]


def _freezer(host: ReferenceHost, request: Request) -> Principal:
    """Return who may freeze. Fault supervisor.freeze-open: everybody who is logged in."""
    return host.authorize(request, role="" if host.faults.on("supervisor.freeze-open") else "regulator")


def _set(host: ReferenceHost, connection: sqlite3.Connection, by: str, account: str, status: str) -> None:
    if not connection.execute("UPDATE accounts SET status = ? WHERE id = ?", (status, account)).rowcount:
        raise Problem(404, "not-found", "There is no such account.")
    host.audit(by, "supervisor.freeze" if status == "frozen" else "supervisor.unfreeze", account, status, {})


def _audit_routes(host: ReferenceHost) -> list[Route]:
    async def listing(request: Request) -> Response:
        host.authorize(request, role="auditor")
        after, limit = host.pages.asked(request, "audit")
        records = host.audit_log.page(after, limit)
        following = host.pages.next("audit", records[-1]["seq"] if records else 0, len(records), limit)
        return answer({"items": records, "next": following})

    async def verify(request: Request) -> Response:
        host.authorize(request, role="auditor")
        return answer(host.audit_log.verify())

    return [Route("/audit", listing, methods=["GET"]), Route("/audit/verify", verify, methods=["GET"])]
