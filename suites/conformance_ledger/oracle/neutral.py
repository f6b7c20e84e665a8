"""The neutral encoding: tag and values, each with four bytes of length, hashed as the candidate file declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance_ledger.oracle import merkle
from conformance_ledger.oracle.digests import digest_of
from conformance_ledger.oracle.profile import Value
from conformance_ledger.oracle.signatures import verifies

NO_PARENT = "0" * 64


class NeutralProfile:
    """Implements :class:`conformance_ledger.oracle.profile.HashProfile` from ``declared.ledger``."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._profile: Mapping[str, Any] = declared["hash_profile"]
        self._algorithms: Mapping[str, str] = declared["algorithms"]
        self._chain = str(declared["chain"])
        self.digest = digest_of(str(self._profile["algorithm"]))

    def encoded(self, what: str, value: Value, order: Sequence[str] | None = None) -> bytes:
        """Return the encoding of the declared fields of ``what`` ("header", "transaction" …)."""
        names = order if order is not None else self._profile[what]
        return length_prefixed(self._profile[f"{what}_tag"], (value[name] for name in names))

    def header_hash(self, block: Value) -> str:
        """Return the digest of the header."""
        return self.digest(self.encoded("header", block["header"])).hex()

    def stated_parent(self, block: Value) -> str:
        """Return the header's parent, "" for the first block."""
        parent = str(block["header"]["parent"])
        return "" if parent == NO_PARENT else parent

    def transactions_root(self, block: Value) -> str:
        """Return the root over the transactions' leaves."""
        leaves = [self.encoded("leaf", item) for item in block["transactions"]]
        return merkle.root_of(self.digest, leaves).hex()

    def stated_transactions_root(self, block: Value) -> str:
        """Return the header's transaction root."""
        return str(block["header"]["transactions_root"])

    def stated_state_root(self, block: Value) -> str:
        """Return the header's state root: the state after this block."""
        return str(block["header"]["state_root"])

    def time_ms(self, block: Value) -> int:
        """Return the header's time."""
        return int(block["header"]["time"])

    def transaction_id(self, transaction: Value) -> str:
        """Return the digest of what the sender signs."""
        return self.digest(self.encoded("transaction", transaction)).hex()

    def proof_leads_to(self, transaction: Value, proof: Value, root: str) -> bool:
        """Tell whether the path of ``proof`` leads from the transaction's leaf to ``root``."""
        return self._path(self.encoded("leaf", transaction), proof, root)

    def state_leads_to(self, key: str, value: Sequence[Any], proof: Value, root: str) -> bool:
        """Tell whether a state proof leads from key and value to ``root``."""
        return self._path(length_prefixed(self._profile["state_tag"], [key, *value]), proof, root)

    def state_value(self, value: Sequence[Any]) -> dict[str, Any]:
        """Return a state entry's values by their declared names."""
        return dict(zip(self._profile["state"], value, strict=False))

    def vote_valid(self, vote: Value, commit: Value, validator: Value) -> bool:
        """Tell whether the validator signed for the commit's block in the vote's round."""
        facts = {**vote, "chain": self._chain, "height": commit["height"]}
        if vote["block"] != commit["block"]:
            return False
        message = self.encoded("vote", facts)
        public, signature = bytes.fromhex(validator["public_key"]), bytes.fromhex(vote["signature"])
        return verifies(self._algorithms["commit"], public, message, signature)

    def receipt_bytes(self, receipt: Value) -> bytes:
        """Return what a node signs when it gives a receipt."""
        return self.encoded("receipt", receipt)

    def _path(self, leaf: bytes, proof: Value, root: str) -> bool:
        return merkle.path_leads_to(
            self.digest,
            leaf=leaf,
            index=int(proof["index"]),
            size=int(proof["size"]),
            path=[bytes.fromhex(item) for item in proof["path"]],
            root=bytes.fromhex(root),
        )


def length_prefixed(tag: str, values: Iterable[Any]) -> bytes:
    """Return tag and values as UTF-8, each after its length in four bytes."""
    texts = [tag.encode(), *(str(value).encode() for value in values)]
    return b"".join(len(text).to_bytes(4) + text for text in texts)
