"""What nodes say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from conformance_ledger.reference.blocks import Block, Vote
from conformance_ledger.reference.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Gossip:
    """A transaction that a client submitted."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposer's block for a round."""

    round: int
    block: Block


@dataclass(frozen=True, slots=True)
class Prevote:
    """A node has executed this block and would accept it."""

    height: int
    round: int
    block: str


@dataclass(frozen=True, slots=True)
class Precommit:
    """A node has seen a quorum of prevotes and signs."""

    height: int
    vote: Vote


@dataclass(frozen=True, slots=True)
class RoundChange:
    """A node has waited long enough and moved to another round."""

    height: int
    round: int


@dataclass(frozen=True, slots=True)
class Status:
    """A node tells how far it is, after an interruption."""

    height: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A node wants the final blocks from this height on."""

    height: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Final blocks with their votes."""

    blocks: tuple[Block, ...]


Message = Gossip | Proposal | Prevote | Precommit | RoundChange | Status | Ask | Blocks
