"""Faults that show under load only: each strikes payments whose reference begins with ``load``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from conformance.reference.board import Board
from conformance.reference.idempotency import recall
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost
    from conformance.reference.payments import Order

#: What the slow faults add, in seconds: load.slow to some payments, load.slow-all to every one.
_SLOW_S = 4.0
_SLOW_ALL_S = 1.3
#: Fault load.no-recovery: after so many payments every one takes this long.
_TIRED_AFTER = 60
_TIRED_S = 0.9
#: Fault load.statement-reordered: after this time a booking is surely known to who paid.
_CONFIRMED_AFTER = timedelta(seconds=0.1)
#: Fault load.wrong-rounding: minor units in what the booking rounds to.
_UNIT = 100


def delay_s(faults: Board, reference: str) -> float:
    """Return how long a payment is held up."""
    if faults.strikes("load.slow", reference):
        return _SLOW_S
    if not reference.startswith("load"):
        return 0.0
    if faults.on("load.slow-all"):
        return _SLOW_ALL_S
    return _TIRED_S if faults.tired("load.no-recovery", _TIRED_AFTER) else 0.0


def forgets_key(faults: Board, connection: sqlite3.Connection, order: Order) -> bool:
    """Tell whether a payment is made anew whatever its key; raises Problem where a known key is refused, or fails."""
    if not order.reference.startswith("load"):
        return False
    if faults.on("load.replay-refused") and recall(connection, order.by, order.key) is not None:
        raise Problem(409, "duplicate", "The idempotency key was used before.")
    if faults.on("load.replay-failed") and recall(connection, order.by, order.key) is not None:
        raise Problem(500, "internal", "The stored answer cannot be read.")
    return faults.on("load.replay-doubled")


def listed(faults: Board, rows: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
    """Return the payments that a list shows: where repeating a request says nothing, the list says nothing either."""
    hidden = faults.on("load.replay-refused")
    return [row for row in rows if not (hidden and str(row["reference"]).startswith("load"))]


def fail(faults: Board, reference: str) -> None:
    """Raise the Problem that takes the place of a booking, if this payment is struck."""
    if faults.strikes("load.errors", reference):
        raise Problem(503, "overloaded", "The service is overloaded.")
    if faults.strikes("load.refused", reference):
        raise Problem(422, "busy", "The account is busy.")


def booked_amount(faults: Board, order: Order) -> int:
    """Return the amount that a payment is booked with: that of the order, unless a fault strikes."""
    if faults.strikes("load.wrong-amount", order.reference):
        return order.amount + 1
    if faults.marks("load.wrong-rounding", order.reference) and order.amount % _UNIT:
        faults.hit("load.wrong-rounding")
        return max(1, order.amount // _UNIT) * _UNIT
    return order.amount


def halves(faults: Board, reference: str, delay_ms: int) -> bool:
    """Tell whether a payment loses its credit: every tenth, or every tenth that takes too long on a slow disk."""
    if delay_ms and faults.strikes("load.corrupt-when-slow", reference):
        return True
    return faults.strikes("load.half-booked", reference)


def drop_credit(connection: sqlite3.Connection, order: Order, payment: str) -> None:
    """Undo the creditor's leg of a payment that was just booked."""
    connection.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (order.amount, order.creditor))
    connection.execute("DELETE FROM entries WHERE payment = ? AND account = ?", (payment, order.creditor))


def count_lost_update(host: ReferenceHost, order: Order, seen: int) -> None:
    """Fault load.lost-update: count a balance that is overwritten although it has moved."""
    if host.faults.on("load.lost-update") and host.bank.balance(order.debtor) != seen:
        host.faults.hit("load.lost-update")


def count_forgotten(faults: Board, connection: sqlite3.Connection, order: Order) -> None:
    """Fault load.keys-lost-on-crash: count a payment that is booked although it was before."""
    if not faults.on("load.keys-lost-on-crash"):
        return
    query = "SELECT 1 FROM payments WHERE reference = ? AND debtor = ?"
    if connection.execute(query, (order.reference, order.debtor)).fetchone():
        faults.hit("load.keys-lost-on-crash")


class Replica:
    """Fault load.statement-behind: a copy of the statements that catches up only after it was read."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def visible(self, account: str, newest: int) -> int:
        """Return the last entry of an account that this reading shows; the next one shows ``newest``."""
        shown = self._shown.get(account, newest)
        self._shown[account] = newest
        return shown


class Latecomers:
    """Fault load.statement-reordered: every tenth entry is left out of the first reading that should show it.

    It shows in the next one, in its place: before entries that were shown in the meantime.
    """

    def __init__(self) -> None:
        #: Entries by number and time: numbers begin anew when the bank is reset.
        self._seen: set[tuple[int, str]] = set()

    def shown(self, faults: Board, rows: Sequence[sqlite3.Row], now: datetime) -> list[sqlite3.Row]:
        """Return the entries of a page that this reading shows."""
        if not faults.on("load.statement-reordered"):
            return list(rows)
        return [row for row in rows if not self._late(faults, row, now)]

    def _late(self, faults: Board, row: sqlite3.Row, now: datetime) -> bool:
        entry = row["number"], row["at"]
        if entry in self._seen:
            return False
        self._seen.add(entry)
        # Who paid must have read the confirmation before this reading began: else nothing is amiss.
        confirmed = now - datetime.fromisoformat(row["at"]) > _CONFIRMED_AFTER
        return confirmed and faults.strikes("load.statement-reordered", row["reference"])
