"""A bank in memory that checks can be run against: sound by itself, and as odd as a test makes it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from conformance.model.candidate import CandidateFile
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Exchange,
    Params,
    Pool,
    Prepared,
    Refused,
)
from conformance_security import SUITE

CRASH = Broken("server-error", "HTTP 500", Exchange(0, 500))
BUSY = Broken("throttled", "HTTP 429", Exchange(0, 429))
SILENCE = Broken("timeout", "no answer", Exchange(0))
PARAMS = Params({**SUITE.parameters, "race_rounds": 3})

#: What a test puts in the place of the bank's own answer; None leaves it.
Instead = Callable[[Prepared, dict[str, Any]], Answer | None]


@dataclass
class Bank:
    """Answers operations of the neutral contract from books in memory.

    ``decimals``: amounts are JSON numbers of major units. ``references``: payments carry one. ``instead`` may answer
    first; it sees the request and its parsed body.
    """

    offered: frozenset[str] = frozenset({"accounts.open", "accounts.read", "accounts.balance", "payments.create"})
    decimals: bool = False
    references: bool = True
    instead: Instead = lambda prepared, body: None
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Prepared] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    # -- what a driver is -----------------------------------------------------------------------------------------

    def operations(self) -> frozenset[str]:
        return self.offered

    def endpoints(self) -> tuple[str, ...]:
        return ()

    def perform(self, prepared: Prepared) -> Answer:
        self.asked.append(prepared)
        sent = self._bytes(prepared)
        try:
            body = json.loads(sent, parse_float=Decimal) if sent else {}
        except ValueError:  # UnicodeDecodeError is one
            return self.no(400, "invalid-json", sent)
        answer = self.instead(prepared, body)
        if answer is None:
            answer = getattr(self, prepared.operation.replace(".", "_"))(prepared, body, sent)
        return answer  # type: ignore[no-any-return]

    def _bytes(self, prepared: Prepared) -> bytes:
        if not prepared.operation.endswith(("create", "open", "grant", "subscribe", "begin", "confirm")):
            return b""
        hidden = ("idempotency_key", *(() if self.references else ("reference",)))
        members = {name: value for name, value in prepared.arguments.items() if name not in hidden}
        for edit in prepared.edits:
            if edit.kind == "body":
                return bytes(edit.value)
            if edit.kind in ("add", "set"):
                members[edit.name] = edit.value
        if self.decimals and isinstance(members.get("amount"), int):
            return json.dumps({**members, "amount": "@"}).replace('"@"', f"{members['amount'] / 100:.2f}").encode()
        return json.dumps(members).encode()

    # -- answers --------------------------------------------------------------------------------------------------

    def yes(self, value: dict[str, Any], sent: bytes = b"", status: int = 200, shown: Any = None) -> Accepted:
        body = json.dumps(value if shown is None else shown, default=str).encode()
        headers = {"Content-Type": "application/json"}
        return Accepted(value, Exchange(0, status, body=body, request_headers=headers, request_body=sent))

    def no(self, status: int, code: str, sent: bytes = b"") -> Refused:
        return Refused(code, Exchange(0, status, request_body=sent), {"code": code})

    def _own(self, prepared: Prepared) -> dict[str, Any] | None:
        found = self.accounts.get(str(self.argument(prepared, "account")))
        return found if found is not None and found["owner"] == prepared.user else None

    def argument(self, prepared: Prepared, name: str) -> Any:
        edited = [edit.value for edit in prepared.edits if edit.kind == "set" and edit.name == name]
        return edited[-1] if edited else prepared.arguments.get(name)

    # -- operations -----------------------------------------------------------------------------------------------

    def accounts_open(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        known = ("owner", "currency", "balance", "daily_limit")
        if set(body) - set(known):
            return self.no(400, "unknown-member", sent)
        identifier = f"acc-{next(self._numbers):016x}"
        self.accounts[identifier] = {"id": identifier, "status": "open", **body}
        return self.yes(dict(self.accounts[identifier]), sent, 201)

    def accounts_read(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        account = self._own(prepared)
        return self.yes(dict(account)) if account else self.no(404, "not-found")

    def accounts_balance(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        account = self._own(prepared)
        return self.yes({"available": account["balance"]}) if account else self.no(404, "not-found")

    def payments_create(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        known = {"debtor", "creditor", "amount", "currency", "reference", "factor"}
        amount = self.amount(body.get("amount"))
        if set(body) - known or amount is None or body.get("currency") != "CNY":
            return self.no(400, "invalid", sent)
        return self.pay(prepared, body, amount, sent)

    def amount(self, value: Any) -> int | None:
        if self.decimals:
            fits = isinstance(value, Decimal) and 0 < value < 10**15 and value == value.quantize(Decimal("0.01"))
            return int(value * 100) if fits else None
        return value if type(value) is int and value > 0 else None

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        debtor, creditor = (self.accounts.get(str(body.get(side))) for side in ("debtor", "creditor"))
        if debtor is None or creditor is None or debtor["owner"] != prepared.user:
            return self.no(404, "not-found", sent)
        if debtor["balance"] < amount:
            return self.no(422, "insufficient-funds", sent)
        debtor["balance"] -= amount
        creditor["balance"] += amount
        made = {**body, "id": f"pay-{next(self._numbers)}", "state": "accepted", "amount": amount}
        self.payments.append(made)
        return self.yes(dict(made), sent, 201)

    def payments_list(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        account = self._own(prepared)
        if account is None:
            return self.no(404, "not-found")
        shown = [made for made in self.payments if account["id"] in (made["debtor"], made["creditor"])]
        return self.yes({"items": shown, "next": None})

    def payments_read(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        made = next((item for item in self.payments if item["id"] == prepared.arguments["payment"]), None)
        owners = {self.accounts[made[side]]["owner"] for side in ("debtor", "creditor")} if made else set()
        return self.yes(dict(made)) if made and prepared.user in owners else self.no(404, "not-found")


def candidate_of(bank: Bank, user: str = "alice", **declared: Any) -> Candidate:
    """Return the bank as a candidate with some users; ``declared`` stands under ``[declared.security]``."""
    users: dict[str, Any] = {name: {"scheme": "none"} for name in ("alice", "bob", "signer", "regulator", "auditor")}
    file = CandidateFile(
        "x", "1", "https://127.0.0.1:1", users=users, declared={"security": declared}, path=Path("candidate.toml")
    )
    driver: Any = bank
    return Candidate(driver, file, Pool(()), lambda name, arguments: {}, user)


def evidence() -> Evidence:
    """Return evidence of a run of its own."""
    return Evidence("run", "SEC-X")
