"""CometBFT's encodings (its specification's ``core/encoding`` and ``core/data_structures``): headers, data, votes.

Headers are Merkle trees over their protobuf-encoded fields; votes are signed as length-delimited CanonicalVote.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from conformance_ledger.oracle import merkle
from conformance_ledger.oracle import protobuf as pb
from conformance_ledger.oracle.digests import digest_of
from conformance_ledger.oracle.profile import Value, power_of
from conformance_ledger.oracle.signatures import verifies

sha256 = digest_of("sha256")

_PRECOMMIT = 2
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_HASHES = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
    "proposer_address",
)


class CometProfile:
    """Implements :class:`conformance_ledger.oracle.profile.HashProfile` for CometBFT."""

    def __init__(self, chain: str) -> None:
        self._chain = chain

    def header_hash(self, block: Value) -> str:
        """Return the Merkle root over the header's encoded fields."""
        return merkle.root_of(sha256, header_leaves(block["header"])).hex()

    def stated_parent(self, block: Value) -> str:
        """Return the hash in ``last_block_id``; the first block has none."""
        return str(block["header"]["last_block_id"]["hash"]).lower()

    def transactions_root(self, block: Value) -> str:
        """Return the Merkle root over the digests of the raw transactions."""
        return merkle.root_of(sha256, [sha256(_raw(item)) for item in block["transactions"]]).hex()

    def stated_transactions_root(self, block: Value) -> str:
        """Return ``data_hash``."""
        return str(block["header"]["data_hash"]).lower()

    def stated_state_root(self, block: Value) -> str:
        """Return ``app_hash``: the application's state before this block."""
        return str(block["header"]["app_hash"]).lower()

    def time_ms(self, block: Value) -> int:
        """Return the header's time."""
        seconds, nanoseconds = instant(block["header"]["time"])
        return seconds * 1000 + nanoseconds // 1_000_000

    def transaction_id(self, transaction: Value) -> str:
        """Return the digest of the raw transaction."""
        return sha256(_raw(transaction)).hex()

    def proof_leads_to(self, transaction: Value, proof: Value, root: str) -> bool:
        """Tell whether the proof's aunts lead from the transaction's digest to ``root``."""
        return merkle.path_leads_to(
            sha256,
            leaf=sha256(_raw(transaction)),
            index=int(proof["index"]),
            size=int(proof["size"]),
            path=[bytes.fromhex(item) for item in proof["path"]],
            root=bytes.fromhex(root),
        )

    def vote_valid(self, vote: Value, commit: Value, validator: Value) -> bool:
        """Tell whether the validator signed a precommit for the commit's block."""
        if vote["block"] != commit["block"]:
            return False
        message = vote_bytes(self._chain, commit, vote)
        public, signature = bytes.fromhex(validator["public_key"]), bytes.fromhex(vote["signature"])
        return verifies("ed25519", public, message, signature)


def header_leaves(header: Mapping[str, Any]) -> list[bytes]:
    """Return the fourteen encoded fields of a header, in order."""
    version = header["version"]
    return [
        pb.number(1, int(version["block"])) + pb.number(2, int(version.get("app", 0) or 0)),
        pb.data(1, str(header["chain_id"]).encode()),
        pb.number(1, int(header["height"])),
        timestamp(header["time"]),
        block_id(header["last_block_id"]),
        *(pb.data(1, bytes.fromhex(header[name])) for name in _HASHES),
    ]


def validators_hash(validators: Sequence[Value]) -> str:
    """Return the hash of a validator set in its own order (SimpleValidator: Ed25519 key and power)."""
    leaves = [
        pb.message(1, pb.data(1, bytes.fromhex(item["public_key"]))) + pb.number(2, power_of(item))
        for item in validators
    ]
    return merkle.root_of(sha256, leaves).hex()


def block_id(value: Mapping[str, Any]) -> bytes:
    """Return an encoded BlockID; CanonicalBlockID has the same form."""
    parts = value.get("parts") or value.get("part_set_header") or {}
    header = pb.number(1, int(parts.get("total", 0))) + pb.data(2, bytes.fromhex(parts.get("hash", "")))
    return pb.data(1, bytes.fromhex(value["hash"])) + pb.message(2, header)


def vote_bytes(chain: str, commit: Mapping[str, Any], vote: Mapping[str, Any]) -> bytes:
    """Return the sign bytes of a precommit: a length-delimited CanonicalVote."""
    return pb.delimited(
        pb.number(1, _PRECOMMIT)
        + pb.fixed64(2, int(commit["height"]))
        + pb.fixed64(3, int(commit["round"]))
        + pb.message(4, block_id(commit["block_id"]))
        + pb.message(5, timestamp(vote["time"]))
        + pb.data(6, chain.encode())
    )


def instant(text: str) -> tuple[int, int]:
    """Return seconds since the epoch and nanoseconds of an RFC 3339 time in UTC; raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time in UTC")
    seconds = datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC)
    return int(seconds.timestamp()), int((found.group(2) or "0").ljust(9, "0"))


def timestamp(text: str) -> bytes:
    """Return an encoded google.protobuf.Timestamp."""
    seconds, nanoseconds = instant(text)
    return pb.number(1, seconds) + pb.number(2, nanoseconds)


def _raw(transaction: Value) -> bytes:
    return base64.b64decode(transaction["raw"], validate=True)
