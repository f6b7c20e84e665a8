"""Accounts and bookings. Amounts are integers of minor units; every booking is one transaction."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from conformance.reference.audit import AuditLog
from conformance.reference.board import Board, ShiftableClock, instant
from conformance.reference.database import SqliteDatabase
from conformance.reference.idempotency import once
from conformance.reference.input import AMOUNT_MAX
from conformance.reference.strain import Replica
from conformance.sdk.reference import Problem

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, currency TEXT NOT NULL, balance INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'open', opened TEXT NOT NULL, extra TEXT NOT NULL DEFAULT '{}',
    daily_limit INTEGER NOT NULL DEFAULT 1000000000000000);
CREATE INDEX IF NOT EXISTS accounts_owner ON accounts (owner);
CREATE TABLE IF NOT EXISTS payments (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, debtor TEXT NOT NULL,
    creditor TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, reference TEXT NOT NULL,
    refunded INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL, settles TEXT NOT NULL, by TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payments_debtor ON payments (debtor, number);
CREATE INDEX IF NOT EXISTS payments_creditor ON payments (creditor, number);
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, payment TEXT, kind TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, balance_after INTEGER NOT NULL, reference TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS entries_account ON entries (account, number);
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY, payment TEXT NOT NULL, amount INTEGER NOT NULL, created TEXT NOT NULL);
"""

#: How long a payment can be cancelled before it is confirmed, in seconds.
SETTLES_AFTER_S = 5


