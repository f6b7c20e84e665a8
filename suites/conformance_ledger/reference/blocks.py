"""Blocks, votes and the log in which one node keeps its chain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from conformance_ledger.reference import sm
from conformance_ledger.reference.encoding import digest, encode, leaf_hash, tree_root
from conformance_ledger.reference.transactions import Rules, Transaction

HEADER_TAG = "block/v1"
HEADER = ("height", "chain", "parent", "time", "proposer", "transactions_root", "state_root", "validators_root")
VOTE_TAG = "vote/v1"
VOTE = ("chain", "height", "round", "block")


@dataclass(frozen=True, slots=True)
class Vote:
    """One validator's signed word that a block is final."""

    validator: str
    round: int
    block: str
    signature: str

    def public(self) -> dict[str, Any]:
        """Return the form that nodes store, exchange and show."""
        return {
            "validator": self.validator,
            "round": self.round,
            "block": self.block,
            "signature": self.signature,
        }


def vote_bytes(chain: str, height: int, round_: int, block: str) -> bytes:
    """Return what a validator signs when it votes."""
    return encode(VOTE_TAG, [chain, height, round_, block])


@dataclass(frozen=True)
class Block:
    """A header, the transactions it commits to, and the votes that made it final."""

    header: Mapping[str, Any]
    transactions: tuple[Transaction, ...]
    votes: tuple[Vote, ...] = ()
    omitted: tuple[str, ...] = ()

    @cached_property
    def hash(self) -> str:
        """The digest of the header."""
        return digest(HEADER_TAG, (self.header[name] for name in HEADER if name not in self.omitted))

    @property
    def height(self) -> int:
        """The number of this block; the first is 0."""
        return int(self.header["height"])

    def leaves(self) -> list[bytes]:
        """Return the hashed leaves of the transaction tree."""
        return [leaf_hash(transaction.leaf) for transaction in self.transactions]

    def with_votes(self, votes: Sequence[Vote]) -> Block:
        """Return the block with the votes that made it final."""
        return replace(self, votes=tuple(votes))

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "header": dict(self.header),
            "transactions": [item.whole() for item in self.transactions],
            "votes": [vote.public() for vote in self.votes],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], rules: Rules) -> Block:
        """Read the stored form."""
        transactions = tuple(Transaction.from_whole(item) for item in value["transactions"])
        votes = tuple(Vote(**item) for item in value["votes"])
        return cls(dict(value["header"]), transactions, votes, omitted_fields(rules))


def omitted_fields(rules: Rules) -> tuple[str, ...]:
    """Return the header fields left out of the block hash: none on a sound ledger."""
    return ("time",) if rules("header-field-omitted") else ()


def transactions_root(transactions: Sequence[Transaction], rules: Rules) -> str:
    """Return the root that a header must carry for these transactions."""
    counted = transactions[:-1] if rules("root-skips-last") else transactions
    return tree_root([leaf_hash(item.leaf) for item in counted])


def validators_root(validators: Mapping[str, str]) -> str:
    """Return the root over the validators' names and public keys, in the order of their names."""
    entries = sorted(validators.items())
    return tree_root([leaf_hash(encode("validator/v1", [name, key])) for name, key in entries])


class Log:
    """The file of one node: a line per block, only ever appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, block: Block) -> None:
        """Write one more block."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(block.as_json(), separators=(",", ":")) + "\n")

    def read(self, rules: Rules) -> list[Block]:
        """Return every block that can be read, in order; stops at the first unreadable line."""
        blocks: list[Block] = []
        for line in self._lines():
            try:
                blocks.append(Block.from_json(json.loads(line), rules))
            except (ValueError, KeyError, TypeError):
                break
        return blocks

    def keep(self, count: int) -> None:
        """Cut the log after its first ``count`` blocks."""
        self.path.write_text("".join(self._lines()[:count]), encoding="utf-8")

    def tamper(self, height: int, alter: dict[str, Any]) -> None:
        """Alter one stored header: the test environment's stand-in for an intruder on the machine."""
        lines = self._lines()
        stored = json.loads(lines[height])
        stored["header"] |= alter
        lines[height] = json.dumps(stored) + "\n"
        self.path.write_text("".join(lines), encoding="utf-8")

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.exists() else []


def signature_valid(vote: Vote, chain: str, height: int, validators: Mapping[str, str]) -> bool:
    """Tell whether a vote is signed by a validator of this chain."""
    key = validators.get(vote.validator)
    if key is None:
        return False
    message = vote_bytes(chain, height, vote.round, vote.block)
    return sm.verify(bytes.fromhex(key), message, bytes.fromhex(vote.signature))
