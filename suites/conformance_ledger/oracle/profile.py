"""What a check must be able to recompute about a ledger, whatever its encoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Value = Mapping[str, Any]


class HashProfile(Protocol):
    """A ledger's encodings: blocks, transactions, votes. Every digest is hexadecimal in lower case.

    Methods take canonical values of the neutral contract; a value that lacks something raises KeyError or ValueError,
    which :mod:`conformance_ledger.view` turns into a finding about the product.
    """

    def header_hash(self, block: Value) -> str:
        """Return the block hash, recomputed from the header's fields."""
        ...

    def stated_parent(self, block: Value) -> str:
        """Return the parent hash that the header states, "" for a first block without one."""
        ...

    def transactions_root(self, block: Value) -> str:
        """Return the transaction root, recomputed from the raw transactions."""
        ...

    def stated_transactions_root(self, block: Value) -> str:
        """Return the transaction root that the header states."""
        ...

    def stated_state_root(self, block: Value) -> str:
        """Return the state root that the header states."""
        ...

    def time_ms(self, block: Value) -> int:
        """Return the block's time in milliseconds since the epoch."""
        ...

    def transaction_id(self, transaction: Value) -> str:
        """Return a transaction's identifier, recomputed from its content."""
        ...

    def proof_leads_to(self, transaction: Value, proof: Value, root: str) -> bool:
        """Tell whether an inclusion proof leads from this transaction to this root."""
        ...

    def vote_valid(self, vote: Value, commit: Value, validator: Value) -> bool:
        """Tell whether a vote in a commit is a valid signature of this validator on this block."""
        ...


def power_of(validator: Value) -> int:
    """Return a validator's voting power, 1 where the ledger counts heads."""
    return int(validator.get("power", 1))