class LedgerBank:
    """Double-entry bookings over :class:`SqliteDatabase`; every method joins the caller's transaction."""

    def __init__(self, db: SqliteDatabase, clock: ShiftableClock, audit: AuditLog, faults: Board) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._faults = faults
        self._replica = Replica()

    # -- accounts -----------------------------------------------------------------------------------------

    def open(self, owner: str, currency: str, balance: int, daily_limit: int = AMOUNT_MAX) -> str:
        """Open an account with an opening balance and return its id; ``daily_limit`` is what may leave it in a day."""
        identifier = "acc-" + secrets.token_hex(8)
        with self._db.transaction() as connection:
            now = self._clock.text()
            connection.execute(
                "INSERT INTO accounts (id, owner, currency, balance, opened, daily_limit) VALUES (?,?,?,0,?,?)",
                (identifier, owner, currency, now, daily_limit),
            )
            if balance:
                self._book(connection, identifier, None, "opening", balance, "")
        return identifier

    def account(self, account: str) -> sqlite3.Row:
        """Return the row of an account; raises Problem(404)."""
        with self._db.reading() as connection:
            row: sqlite3.Row | None = connection.execute("SELECT * FROM accounts WHERE id = ?", (account,)).fetchone()
        if row is None:
            raise Problem(404, "not-found", "There is no such account.")
        return row

    def owner(self, account: str) -> str:
        """Return the owner of an account; raises Problem(404)."""
        return str(self.account(account)["owner"])

    def balance(self, account: str) -> int:
        """Return the available balance in minor units; raises Problem(404)."""
        return int(self.account(account)["balance"])

    # -- payments -----------------------------------------------------------------------------------------

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
        """Book a payment once per ``(by, key)`` and return it; a key used for another payment is refused."""
        request = {"debtor": debtor, "creditor": creditor, "amount": amount, "currency": currency}
        request["reference"] = reference
        with self._db.transaction() as connection:
            result, _ = once(
                connection, self._faults, by, key, "bank.pay", request,
                lambda: self.book(debtor, creditor, amount, currency, by, reference),
            )  # fmt: skip
        return result

    def book(
        self, debtor: str, creditor: str, amount: int, currency: str, by: str, reference: str,
        proof: Mapping[str, Any] | None = None, identifier: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Check and book one payment in the current transaction and return it.

        ``proof`` is the client's own signature, kept in the audit record so that it can be verified again later.
        ``identifier`` is new unless given.
        """
        with self._db.transaction() as connection:
            self._require_bookable(debtor, creditor, amount, currency)
            if not (self._faults.on("limits.daily-race") or self._faults.on("limits.race-silent")):
                self.require_within_day(debtor, amount)
            payment = identifier or new_identifier()
            self._insert_payment(connection, payment, debtor, creditor, amount, currency, by, reference)
            self._book(connection, debtor, payment, "payment", -amount, reference)
            self._book(connection, creditor, payment, "payment", amount, reference)
            detail = {"amount": amount, "currency": currency, "debtor": debtor, "creditor": creditor}
            detail |= {"signature": proof} if proof else {}
            self._audit.append(by, "payments.create", payment, "accepted", detail)
            return self.payment(payment)

    def _require_bookable(self, debtor: str, creditor: str, amount: int, currency: str) -> None:
        payer, payee = self.account(debtor), self._creditor(creditor)
        if debtor == creditor:
            raise Problem(422, "same-account", "Debtor and creditor must differ.")
        if "frozen" in (payer["status"], payee["status"]):
            raise Problem(403, "account-frozen", "An account of this payment is frozen.")
        mismatch = currency not in (payer["currency"], payee["currency"]) or payer["currency"] != payee["currency"]
        if mismatch and not self._faults.on("payments.currency-unchecked"):
            raise Problem(422, "currency-mismatch", "The currency is not that of both accounts.")
        if payer["balance"] < amount and not self._faults.on("load.cover-unchecked"):
            raise Problem(422, "insufficient-funds", "The debtor's balance is too low.")
        if payee["balance"] + amount > 1000 * AMOUNT_MAX:
            raise Problem(422, "invalid-amount", "The creditor's balance would be too large.")

    def require_within_day(self, debtor: str, amount: int) -> None:
        """Refuse what would exceed the account's daily limit together with all that left it today."""
        limit = self.account(debtor)["daily_limit"]
        if limit >= AMOUNT_MAX:
            return
        paid = 0 if self._faults.on("limits.daily-unchecked") else self._paid_today(debtor)
        if paid + amount > limit:
            raise Problem(422, "limit-exceeded", "The account's daily limit does not allow this payment.")

    def _paid_today(self, debtor: str) -> int:
        today = self._clock.text()[:10]
        query = "SELECT coalesce(sum(amount), 0) AS paid FROM payments WHERE debtor = ? AND created >= ? AND state <> ?"
        with self._db.reading() as connection:
            return int(connection.execute(query, (debtor, today, "cancelled")).fetchone()["paid"])

    def _creditor(self, creditor: str) -> sqlite3.Row:
        try:
            return self.account(creditor)
        except Problem as problem:
            raise Problem(422, "unknown-creditor", "There is no such creditor account.") from problem

    def _insert_payment(
        self, connection: sqlite3.Connection, identifier: str, debtor: str, creditor: str, amount: int, currency: str,
        by: str, reference: str, state: str = "accepted",
    ) -> None:  # fmt: skip
        now = self._clock.now()
        settles = instant(now + timedelta(seconds=SETTLES_AFTER_S))
        connection.execute(
            "INSERT INTO payments (id, state, debtor, creditor, amount, currency, reference, created, settles, by)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (identifier, state, debtor, creditor, amount, currency, reference, instant(now), settles, by),
        )

    def promise(self, debtor: str, creditor: str, amount: int, currency: str, reference: str) -> dict[str, Any]:
        """Return a payment as it would be shown if it were booked; nothing is."""
        shown = {"id": new_identifier(), "debtor": debtor, "creditor": creditor, "amount": amount, "currency": currency}
        return shown | {"reference": reference, "refunded": 0, "created": self._clock.text(), "state": "accepted"}

    def shelve(self, debtor: str, creditor: str, amount: int, currency: str, by: str, reference: str) -> dict[str, Any]:
        """Note a payment as pending in the current transaction, and never book it; return it."""
        with self._db.transaction() as connection:
            identifier = new_identifier()
            self._insert_payment(connection, identifier, debtor, creditor, amount, currency, by, reference, "pending")
            return self.payment(identifier)

    def _book(
        self, connection: sqlite3.Connection, account: str, payment: str | None, kind: str, amount: int, reference: str
    ) -> None:
        row = connection.execute(
            "UPDATE accounts SET balance = balance + ? WHERE id = ? RETURNING balance, currency", (amount, account)
        ).fetchone()
        connection.execute(
            "INSERT INTO entries (account, payment, kind, amount, currency, balance_after, reference, at)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (account, payment, kind, amount, row["currency"], row["balance"], reference, self._clock.text()),
        )

    def payment(self, payment: str) -> dict[str, Any]:
        """Return a payment; raises Problem(404)."""
        return self.describe(self.payment_row(payment))

    def payment_row(self, payment: str) -> sqlite3.Row:
        """Return the row of a payment; raises Problem(404)."""
        with self._db.reading() as connection:
            row: sqlite3.Row | None = connection.execute("SELECT * FROM payments WHERE id = ?", (payment,)).fetchone()
        if row is None:
            raise Problem(404, "not-found", "There is no such payment.")
        return row

    def describe(self, row: sqlite3.Row) -> dict[str, Any]:
        """Return a payment as it is shown; ``state`` becomes confirmed when the time to cancel is over."""
        members = ("id", "debtor", "creditor", "amount", "currency", "reference", "refunded", "created")
        return {name: row[name] for name in members} | {"state": self.state(row)}

    def state(self, row: sqlite3.Row) -> str:
        """Return the state of a payment now."""
        state = str(row["state"])
        if state == "accepted" and self._clock.now() >= datetime.fromisoformat(row["settles"]):
            return "confirmed"
        return state

    def cancel(self, payment: str, by: str) -> dict[str, Any]:
        """Take back a payment that is not yet confirmed; raises Problem(409) in any other state."""
        with self._db.transaction() as connection:
            row = self.payment_row(payment)
            if self.state(row) != "accepted" and not self._faults.on("payments.illegal-transition"):
                raise Problem(409, "illegal-transition", f"A payment that is {self.state(row)} cannot be cancelled.")
            rest = row["amount"] - row["refunded"]
            self._return(connection, row, "cancellation", rest)
            connection.execute("UPDATE payments SET state = 'cancelled' WHERE id = ?", (payment,))
            self._audit.append(by, "payments.cancel", payment, "cancelled", {"amount": rest})
            return self.payment(payment)

    def refund(self, *, payment: str, amount: int, key: str, by: str) -> dict[str, Any]:
        """Book a refund, once per ``(by, key)``, of at most what is left of a payment."""
        request = {"payment": payment, "amount": amount}
        with self._db.transaction() as connection:
            result, _ = once(
                connection, self._faults, by, key, "bank.refund", request, lambda: self.give_back(payment, amount, by)
            )
        return result

    def require_refundable(self, payment: str, amount: int) -> None:
        """Raise the Problem that stands against a refund, as far as it can be seen now."""
        self._require_refundable(self.payment_row(payment), amount)

    def give_back(self, payment: str, amount: int, by: str, *, looked: bool = False) -> dict[str, Any]:
        """Check and book one refund in the current transaction and return it; ``looked``: it was checked before."""
        with self._db.transaction() as connection:
            row = self.payment_row(payment)
            if not looked:
                self._require_refundable(row, amount)
            self._return(connection, row, "refund", amount)
            refunded = row["refunded"] + amount
            if self._faults.on("load.refund-race") and refunded > row["amount"]:
                self._faults.hit("load.refund-race")
            state = "refunded" if refunded >= row["amount"] else "confirmed"
            connection.execute("UPDATE payments SET refunded = ?, state = ? WHERE id = ?", (refunded, state, payment))
            identifier = "ref-" + secrets.token_hex(10)
            now = self._clock.text()
            connection.execute("INSERT INTO refunds VALUES (?,?,?,?)", (identifier, payment, amount, now))
            self._audit.append(by, "payments.refund", payment, state, {"amount": amount, "refund": identifier})
        return {
            "id": identifier, "payment": payment, "amount": amount, "currency": row["currency"], "state": "accepted",
            "refunded": refunded, "created": now,
        }  # fmt: skip

    def _require_refundable(self, row: sqlite3.Row, amount: int) -> None:
        if self.state(row) == "cancelled" and not self._faults.on("payments.illegal-transition"):
            raise Problem(409, "illegal-transition", "A cancelled payment cannot be refunded.")
        given_back = 0 if self._faults.on("payments.refunds-not-summed") else row["refunded"]
        if given_back + amount > row["amount"] and not self._faults.on("payments.refund-unbounded"):
            raise Problem(422, "refund-exceeds-payment", "The refund is more than what is left of the payment.")

    def _return(self, connection: sqlite3.Connection, row: sqlite3.Row, kind: str, amount: int) -> None:
        creditor = self.account(row["creditor"])
        if creditor["balance"] < amount and not self._faults.on("payments.refund-unbounded"):
            raise Problem(422, "insufficient-funds", "The creditor's balance is too low.")
        self._book(connection, row["creditor"], row["id"], kind, -amount, row["reference"])
        self._book(connection, row["debtor"], row["id"], kind, amount, row["reference"])

    # -- lists --------------------------------------------------------------------------------------------

    def statement(self, account: str, after: int, limit: int) -> list[sqlite3.Row]:
        """Return up to ``limit`` entries of an account after entry ``after``, oldest first."""
        query = "SELECT * FROM entries WHERE account = ? AND number > ? AND number <= ? ORDER BY number LIMIT ?"
        with self._db.reading() as connection:
            row = connection.execute("SELECT max(number) AS last FROM entries WHERE account = ?", (account,)).fetchone()
            newest = row["last"] or 0
            last = self._replica.visible(account, newest) if self._faults.on("load.statement-behind") else newest
            return connection.execute(query, (account, after, last, limit)).fetchall()

    def payments(self, account: str, after: int, limit: int) -> list[sqlite3.Row]:
        """Return up to ``limit`` payments from or to an account after payment ``after``, oldest first."""
        query = (
            "SELECT * FROM payments WHERE (debtor = :account OR creditor = :account) AND number > :after"
            " ORDER BY number LIMIT :limit"
        )
        with self._db.reading() as connection:
            return connection.execute(query, {"account": account, "after": after, "limit": limit}).fetchall()


def new_identifier() -> str:
    """Return an identifier for a payment."""
    return "pay-" + secrets.token_hex(10)


def entry(row: Mapping[str, Any] | sqlite3.Row) -> dict[str, Any]:
    """Return a statement entry as it is shown."""
    members = ("payment", "kind", "amount", "currency", "balance_after", "reference", "at")
    return {"id": f"ent-{row['number']}"} | {name: row[name] for name in members}
