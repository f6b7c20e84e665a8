"""Accounts whose keys the test environment keeps itself, for those who load the ledger and know nothing of its form."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from conformance.sdk import Problem
from conformance_ledger.reference import sm
from conformance_ledger.reference.state import account_id
from conformance_ledger.reference.transactions import FIELDS, Transaction

_VALIDITY = 1_000_000


class Custody:
    """Keys by account. ``now_ms`` reads the product's clock."""

    def __init__(self, chain: str, now_ms: Callable[[], int]) -> None:
        self._chain = chain
        self._now_ms = now_ms
        self._keys: dict[str, bytes] = {}

    def new_key(self) -> str:
        """Make a key, keep it, and return its public part as hexadecimal text."""
        private = sm.private_key(secrets.token_bytes(32))
        public = sm.public_key(private).hex()
        self._keys[account_id(public)] = private
        return public

    def transfer(self, arguments: Mapping[str, Any], height: int) -> dict[str, Any]:
        """Return a signed transfer from an account kept here, not sent; raises Problem(422) for any other account."""
        private = self._keys.get(str(arguments.get("from", "")))
        if private is None:
            raise Problem(422, "unknown-account", "`from` must be an account whose key is kept here")
        public = sm.public_key(private).hex()
        values = dict(zip(FIELDS, (self._chain, "settlement", "transfer"), strict=False)) | {
            "from": account_id(public),
            "to": str(arguments["to"]),
            "amount": int(arguments["amount"]),
            "nonce": int(arguments["nonce"]),
            "time": self._now_ms(),
            "valid_until": height + _VALIDITY,
            "public_key": public,
            "data": "",
        }
        signature = sm.sign(private, Transaction(values, "").signing_bytes).hex()
        return {"transaction": {**values, "signature": signature}}
