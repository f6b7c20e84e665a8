"""What the bank offers to its own routes and to the parts of suites."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

from conformance.reference import audit as audit_module
from conformance.reference import bank as bank_module
from conformance.reference import (
    cards,
    consents,
    factors,
    idempotency,
    notices,
    registering,
    sessions,
    signatures,
    strain_shapes,
    supervisor,
)
from conformance.reference import tokens as tokens_module
from conformance.reference.audit import AuditLog
from conformance.reference.bank import LedgerBank
from conformance.reference.board import Board, ShiftableClock
from conformance.reference.counts import Counts
from conformance.reference.database import SqliteDatabase
from conformance.reference.keys import Seed
from conformance.reference.mishaps import Mishaps
from conformance.reference.paging import Pages
from conformance.reference.tokens import Tokens, unauthorized
from conformance.reference.users import User, users_of
from conformance.sdk.reference import Principal, Problem, ReferencePart

SCHEMAS = (
    audit_module.SCHEMA,
    bank_module.SCHEMA,
    idempotency.SCHEMA,
    tokens_module.SCHEMA,
    cards.SCHEMA,
    consents.SCHEMA,
    factors.SCHEMA,
    notices.SCHEMA,
    registering.SCHEMA,
    sessions.SCHEMA,
    signatures.SCHEMA,
    supervisor.SCHEMA,
)


#: Seconds that fault accounts.existence-timed looks at an account before it finds that it is somebody else's.
_LOOKED_UP_S = 0.02


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this instance lives: its directory, base URLs by listener name ("" is the main port) and callback."""

    directory: Path
    urls: Mapping[str, str]
    callback_hosts: tuple[str, ...] = ()


class ReferenceHost:
    """One running bank. Implements :class:`conformance.sdk.Host`."""

    def __init__(self, settings: Settings, seed: Seed, faults: Sequence[str], parts: Sequence[ReferencePart]) -> None:
        self.settings = settings
        self.parts = tuple(parts)
        self.faults = Board(faults, Counts(settings.directory / "counts.bin"))
        self.clock = ShiftableClock()
        self.users = users_of(seed)
        self.db = SqliteDatabase(settings.directory, [*SCHEMAS, *(part.schema for part in parts)])
        self.audit_log = AuditLog(self.db, self.clock, seed.ed25519("audit"), self.faults)
        self.bank = LedgerBank(self.db, self.clock, self.audit_log, self.faults)
        self.tokens = Tokens(seed, self.url(), self.db, self.clock, self.faults, settings.callback_hosts)
        self.pages = Pages(seed.derive("cursors"), self.faults)
        self.sessions = sessions.Sessions(seed, self)
        self.consents = consents.Consents(self)
        self.signatures = signatures.Verifier(self)
        self.notices = notices.Notices(self)
        self.arrivals = strain_shapes.Arrivals()
        self._seed = seed
        self.cards = cards.Cards(self)
        self.mishaps = Mishaps(self)

    # -- what parts are given ----------------------------------------------------------------------------

    def principal(self, request: Request) -> Principal:
        """Authenticate a request by bearer token or session cookie; raises Problem(401)."""
        known: Principal | None = getattr(request.state, "principal", None)
        if known is None:
            known = self._authenticate(request)
            request.state.principal = known
        return known

    def audit(self, actor: str, action: str, subject: str, result: str, detail: Mapping[str, Any]) -> None:
        """Append a record to the audit log."""
        self.audit_log.append(actor, action, subject, result, detail)

    def seed(self, name: str) -> bytes:
        """Return 32 secret bytes for a part, the same after a restart."""
        return self._seed.derive(f"part/{name}")

    def url(self, listener: str = "") -> str:
        """Return the base URL of the main port or of a listener."""
        return self.settings.urls[listener]

    @property
    def directory(self) -> Path:
        """Where this instance lives."""
        return self.settings.directory

    # -- who asks, and what for ---------------------------------------------------------------------------

    def authorize(self, request: Request, *, scope: str = "", role: str = "") -> Principal:
        """Authenticate and require a scope or a role; raises Problem(401) or Problem(403)."""
        principal = self.principal(request)
        unchecked = self.faults.on("admin.role-unchecked")
        if role and role not in principal.roles and not unchecked:
            raise Problem(403, "role-missing", "The caller's role does not allow this.")
        unchecked = unchecked or (scope == "payments" and self.faults.on("tokens.scope-unchecked"))
        if scope and scope not in principal.scopes and not unchecked:
            raise Problem(403, "scope-missing", f"The access token lacks the scope {scope}.")
        return principal

    def _authenticate(self, request: Request) -> Principal:
        cookie = request.cookies.get("session")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.faults.on("tokens.query-accepted") and not token:
            scheme, token = "bearer", request.query_params.get("access_token", "")
        elif "access_token" in request.query_params:
            raise unauthorized("An access token does not belong into a URL.")
        if token and scheme.lower() == "bearer":
            return self._bearer(token.strip())
        if cookie:
            return self.person(self.sessions.user(cookie), None)
        raise unauthorized("An access token is required.")

    def _bearer(self, token: str) -> Principal:
        if "." not in token:
            return self.person(self.sessions.user(token), None)
        claims = self.tokens.verify(token)
        return self.person(str(claims.get("sub", "")), claims)

    def person(self, name: str, claims: Mapping[str, Any] | None) -> Principal:
        """Return the principal of a known user with the scopes of its token, or all of them for a session."""
        user = self.users.get(name)
        if user is None:
            raise unauthorized("The caller is unknown.")
        scopes = user.scopes if claims is None else tuple(str(claims.get("scope", "")).split())
        return Principal(name, user.roles, frozenset(scopes), name, dict(claims or {}))

    def user(self, name: str) -> User:
        """Return a user that is known to exist."""
        found = self.users.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def owned(self, principal: Principal, account: str) -> Any:
        """Return the row of an account of the caller; any other is as if it did not exist (no oracle)."""
        try:
            row = self.bank.account(account)
        except Problem as problem:
            raise Problem(404, "not-found", "There is no such account.") from problem
        if row["owner"] == principal.user or self.faults.on("accounts.owner-unchecked"):
            return row
        if self.faults.on("accounts.existence-leaked"):
            raise Problem(403, "not-yours", f"Account {account} belongs to someone else.")
        if self.faults.on("accounts.existence-timed"):
            time.sleep(_LOOKED_UP_S)
        raise Problem(404, "not-found", "There is no such account.")

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start what works in the background."""
        self.notices.start()
        for part in self.parts:
            part.start(self)

    def stop(self) -> None:
        """Stop what works in the background."""
        for part in self.parts:
            part.stop()
        self.notices.stop()

    def reset(self, faults: Sequence[str]) -> None:
        """Start over: empty storage, real time, these faults; credentials and ports stay."""
        self.stop()
        self.faults.set(faults)
        self.mishaps.reset()
        self.clock.shift(0)
        self.db.renew()
        self.tokens.restart()
        self.sessions.restart()
        self.start()

    def switch(self, faults: Sequence[str]) -> None:
        """Switch faults and keep everything else."""
        self.faults.set(faults)
        self.mishaps.reset()
        self.tokens.forget_verified()
