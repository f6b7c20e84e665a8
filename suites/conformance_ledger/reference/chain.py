"""One node's chain: blocks it has verified and executed itself, and the state they lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance_ledger.reference.blocks import (
    Block,
    Log,
    omitted_fields,
    signature_valid,
    transactions_root,
    validators_root,
)
from conformance_ledger.reference.encoding import NO_PARENT
from conformance_ledger.reference.state import Account, State, account_id
from conformance_ledger.reference.transactions import Rejected, Rules, Transaction

#: How far a block's time may lie ahead of a validator's own clock, in milliseconds.
SKEW_MS_MAX = 5_000


class Invalid(Exception):
    """A block that this node does not accept, and why."""


class Chain:
    """Verified blocks and the state after the last one; ``log`` holds the same on disk."""

    def __init__(self, genesis: Mapping[str, Any], validators: Mapping[str, str], log: Log, rules: Rules) -> None:
        self.id = str(genesis["chain"])
        self.validators = dict(validators)
        self._rules = rules
        self._log = log
        self._genesis = genesis
        self.blocks: list[Block] = []
        self.state = State(rules)
        #: Where a transaction is: (height, index).
        self.places: dict[str, tuple[int, int]] = {}
        self._begin()

    @property
    def head(self) -> Block:
        """The last final block."""
        return self.blocks[-1]

    @property
    def quorum(self) -> int:
        """How many distinct validators make a block final: more than two thirds."""
        return 2 * len(self.validators) // 3 + 1

    def _begin(self) -> None:
        key = str(self._genesis["issuer_key"])
        self.state.accounts[account_id(key)] = Account(0, 0, "active", "issuer", key)
        header = self._header(0, NO_PARENT, int(self._genesis["time"]), "genesis", (), self.state)
        self.blocks.append(Block(header, (), (), omitted_fields(self._rules)))

    def _header(
        self, height: int, parent: str, time: int, proposer: str, transactions: Sequence[Transaction], state: State
    ) -> dict[str, Any]:
        return {
            "height": height,
            "chain": self.id,
            "parent": parent,
            "time": time,
            "proposer": proposer,
            "transactions_root": transactions_root(transactions, self._rules),
            "state_root": state.root(),
            "validators_root": validators_root(self.validators),
        }

    # -- making and checking blocks -----------------------------------------------------------------------

    def build(self, transactions: Sequence[Transaction], now_ms: int, proposer: str) -> Block:
        """Return the next block with those of ``transactions`` that can be executed now."""
        state, chosen = self.state.copy(), []
        for transaction in transactions:
            try:
                state.check(transaction, self.head.height + 1)
            except Rejected:
                continue
            state.apply(transaction)
            chosen.append(transaction)
        state.close_block(len(chosen))
        time = max(now_ms, int(self.head.header["time"]) + 1)
        if self._rules("client-clock-trusted"):
            time = max([time, *(int(item["time"]) for item in chosen)])
        header = self._header(self.head.height + 1, self.head.hash, time, proposer, chosen, state)
        return Block(header, tuple(chosen), (), omitted_fields(self._rules))

    def verify(self, block: Block, now_ms: int) -> State:
        """Execute a block on the current state and return the new state; raises Invalid if anything disagrees."""
        header = block.header
        if header["height"] != self.head.height + 1 or header["parent"] != self.head.hash:
            raise Invalid("does not follow the head")
        if header["chain"] != self.id or header["validators_root"] != validators_root(self.validators):
            raise Invalid("belongs to another chain or another set of validators")
        trusted = self._rules("client-clock-trusted")
        if header["time"] <= self.head.header["time"] or (header["time"] > now_ms + SKEW_MS_MAX and not trusted):
            raise Invalid("its time is not after its parent's or lies too far ahead")
        return self._execute(block)

    def _execute(self, block: Block) -> State:
        state, skip = self.state.copy(), self._rules("no-reexecution")
        for transaction in block.transactions:
            try:
                if not skip:
                    state.check(transaction, block.height)
            except Rejected as problem:
                raise Invalid(f"holds an invalid transaction: {problem.code}") from problem
            state.apply(transaction)
        state.close_block(len(block.transactions))
        if block.header["transactions_root"] != transactions_root(block.transactions, self._rules):
            raise Invalid("its transaction root is not that of its transactions")
        if block.header["state_root"] != state.root() and not skip:
            raise Invalid("its state root is not the result of executing it")
        return state

    def final(self, block: Block, quorum: int) -> bool:
        """Tell whether enough distinct validators have signed for this block."""
        signers = {
            vote.validator
            for vote in block.votes
            if vote.block == block.hash and signature_valid(vote, self.id, block.height, self.validators)
        }
        return len(signers) >= quorum

    def append(self, block: Block, state: State, *, write: bool = True) -> None:
        """Add a verified, final block."""
        self.blocks.append(block)
        self.state = state
        for index, transaction in enumerate(block.transactions):
            self.places[transaction.id] = (block.height, index)
        if write:
            self._log.append(block)

    # -- from disk ----------------------------------------------------------------------------------------

    def load(self, now_ms: int, report: Callable[[int, str], None]) -> None:
        """Read the log, verifying and executing every block again.

        A damaged block and everything after it is cut off and reported as (height, reason); peers have it.
        """
        for block in self._log.read(self._rules):
            try:
                state = self._trusted(block) if self._rules("verify-skipped") else self._checked(block, now_ms)
            except Invalid as problem:
                report(block.height, str(problem))
                self._log.keep(len(self.blocks) - 1)
                return
            self.append(block, state, write=False)

    def _checked(self, block: Block, now_ms: int) -> State:
        if not self.final(block, self.quorum):
            raise Invalid("is not signed by a quorum")
        return self.verify(block, now_ms)

    def _trusted(self, block: Block) -> State:
        state = self.state.copy()
        for transaction in block.transactions:
            state.apply(transaction)
        return state

    def find(self, transaction: str) -> tuple[Block, int]:
        """Return the block of a transaction and its index in it; raises Rejected when it is not committed."""
        if transaction not in self.places:
            raise Rejected("unknown-transaction", "there is no such transaction", 404)
        height, index = self.places[transaction]
        return self.blocks[height], index
