"""Faults that show when the bank is disturbed: killed, paused, cut off while it answers, or on a slow disk.

A sound bank does none of this: what it has answered is on disk, and nothing is done again by itself. The faults strike
payments whose reference begins with ``load``; what each has done is counted, in counts that no kill takes back.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from conformance.reference.board import instant
from conformance.reference.debts import Debts

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost
    from conformance.reference.payments import Order

#: How many of the newest payments a disturbance hits.
HIT = 10
#: Fault load.lost-on-crash: payments younger than this may not have been answered yet, and are left alone.
_ANSWERED = timedelta(milliseconds=300)
#: Faults of cut connections: how long the bank looks whether its client is still there, in seconds.
_LOOK_S = 0.03
#: What every payment takes longer once the bank is lame, in seconds.
_LAME_S = 0.9
#: The bank lives; found at its birth, the last life ended in a crash.
_ALIVE = "alive"

#: Faults that leave every payment slow, by what the bank has gone through.
_LAMING = {"crash": "load.cold-start", "pause": "load.no-resume", "slow-disk": "load.no-heal"}
#: Payments of a load, newest first.
_NEWEST = "SELECT * FROM payments WHERE reference LIKE 'load%' ORDER BY number DESC LIMIT ?"


class Mishaps:
    """What goes wrong in this bank's life, if a fault is on."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host
        self._lame = False
        self.debts = Debts(host)

    # -- life ---------------------------------------------------------------------------------------------

    def born(self, *, again: bool) -> None:
        """Begin a life, the first or one more; after a crash, do what the faults do then."""
        counts = self._host.faults.counts
        if again and counts.get(_ALIVE):
            self._crashed()
        counts.set(_ALIVE, 1)

    async def stopping(self) -> None:
        """End a life in order: nothing stays owed."""
        await self.debts.close()
        self._host.faults.counts.set(_ALIVE, 0)

    def reset(self) -> None:
        """Forget what happened."""
        self.debts.forget()
        self._lame = False
        self._host.faults.counts.set(_ALIVE, 1)

    def resumed(self) -> None:
        """Go on after a pause."""
        self._limp("pause")
        if self._host.faults.on("load.doubled-on-resume"):
            self._twice("load.doubled-on-resume")

    def disk_changed(self, delay_ms: int) -> None:
        """Hear that commits now take so much longer."""
        if not delay_ms:
            self._limp("slow-disk")

    def lame_s(self, reference: str) -> float:
        """Return what a payment takes longer now, in seconds."""
        return _LAME_S if self._lame and reference.startswith("load") else 0.0

    def _limp(self, after: str) -> None:
        self._lame = self._lame or self._host.faults.on(_LAMING[after])

    def _crashed(self) -> None:
        on = self._host.faults.on
        self.debts.crashed()
        self._limp("crash")
        if on("load.doubled-on-restart"):
            self._twice("load.doubled-on-restart")
        if on("load.lost-on-crash"):
            self._lose()
        if on("load.half-on-crash"):
            self._halve()
        if on("load.keys-lost-on-crash"):
            with self._host.db.transaction() as connection:
                connection.execute("DELETE FROM keys")

    # -- what a crash or a pause does to payments that were booked ----------------------------------------

    def _twice(self, fault: str) -> None:
        """Book the newest payments again, as a replayed input log would."""
        with self._host.db.transaction() as connection:
            for row in connection.execute(_NEWEST, (HIT,)).fetchall():
                self._host.bank.book(
                    row["debtor"], row["creditor"], row["amount"], row["currency"], row["by"], row["reference"]
                )
                self._host.faults.hit(fault)

    def _lose(self) -> None:
        """Undo the newest payments that have been answered for certain, as a cache that was never written would."""
        with self._host.db.transaction() as connection:
            newest = connection.execute(_NEWEST, (1,)).fetchone()
            if newest is None:
                return
            before = instant(self._host.clock.parse(newest["created"]) - _ANSWERED)
            query = "SELECT * FROM payments WHERE reference LIKE 'load%' AND created < ? ORDER BY number DESC LIMIT ?"
            for row in connection.execute(query, (before, HIT)).fetchall():
                for entry in connection.execute("SELECT * FROM entries WHERE payment = ?", (row["id"],)).fetchall():
                    undo_entry(connection, entry)
                connection.execute("DELETE FROM payments WHERE id = ?", (row["id"],))
                connection.execute("DELETE FROM keys WHERE json_extract(response, '$.id') = ?", (row["id"],))
                self._host.faults.hit("load.lost-on-crash")

    def _halve(self) -> None:
        """Undo the credits of the newest payments, as if the crash had come between two transactions."""
        query = "SELECT * FROM entries WHERE payment = ? AND amount > 0"
        with self._host.db.transaction() as connection:
            for row in connection.execute(_NEWEST, (HIT,)).fetchall():
                for entry in connection.execute(query, (row["id"],)).fetchall():
                    undo_entry(connection, entry)
                    self._host.faults.hit("load.half-on-crash")

    # -- connections that were cut ------------------------------------------------------------------------

    async def after_answer(
        self, request: Request, order: Order, result: dict[str, Any], again: Callable[[sqlite3.Connection], Any]
    ) -> None:
        """Faults of cut connections: do something to a payment whose client has gone while it was answered."""
        doubled, stuck = (self._host.faults.on(f"load.reset-{what}") for what in ("doubled", "stuck"))
        if not (doubled or stuck) or not order.reference.startswith("load"):
            return
        await asyncio.sleep(_LOOK_S)
        if not await request.is_disconnected():
            return
        if doubled:
            await self._host.db.write(again)
            self._host.faults.hit("load.reset-doubled")
        if stuck:
            await self._host.db.write(lambda connection: self._leave_pending(connection, result["id"]))
            self._host.faults.hit("load.reset-stuck")

    def _leave_pending(self, connection: sqlite3.Connection, payment: str) -> None:
        """Say of a payment that was booked that it is pending, whoever asks."""
        connection.execute("UPDATE payments SET state = 'pending' WHERE id = ?", (payment,))
        connection.execute(
            "UPDATE keys SET response = json_set(response, '$.state', 'pending')"
            " WHERE json_extract(response, '$.id') = ?",
            (payment,),
        )


def undo_entry(connection: sqlite3.Connection, entry: sqlite3.Row) -> None:
    """Take an entry out of a statement as if it had never been there."""
    connection.execute(
        "UPDATE entries SET balance_after = balance_after - ? WHERE account = ? AND number > ?",
        (entry["amount"], entry["account"], entry["number"]),
    )
    connection.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (entry["amount"], entry["account"]))
    connection.execute("DELETE FROM entries WHERE number = ?", (entry["number"],))
