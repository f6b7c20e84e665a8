"""Consents: what the owner of an account lets a bearer of the consent do, for how long, and which fields it shows."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.web import answer
from conformance.sdk.reference import Principal, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS consents (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, account TEXT NOT NULL, permissions TEXT NOT NULL,
    state TEXT NOT NULL, expires INTEGER NOT NULL, created TEXT NOT NULL, grantee TEXT NOT NULL);
"""

#: Permission → members of an account that it shows. A permission is named like the operation it allows.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "accounts.read": ("id", "currency", "status"),
    "accounts.balance": ("id", "currency", "balance"),
    "accounts.statement": ("id", "currency"),
    "payments.create": ("id", "currency"),
}
#: How far behind the fault consents.race writes, in seconds.
_BEHIND_S = 0.03
#: Seconds a consent may last at most: 90 days.
LIFETIME_MAX_S = 90 * 86_400


class Consents:
    """Decides by whose authority an account is touched: its owner's, or that of a consent."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host
        self._used: dict[str, float] = {}

    def account(
        self, request: Request, principal: Principal, account: str, permission: str
    ) -> tuple[Any, frozenset[str] | None]:
        """Return the account's row and the consented permissions, or None for the owner's full authority."""
        consent = request.headers.get("consent-id")
        if consent is None:
            return self._host.owned(principal, account), None
        row = self._valid(consent)
        permissions = frozenset(json.loads(row["permissions"]))
        unchecked = self._host.faults.on("consents.scope-unchecked")
        if row["grantee"] not in ("", principal.user) and not self._host.faults.on("consents.grantee-unchecked"):
            raise Problem(403, "consent-insufficient", "The consent was granted to another party.")
        allowed = permission in permissions or self._pays(permission)
        if not unchecked and (row["account"] != account or not allowed):
            raise Problem(403, "consent-insufficient", "The consent does not cover this.")
        return self._host.bank.account(account), permissions

    def shown(self, full: Mapping[str, Any], permissions: frozenset[str] | None) -> dict[str, Any]:
        """Return only the members of an account that the permissions need."""
        if permissions is None or self._host.faults.on("consents.full-object"):
            return dict(full)
        if self._host.faults.on("consents.holder-shown"):
            full = {**full, "status": {"now": full["status"], "holder": {"name": full["owner"]}}}
        allowed = {name for permission in permissions for name in FIELDS.get(permission, ())}
        return {name: value for name, value in full.items() if name in allowed}

    def _valid(self, consent: str) -> Any:
        row = self._row(consent)
        if row is None or not (self._granted(row) and self._in_time(row)):
            raise Problem(403, "consent-invalid", "The consent is unknown, revoked or expired.")
        if self._host.faults.on("consents.race"):
            self._stamp(row)
        return row

    def _stamp(self, row: Any) -> None:
        """Fault consents.race: note the use of a consent later, together with everything else as it was read now.

        Only uses that follow each other closely are put off, as a cache that writes behind does.
        """
        loop = asyncio.get_running_loop()
        close = loop.time() - self._used.get(row["id"], 0.0) < _BEHIND_S
        self._used[row["id"]] = loop.time()

        def write() -> None:
            with self._host.db.transaction() as connection:
                connection.execute("UPDATE consents SET state = ? WHERE id = ?", (row["state"], row["id"]))

        loop.call_later(_BEHIND_S if close else 0, write)

    def _pays(self, permission: str) -> bool:
        return permission == "payments.create" and self._host.faults.on("consents.transfer-unchecked")

    def _granted(self, row: Any) -> bool:
        return row["state"] == "granted" or self._host.faults.on("consents.revocation-cached")

    def _in_time(self, row: Any) -> bool:
        return row["expires"] > self._host.clock.epoch() or self._host.faults.on("consents.expiry-unchecked")

    def _row(self, consent: str) -> Any:
        with self._host.db.reading() as connection:
            return connection.execute("SELECT * FROM consents WHERE id = ?", (consent,)).fetchone()

    def owner(self, consent: str) -> str:
        """Return who granted a consent; raises Problem(404)."""
        row = self._row(consent)
        if row is None:
            raise Problem(404, "not-found", "There is no such consent.")
        return str(row["owner"])

    def own(self, principal: Principal, consent: str) -> Any:
        """Return a consent that the caller granted; raises Problem(404)."""
        row = self._row(consent)
        if row is None or (row["owner"] != principal.user and not self._host.faults.on("consents.owner-unchecked")):
            raise Problem(404, "not-found", "There is no such consent.")
        return row


def describe(host: ReferenceHost, row: Any) -> dict[str, Any]:
    """Return a consent as it is shown."""
    state = row["state"] if row["expires"] > host.clock.epoch() or row["state"] != "granted" else "expired"
    left = max(0, row["expires"] - host.clock.epoch())
    return {
        "id": row["id"], "account": row["account"], "permissions": json.loads(row["permissions"]), "state": state,
        "expires_in": left, "created": row["created"], "grantee": row["grantee"],
    }  # fmt: skip


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of consents."""

    async def grant(request: Request) -> Response:
        principal = host.authorize(request, scope="consents")
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("account", "permissions", "expires_in", "grantee"))
        account = strict.identifier(body, "account")
        lifetime = strict.integer(body, "expires_in", low=1, high=LIFETIME_MAX_S, default=3600)
        permissions, grantee = _permissions(body), strict.text(body, "grantee", default="")
        if not host.faults.on("consents.grantor-unchecked"):
            host.owned(principal, account)
        if host.faults.on("consents.widened"):
            permissions = list(FIELDS)
        identifier, expires = "con-" + secrets.token_hex(10), host.clock.epoch() + lifetime
        row = (
            identifier,
            principal.user,
            account,
            json.dumps(permissions),
            "granted",
            expires,
            host.clock.text(),
            grantee,
        )

        def job(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO consents VALUES (?,?,?,?,?,?,?,?)", row)
            host.audit(principal.user, "consents.grant", identifier, "granted", {"permissions": permissions})

        await host.db.write(job)
        return answer(describe(host, host.consents.own(principal, identifier)), 201)

    async def read(request: Request) -> Response:
        principal = host.authorize(request, scope="consents")
        status = 206 if host.faults.on("openapi.undocumented-answer") else 200
        return answer(describe(host, host.consents.own(principal, request.path_params["consent"])), status)

    async def revoke(request: Request) -> Response:
        principal = _revoker(host, request)
        consent = host.consents.own(principal, request.path_params["consent"])["id"]

        def job(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE consents SET state = 'revoked' WHERE id = ?", (consent,))
            host.audit(principal.user, "consents.revoke", consent, "revoked", {})

        await host.db.write(job)
        return answer(describe(host, host.consents.own(principal, consent)))

    return [
        Route("/consents", grant, methods=["POST"]),
        Route("/consents/{consent}", read, methods=["GET"]),
        Route("/consents/{consent}", revoke, methods=["DELETE"]),
    ]


def _revoker(host: ReferenceHost, request: Request) -> Principal:
    """Return who revokes. Fault routes.write-open: a caller without credentials is taken for the owner."""
    if host.faults.on("routes.write-open") and "authorization" not in request.headers:
        owner = host.consents.owner(request.path_params["consent"])
        return Principal(owner, frozenset(), frozenset())
    return host.authorize(request, scope="consents")


def _permissions(body: Mapping[str, Any]) -> list[str]:
    given = body.get("permissions")
    known = isinstance(given, list) and given and all(isinstance(p, str) and p in FIELDS for p in given)
    if not known or len(set(given or ())) != len(given or ()):
        raise Problem(422, "invalid-member", f"permissions must be a list from {', '.join(FIELDS)}.")
    return list(given or ())
