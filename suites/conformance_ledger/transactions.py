"""Transactions that checks send: made and signed here, with the harness's own keys, or by the test environment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.sdk import Candidate, NotTested
from conformance_ledger.oracle import HashProfile, NeutralProfile
from conformance_ledger.oracle.signatures import KeyPair, new_key

#: How many blocks a transaction stays valid unless a check says otherwise.
VALIDITY_BLOCKS = 1_000


@dataclass(frozen=True, slots=True)
class Signed:
    """A finished transaction. ``id`` is computed here, never taken from the product."""

    id: str
    transaction: Any
    payload: Mapping[str, Any] | None = None

    def with_signature(self, signature: bytes) -> Signed:
        """Return the same transaction under another signature."""
        return replace(self, transaction={**self.transaction, "signature": signature.hex()})

    @property
    def signature(self) -> bytes:
        """The signature it carries."""
        return bytes.fromhex(self.transaction["signature"])


@dataclass(slots=True)
class Payer:
    """An account on the ledger that the check may spend from; ``nonce`` is the next number it will use."""

    account: str
    key: KeyPair | None
    nonce: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


class Maker:
    """Makes transactions in the product's form."""

    def __init__(self, candidate: Candidate, declared: Mapping[str, Any], profile: HashProfile) -> None:
        self._candidate = candidate
        self._declared = declared
        self._profile = profile

    def enrol(self, balance: int, role: str) -> tuple[Payer, str]:
        """Have the test environment register an account; return it and the transaction that does so, if one does."""
        if isinstance(self._profile, NeutralProfile):
            key = new_key(str(self._declared["algorithms"]["transaction"]))
            answer = self._candidate.hook("ledger_account", public_key=key.public, balance=balance, role=role)
            return Payer(str(answer["account"]), key), str(answer.get("transaction", ""))
        answer = self._candidate.hook("ledger_account", balance=balance, role=role)
        return Payer(str(answer["account"]), None, int(answer.get("nonce", 0)), answer), ""

    def make(self, payer: Payer, height: int, changes: Mapping[str, Any]) -> Signed:
        """Return a transaction of ``payer`` with the next nonce, ``changes`` applied before signing."""
        values = {"nonce": payer.nonce, **changes}
        if "nonce" not in changes:
            payer.nonce += 1
        if isinstance(self._profile, NeutralProfile):
            return self._neutral(self._profile, payer, height, values)
        return self._foreign(payer, values)

    def _neutral(self, profile: NeutralProfile, payer: Payer, height: int, changes: Mapping[str, Any]) -> Signed:
        if payer.key is None:
            raise NotTested("this account's key is not the harness's own", blame="CONFIG")
        values = {
            "chain": self._declared["chain"],
            "group": "settlement",
            "kind": "transfer",
            "from": payer.account,
            "to": payer.account,
            "amount": 0,
            "time": int(time.time() * 1000),
            "valid_until": height + VALIDITY_BLOCKS,
            "public_key": payer.key.public,
            "data": "",
            **{name: value for name, value in changes.items() if name != "payload"},
        }
        signature = payer.key.sign(profile.encoded("transaction", values)).hex()
        return Signed(profile.transaction_id(values), {**values, "signature": signature}, changes.get("payload"))

    def _foreign(self, payer: Payer, changes: Mapping[str, Any]) -> Signed:
        unknown = set(changes) - {"to", "amount", "nonce", "chain"}
        if unknown:
            raise NotTested(f"the test environment's signer knows nothing of {', '.join(sorted(unknown))}")
        answer = self._candidate.hook("ledger_transaction", **{"from": payer.account, **changes})
        raw = {"raw": str(answer["transaction"])}
        return Signed(self._profile.transaction_id(raw), raw["raw"])
