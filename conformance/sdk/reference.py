"""What a suite's part of the reference candidate is made of, and what its host offers.

Parts are written against these protocols and never import the suite's own oracle: a shared bug would hide itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class Problem(Exception):
    """A refusal or an error, rendered as ``application/problem+json`` (RFC 9457), never with internals."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. ``user`` is the name, ``roles`` what it may do, ``scopes`` what its token allows."""

    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    client: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listener:
    """One more port of the reference candidate: an ASGI application under an endpoint name ("node1").

    With ``raw`` the application is a coroutine function of a stream reader and a stream writer instead
    (:func:`asyncio.start_server`), given bytes as they come: what it makes of them, TLS included, is its own affair.
    ``tls`` then only says which scheme its URL has.
    """

    name: str
    app: Any
    tls: bool = True
    raw: bool = False


class FaultBoard(Protocol):
    """Which faults are switched on."""

    def on(self, fault: str) -> bool:
        """Tell whether a fault is active."""
        ...


class Clock(Protocol):
    """The product's clock, which the test environment may shift."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class Database(Protocol):
    """Durable storage: SQLite with a write-ahead log, committed to disk before an answer is sent."""

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open an immediate transaction; commits at the end of the block, rolls back on an exception."""
        ...

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open a read-only view."""
        ...


class Bank(Protocol):
    """Accounts and payments of the reference candidate; amounts are integers of minor units."""

    def open(self, owner: str, currency: str, balance: int) -> str:
        """Open an account and return its id."""
        ...

    def owner(self, account: str) -> str:
        """Return the owner of an account; raises Problem(404)."""
        ...

    def balance(self, account: str) -> int:
        """Return the available balance; raises Problem(404)."""
        ...

    def pay(
        self,
        *,
        debtor: str,
        creditor: str,
        amount: int,
        currency: str,
        key: str,
        by: str,
        reference: str = "",
    ) -> dict[str, Any]:
        """Book a payment once per ``(by, key)`` and return it (id, state, amount, currency, debtor, creditor)."""
        ...

    def refund(self, *, payment: str, amount: int, key: str, by: str) -> dict[str, Any]:
        """Book a refund of at most what is left of a payment and return it."""
        ...

    def payment(self, payment: str) -> dict[str, Any]:
        """Return a payment; raises Problem(404)."""
        ...


class Host(Protocol):
    """What the reference candidate offers to the parts it hosts."""

    @property
    def faults(self) -> FaultBoard:
        """Which faults are on."""
        ...

    @property
    def clock(self) -> Clock:
        """The product's clock."""
        ...

    @property
    def db(self) -> Database:
        """Durable storage."""
        ...

    @property
    def bank(self) -> Bank:
        """Accounts and payments."""
        ...

    def principal(self, request: Any) -> Principal:
        """Authenticate a Starlette request; raises Problem(401)."""
        ...

    def audit(self, actor: str, action: str, subject: str, result: str, detail: Mapping[str, Any]) -> None:
        """Append a record to the tamper-evident audit log."""
        ...

    def seed(self, name: str) -> bytes:
        """Return 32 secret bytes that stay the same for the life of this instance, for keys of a part."""
        ...

    def url(self, listener: str = "") -> str:
        """Return the base URL of the main port or of a listener."""
        ...

    @property
    def directory(self) -> Path:
        """Where the instance lives: database, candidate file, and ``client-<name>.pem`` for mutual TLS."""
        ...


class ReferencePart(Protocol):
    """One suite's part of the reference candidate."""

    #: SQL run once on a new database (``CREATE TABLE IF NOT EXISTS …``).
    schema: str

    def routes(self, host: Host) -> Sequence[Any]:
        """Return Starlette routes for the main port."""
        ...

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return further ports, for example ledger nodes."""
        ...

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return hooks of the test environment that this part answers ("stop", "partition" …)."""
        ...

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Return what the demo's candidate file declares for this part (ledger hash profile, code schemes …)."""
        ...

    def supports(self) -> Sequence[str]:
        """Return the capabilities this part adds to the demo's candidate file."""
        ...

    def start(self, host: Host) -> None:
        """Start background work, after the database exists; called again after every reset."""
        ...

    def stop(self) -> None:
        """Stop background work."""
        ...


@runtime_checkable
class ContractPart(Protocol):
    """What a part adds when its suite asks for operations that the neutral contract lacks."""

    def operations(self) -> Mapping[str, Any]:
        """Return how those operations are said in HTTP, as in ``[operations]`` of a candidate file."""
        ...


@runtime_checkable
class UsersPart(Protocol):
    """What a part adds when its suite asks for callers that the bank does not know."""

    def users(self, host: Host) -> Mapping[str, Mapping[str, Any]]:
        """Return further ``[users.<name>]`` of the demo's candidate file; paths are relative to that file."""
        ...


@runtime_checkable
class SecretsPart(Protocol):
    """What a part adds whose declarations name secrets: ``{ env = "…" }``."""

    def secrets(self, host: Host) -> Mapping[str, str]:
        """Return those secrets by environment variable. They go to the parent process alone, never to a disk."""
        ...
