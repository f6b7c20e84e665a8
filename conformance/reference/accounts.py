"""Routes of accounts: open, read, list, balance, statement."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.bank import entry
from conformance.reference.strain import Latecomers
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

_OPEN_MEMBERS = ("owner", "currency", "balance", "daily_limit")


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of accounts."""
    return [*_detail_routes(host), *_account_routes(host)]


def _detail_routes(host: ReferenceHost) -> list[Route]:
    latecomers = Latecomers()

    async def balance(request: Request) -> Response:
        principal, account = host.authorize(request, scope="accounts"), request.path_params["account"]
        await host.mishaps.debts.settle()
        row, _ = host.consents.account(request, principal, account, "accounts.balance")
        return answer({"account": row["id"], "available": row["balance"], "currency": row["currency"]})

    async def statement(request: Request) -> Response:
        account = request.path_params["account"]
        if host.faults.on("routes.statement-open"):
            row = host.bank.account(account)
        else:
            principal = host.authorize(request, scope="accounts")
            row, _ = host.consents.account(request, principal, account, "accounts.statement")
        listing = f"statement/{row['id']}"
        after, limit = host.pages.asked(request, listing)
        await host.mishaps.debts.settle()
        rows = host.bank.statement(row["id"], after, limit)
        following = host.pages.next(listing, rows[-1]["number"] if rows else 0, len(rows), limit)
        shown = latecomers.shown(host.faults, rows, host.clock.now())
        return answer({"items": [entry(item) for item in shown], "next": following})

    return [
        Route("/accounts/{account}/balance", balance, methods=["GET"]),
        Route("/accounts/{account}/statement", statement, methods=["GET"]),
    ]


def _account_routes(host: ReferenceHost) -> list[Route]:
    async def open_account(request: Request) -> Response:
        principal = host.authorize(request)
        body = await strict.read_json(request, host.faults)
        assignable = host.faults.on("accounts.mass-assignment")
        strict.only(body, body if assignable else _OPEN_MEMBERS)
        owner, currency = strict.identifier(body, "owner"), strict.currency(body, host.faults)
        opening = strict.integer(body, "balance", low=0, high=strict.AMOUNT_MAX, default=0)
        limit = strict.integer(body, "daily_limit", low=1, high=strict.AMOUNT_MAX, default=strict.AMOUNT_MAX)
        if host.users.get(owner) is None:
            raise Problem(422, "unknown-owner", "There is no such customer.")
        extra = {name: value for name, value in body.items() if name not in _OPEN_MEMBERS} if assignable else {}

        def job(connection: sqlite3.Connection) -> str:
            account = host.bank.open(owner, currency, opening, limit)
            _assign(connection, account, extra)
            host.audit(principal.user, "accounts.open", account, "opened", {"currency": currency})
            return account

        account = await host.db.write(job)
        return answer(full(host.bank.account(account)), 201)

    async def list_accounts(request: Request) -> Response:
        principal = host.authorize(request, scope="accounts")
        listing = f"accounts/{principal.user}"
        after, limit = host.pages.asked(request, listing)
        with host.db.reading() as connection:
            rows = connection.execute(
                "SELECT rowid AS number, * FROM accounts WHERE owner = ? AND rowid > ? ORDER BY rowid LIMIT ?",
                (principal.user, after, limit),
            ).fetchall()
        following = host.pages.next(listing, rows[-1]["number"] if rows else 0, len(rows), limit)
        return answer({"items": [full(row) for row in rows], "next": following})

    async def read(request: Request) -> Response:
        principal, account = host.authorize(request, scope="accounts"), request.path_params["account"]
        row, permissions = host.consents.account(request, principal, account, "accounts.read")
        return answer(host.consents.shown(full(row), permissions))

    async def change(request: Request) -> Response:
        """Fault accounts.mass-assignment: whatever members are sent are stored."""
        principal = host.authorize(request, scope="accounts")
        body = await strict.read_json(request, host.faults)
        account = host.owned(principal, request.path_params["account"])["id"]
        await host.db.write(lambda connection: _assign(connection, account, body))
        return answer(full(host.bank.account(account)))

    async def account_method(request: Request) -> Response:
        if request.method == "PATCH" and host.faults.on("accounts.mass-assignment"):
            return await change(request)
        if request.method in ("GET", "HEAD"):
            return await read(request)
        raise Problem(405, "method-not-allowed", "This method is not part of the API.", {"Allow": "GET, HEAD"})

    everything = ["GET", "PATCH", "PUT", "POST", "DELETE", "OPTIONS", "TRACE"]
    return [
        Route("/accounts", open_account, methods=["POST"]),
        Route("/accounts", list_accounts, methods=["GET"]),
        Route("/accounts/{account}", account_method, methods=everything),
    ]


def full(row: sqlite3.Row) -> dict[str, Any]:
    """Return everything an account's owner sees of it."""
    members = ("id", "owner", "currency", "balance", "status", "opened")
    extra: dict[str, Any] = json.loads(row["extra"])
    return {name: row[name] for name in members} | extra


def _assign(connection: sqlite3.Connection, account: str, members: Mapping[str, Any]) -> None:
    """Fault accounts.mass-assignment: store columns as given, and anything else beside them."""
    for column in ("owner", "status", "balance"):
        if column in members:
            connection.execute(f"UPDATE accounts SET {column} = ? WHERE id = ?", (members[column], account))  # noqa: S608
    extra = {name: value for name, value in members.items() if name not in ("owner", "status", "balance", "id")}
    if extra:
        connection.execute("UPDATE accounts SET extra = ? WHERE id = ?", (json.dumps(extra, default=str), account))
