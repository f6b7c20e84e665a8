"""Proof of a mapping's money: a small payment between two accounts, read back, listed and refunded."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.candidate.doctor import Row, all_mapped, judged
from conformance.model.candidate import Effect
from conformance.sdk.answers import Accepted, Answer
from conformance.sdk.candidate import Account, Candidate
from conformance.sdk.findings import Undecided

#: Minor units that move, and those that are given back.
AMOUNT, REFUND = 101, 1


def prove(candidate: Candidate) -> tuple[list[Row], dict[str, Any]]:
    """Make one small payment and read it back; returns a row for each step, and what was made as examples.

    Nothing is made where the scope forbids money.
    """
    ceiling = candidate.file.scope.ceiling()
    if not Effect.MONEY.within(ceiling):
        return [Row("payments.create", "not called", f"[scope] allows at most {ceiling}: no money was moved")], {}
    proof = _Proof(candidate)
    return proof.rows(), proof.made


class _Proof:
    """One payment, from two accounts to its refund; it ends where a step is not understood."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._rows: list[Row] = []
        self._currency = _currency(candidate)
        self.made: dict[str, Any] = {}

    def rows(self) -> list[Row]:
        debtor = self._account(1_000_00, self._candidate)
        creditor = self._account(0, self._candidate) if debtor else None
        if debtor is None or creditor is None:
            return self._rows
        self.made["account"] = debtor.id
        before = self._balance(debtor)
        payment = self._ask(
            "payments.create",
            Effect.MONEY,
            debtor=debtor.id,
            creditor=creditor.id,
            amount=AMOUNT,
            currency=self._currency,
            reference="conformance doctor",
            idempotency_key=f"doctor-{secrets.token_hex(8)}",
        )
        if payment is None:
            return self._rows
        self._follow(payment, debtor, before)
        return self._rows

    def _follow(self, payment: Mapping[str, Any], debtor: Account, before: int | None) -> None:
        identifier = payment.get("id")
        self.made["payment"] = identifier
        self._compare(payment, "payments.create")
        read = self._ask("payments.read", Effect.READ, payment=identifier) or {}
        self._compare(read, "payments.read")
        listed = self._ask("payments.list", Effect.READ, account=debtor.id)
        if listed is not None and identifier not in [str(item.get("id")) for item in listed.get("items", ())]:
            self._doubt(
                "payments.list", f"payment {identifier} is not on the first page: is `items` right, is it filtered?"
            )
        after = self._balance(debtor)
        if before is not None and after is not None and before - after != AMOUNT:
            said = f"the debtor's balance went from {before} to {after}; {AMOUNT} minor units were paid"
            self._doubt("accounts.balance", f"{said}: are amount and balance converted alike, or was there a fee?")
        self._ask(
            "payments.refund", Effect.MONEY, payment=identifier, amount=REFUND, idempotency_key=secrets.token_hex(8)
        )

    def _account(self, balance: int, candidate: Candidate) -> Account | None:
        if candidate.offers("accounts.open"):
            return self._opened(balance, candidate)
        try:
            return candidate.account(balance=balance, currency=self._currency)
        except Undecided as undecided:
            advice = "map accounts.open, or prepare two accounts of the first user under [[pool]], one with money"
            self._rows.append(Row("accounts.open", "broken", undecided.reason, hints=(advice,)))
            return None

    def _opened(self, balance: int, candidate: Candidate) -> Account | None:
        """Open an account; what goes wrong is shown as that of any other operation is."""
        owner, rows = candidate.user or "", len(self._rows)
        value = self._ask("accounts.open", Effect.WRITE, owner=owner, currency=self._currency, balance=balance)
        if value is None:
            return None
        del self._rows[rows:]
        return Account(str(value.get("id")), self._currency, owner, balance)

    def _balance(self, account: Account) -> int | None:
        try:
            return self._candidate.balance(account) if self._candidate.offers("accounts.balance") else None
        except Undecided as undecided:
            self._rows.append(Row("accounts.balance", "broken", undecided.reason))
            return None

    def _ask(self, name: str, effect: Effect, /, **arguments: Any) -> Mapping[str, Any] | None:
        if not self._candidate.offers(name):
            return None
        try:
            answer: Answer | Undecided = self._candidate.call(name, **arguments)
        except Undecided as undecided:
            answer = undecided
        self._rows.append(judged(name, answer, effect, mapped=all_mapped(self._candidate)))
        return answer.value if isinstance(answer, Accepted) else None

    def _compare(self, value: Mapping[str, Any], name: str) -> None:
        found = value.get("amount")
        if type(found) is not int or found == AMOUNT:
            return
        factor = f", {found / AMOUNT:g} times as much" if found else ""
        if found == -AMOUNT:
            self._doubt(name, "the amount comes with a minus sign: absolute = true beside its `as`")
            return
        self._doubt(
            name, f"{AMOUNT} minor units were asked for and {found} are answered{factor}: look at `as` of amount"
        )

    def _doubt(self, name: str, advice: str) -> None:
        """Mark what was understood, but cannot be right."""
        index = max((n for n, row in enumerate(self._rows) if row.operation == name), default=-1)
        if index < 0:
            self._rows.append(Row(name, "broken", "understood, but not as it should be", hints=(advice,)))
            return
        row = self._rows[index]
        detail = f"{row.detail}, but not as it should be"
        self._rows[index] = replace(row, state="broken", detail=detail, hints=(advice,))


def _currency(candidate: Candidate) -> str:
    """Return the currency that checks pay in: the mapping's, else that of the first prepared account, else CNY."""
    pooled = next((str(item["currency"]) for item in candidate.file.pool if item.get("currency")), "CNY")
    return str(candidate.file.mapping.get("currency") or pooled)
