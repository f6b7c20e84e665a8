"""Fault load.ack-before-commit: payments that are answered now and booked later, which a crash takes with it."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.reference.idempotency import fingerprint, recall, remember

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost
    from conformance.reference.payments import Order

FAULT = "load.ack-before-commit"
#: How long after its answer a payment is booked, in seconds.
_LATER_S = 1.0
#: Payments that were answered and are not booked yet.
_OWED = f"{FAULT}/owed"


@dataclass(frozen=True, slots=True)
class _Debt:
    """A payment that was answered and is not booked yet."""

    order: Order
    answer: dict[str, Any]


class Debts:
    """What the bank owes its books. Whoever reads them sees them complete: only a crash shows the difference."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host
        self._owed: dict[tuple[str, str], _Debt] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._closed = False

    def crashed(self) -> None:
        """Count what the last life took with it."""
        counts = self._host.faults.counts
        self._host.faults.hit(FAULT, counts.get(_OWED))
        counts.set(_OWED, 0)

    def forget(self) -> None:
        """Owe nothing any more."""
        for task in self._waiting:
            task.cancel()
        self._owed.clear()
        self._host.faults.counts.set(_OWED, 0)

    def answer(self, order: Order) -> tuple[dict[str, Any], bool] | None:
        """Return the answer of a payment that is booked later, and whether it was given before; else None."""
        faults = self._host.faults
        if self._closed or not faults.on(FAULT) or not order.reference.startswith("load"):
            return None
        if (order.by, order.key) in self._owed:
            return self._owed[order.by, order.key].answer, True
        with self._host.db.reading() as connection:
            known = recall(connection, order.by, order.key) is not None
        covered = self._host.bank.balance(order.debtor) >= order.amount
        if known or not covered or not faults.marks(FAULT, order.reference):
            return None
        return self._owe(order), False

    def _owe(self, order: Order) -> dict[str, Any]:
        bank, key = self._host.bank, (order.by, order.key)
        answer = bank.promise(order.debtor, order.creditor, order.amount, order.currency, order.reference)
        self._owed[key] = _Debt(order, answer)
        self._host.faults.counts.add(_OWED)
        task = asyncio.create_task(self._pay_later(key))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return answer

    async def close(self) -> None:
        """Take on no more, and book everything that is owed."""
        self._closed = True
        await self.settle()

    async def settle(self) -> None:
        """Book everything that is owed."""
        for key in list(self._owed):
            await self._pay(key)

    async def _pay_later(self, key: tuple[str, str]) -> None:
        await asyncio.sleep(_LATER_S)
        await self._pay(key)

    async def _pay(self, key: tuple[str, str]) -> None:
        debt = self._owed.get(key)
        if debt is None:
            return
        order, answer = debt.order, debt.answer

        def job(connection: sqlite3.Connection) -> None:
            if self._owed.get(key) is not debt:
                return  # somebody else has paid it meanwhile
            self._host.bank.book(
                order.debtor, order.creditor, order.amount, order.currency, order.by, order.reference,
                identifier=answer["id"],
            )  # fmt: skip
            remember(connection, order.by, order.key, fingerprint("payments.create", order.body), answer)
            del self._owed[key]

        await self._host.db.write(job)
        if key not in self._owed:
            self._host.faults.counts.set(_OWED, len(self._owed))
