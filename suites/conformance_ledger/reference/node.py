"""One validator: its own key, chain, pool of waiting transactions and log of events.

A round goes: proposal, prevotes of those who executed the block and agree, precommits (signed) of those who saw a
quorum of prevotes, final at a quorum of precommits. A node that precommitted is locked on its block until it sees a
quorum of prevotes for another one in a later round; with at most a third of the nodes faulty no two blocks of one
height become final. The network calls every method under one lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance_ledger.reference import limits, sm
from conformance_ledger.reference.blocks import Block, Log, Vote, signature_valid, vote_bytes
from conformance_ledger.reference.chain import Chain, Invalid
from conformance_ledger.reference.events import Events
from conformance_ledger.reference.messages import (
    Ask,
    Blocks,
    Gossip,
    Message,
    Precommit,
    Prevote,
    Proposal,
    RoundChange,
    Status,
)
from conformance_ledger.reference.pool import Pool
from conformance_ledger.reference.transactions import Rules, Transaction

Send = Callable[[str, str | None, Message], None]


class Node:
    """A validator. ``send(sender, receiver, message)`` hands a message to the network (None: to everyone)."""

    def __init__(
        self,
        name: str,
        private_key: bytes,
        genesis: Mapping[str, Any],
        validators: Mapping[str, str],
        directory: Path,
        rules: Rules,
        now_ms: Callable[[], int],
        reachable: Callable[[str], int],
    ) -> None:
        self.name = name
        self._key = private_key
        self._genesis = genesis
        self._validators = dict(validators)
        self._order = sorted(validators)
        self.log = Log(directory / "blocks.jsonl")
        self.events = Events(directory / "events.jsonl", now_ms)
        self._rules = rules
        self._now_ms = now_ms
        self._reachable = reachable
        self.send: Send = lambda sender, receiver, message: None
        self.running = True
        self.paused = False
        self.wiped_to = 0
        self.restarted_at: int | None = None
        #: Set by the test environment: what this node does wrong when it next proposes.
        self.misbehaviour = ""
        self._reset()

    def _reset(self) -> None:
        self.chain = Chain(self._genesis, self._validators, self.log, self._rules)
        self.pool = Pool(self.name, self.chain, self._genesis["groups"], self._rules, self._now_ms, self.events)
        self._empty_due: int | None = None
        self._locked: tuple[int, Block] | None = None
        self._new_height()

    def _new_height(self) -> None:
        self._round = 0
        self._round_since: int | None = None
        self._locked = None
        self._proposed: set[int] = set()
        self._prevoted: set[int] = set()
        self._precommitted: set[int] = set()
        self._candidates: dict[str, Block] = {}
        self._prevotes: dict[tuple[int, str], set[str]] = defaultdict(set)
        self._precommits: dict[tuple[int, str], dict[str, Vote]] = defaultdict(dict)
        self._rounds: dict[str, int] = {}

    # -- life ---------------------------------------------------------------------------------------------

    @property
    def answering(self) -> bool:
        """Tell whether the node takes part at all."""
        return self.running and not self.paused

    @property
    def rejected(self) -> Mapping[str, str]:
        """The codes of transactions that this node dropped, by their ids."""
        return self.pool.rejected

    @property
    def quorum(self) -> int:
        """How many validators must agree; faults weaken or overdo it."""
        if self._rules("solo-commit"):
            return 1
        if self._rules("unanimous-quorum"):
            return len(self._validators)
        if self._rules("minority-forks") and self._reachable(self.name) == 1:
            return 1
        return self.chain.quorum

    def stop(self) -> None:
        """Lose everything that is only in memory."""
        self.running = False
        self._reset()

    def start(self) -> None:
        """Read the log, check every block in it, and tell the others how far it goes."""
        self._reset()
        self.running, self.paused = True, False
        self.chain.load(self._now_ms(), self._damaged)
        if self._rules("tip-rewritten"):
            self.restarted_at = max(
                block.height for block in self.chain.blocks if block.transactions or not block.height
            )
        self.announce()

    def wipe(self) -> None:
        """Lose the disk as well; the chain comes back from the peers."""
        self.wiped_to = self.chain.head.height
        self.log.path.unlink(missing_ok=True)
        self.start()

    def announce(self) -> None:
        """Tell everyone the height, and repeat what waits in the pool."""
        if not self.answering:
            return
        self.send(self.name, None, Status(self.chain.head.height))
        for transaction in self.pool.values():
            self.send(self.name, None, Gossip(transaction))

    def _damaged(self, height: int, reason: str) -> None:
        self.events.append("node", "integrity-check", f"block/{height}", "failed", reason)

    # -- clients ------------------------------------------------------------------------------------------

    def submit(self, transaction: Transaction) -> None:
        """Take a transaction into the pool and pass it on; raises Rejected."""
        self.pool.submit(transaction)
        self.send(self.name, None, Gossip(transaction))

    # -- time ---------------------------------------------------------------------------------------------

    def has_work(self) -> bool:
        """Tell whether this node wants a block or takes part in making one."""
        if not self.answering:
            return False
        return self.pool.any_ready() or self._empty_due is not None

    def tick(self) -> None:
        """Propose when it is this node's turn, or move to the next round when the proposer is silent."""
        if not self.has_work():
            self._round_since = None
            return
        now = self._now_ms()
        if self._round_since is None:
            self._round_since = now
        waited = now - self._round_since
        patience = limits.COLLECT_MS + self._hesitation_ms()
        if self._proposer(self._round) == self.name and self._round not in self._proposed:
            if waited >= patience:
                self._propose(now)
        elif waited > patience + min(limits.ROUND_MS * (self._round + 1), limits.ROUND_MS_MAX):
            self._enter_round(self._round + 1)
            self.send(self.name, None, RoundChange(self.chain.head.height + 1, self._round))

    def _hesitation_ms(self) -> int:
        """How much longer than it should a proposer collects; a sound one does not."""
        if self._rules("load.slow-finality"):
            return min(len(self.pool) * limits.CROWDED_MS, limits.CROWDED_MS_MAX)
        return limits.SLOW_MS if self._rules("slow-rounds") and self.chain.head.height % 3 == 0 else 0

    def _proposer(self, round_: int) -> str:
        return self._order[(self.chain.head.height + 1 + round_) % len(self._order)]

    def _enter_round(self, round_: int) -> None:
        self._round, self._round_since = round_, self._now_ms()

    def _propose(self, now: int) -> None:
        block = (
            self._locked[1]
            if self._locked
            else self.chain.build(list(self.pool.values())[: limits.BATCH], now, self.name)
        )
        empty_wanted = self._empty_due is not None and now >= self._empty_due
        if not block.transactions and not empty_wanted:
            self.pool.drop_hopeless()
            return
        self._proposed.add(self._round)
        proposal = Proposal(self._round, self._spoilt(block))
        self.send(self.name, None, proposal)
        self._on_proposal(self.name, proposal)

    def _spoilt(self, block: Block) -> Block:
        if self.misbehaviour != "bad-state-root":
            return block
        self.misbehaviour = ""
        self.events.append("node", "misbehave", f"block/{block.height}", "success", "proposed a wrong state root")
        return Block({**block.header, "state_root": "ff" * 32}, block.transactions, (), block.omitted)

    # -- messages -----------------------------------------------------------------------------------------

    def receive(self, sender: str, message: Message) -> None:
        """Act on a message of another node."""
        match message:
            case Gossip(transaction):
                self.pool.hear(transaction)
            case Proposal():
                self._on_proposal(sender, message)
            case Prevote():
                self._on_prevote(sender, message)
            case Precommit():
                self._on_precommit(sender, message)
            case RoundChange():
                self._on_round_change(sender, message)
            case Status(height):
                self._on_status(sender, height)
            case Ask(height):
                found = self.chain.blocks[max(height, 1) : height + limits.ASK_MAX]
                if found:
                    self.send(self.name, sender, Blocks(tuple(found)))
            case Blocks(blocks):
                self._on_blocks(sender, blocks)

    def _behind(self, sender: str, height: int) -> bool:
        """Tell whether a message is about another height; ask for what is missing if it is a later one."""
        if height > self.chain.head.height + 1:
            self.send(self.name, sender, Ask(self.chain.head.height + 1))
        return height != self.chain.head.height + 1

    def _on_proposal(self, sender: str, message: Proposal) -> None:
        block = message.block
        if self._behind(sender, block.height) or sender != self._proposer(message.round):
            return
        if message.round > self._round:
            self._enter_round(message.round)
        if message.round < self._round or message.round in self._prevoted:
            return
        try:
            self.chain.verify(block, self._now_ms())
        except Invalid as problem:
            self.events.append(sender, "propose", f"block/{block.height}", "refused", str(problem))
            return
        self._candidates[block.hash] = block
        if self._locked and self._locked[1].hash != block.hash:
            return
        self._prevoted.add(message.round)
        vote = Prevote(block.height, message.round, block.hash)
        self.send(self.name, None, vote)
        self._on_prevote(self.name, vote)

    def _on_prevote(self, sender: str, message: Prevote) -> None:
        if self._behind(sender, message.height):
            return
        votes = self._prevotes[(message.round, message.block)]
        votes.add(sender)
        if len(votes) < self.quorum or message.block not in self._candidates:
            return
        if self._locked and message.round <= self._locked[0] and message.block != self._locked[1].hash:
            return
        if message.round in self._precommitted or message.round < self._round:
            return
        self._locked = (message.round, self._candidates[message.block])
        self._precommitted.add(message.round)
        signed = vote_bytes(self.chain.id, message.height, message.round, message.block)
        vote = Vote(self.name, message.round, message.block, sm.sign(self._key, signed).hex())
        self.send(self.name, None, Precommit(message.height, vote))
        self._on_precommit(self.name, Precommit(message.height, vote))

    def _on_precommit(self, sender: str, message: Precommit) -> None:
        vote = message.vote
        if self._behind(sender, message.height):
            return
        if sender != self.name and not signature_valid(vote, self.chain.id, message.height, self._validators):
            self.events.append(sender, "vote", f"block/{message.height}", "refused", "the signature is not valid")
            return
        votes = self._precommits[(vote.round, vote.block)]
        votes[vote.validator] = vote
        if len(votes) < self.quorum:
            return
        if vote.block not in self._candidates:
            self.send(self.name, sender, Ask(message.height))
            return
        self._commit(self._candidates[vote.block].with_votes(tuple(votes.values())))

    def _on_round_change(self, sender: str, message: RoundChange) -> None:
        if self._behind(sender, message.height):
            return
        self._rounds[sender] = max(message.round, self._rounds.get(sender, 0))
        ahead = sorted((value for value in self._rounds.values() if value > self._round), reverse=True)
        tolerated = (len(self._order) - 1) // 3
        if len(ahead) > tolerated:
            self._enter_round(ahead[tolerated])

    def _on_status(self, sender: str, height: int) -> None:
        if height > self.chain.head.height:
            self.send(self.name, sender, Ask(self.chain.head.height + 1))
        elif height < self.chain.head.height:
            self.send(self.name, sender, Status(self.chain.head.height))

    def _on_blocks(self, sender: str, blocks: tuple[Block, ...]) -> None:
        fetched = 0
        for block in blocks:
            if block.height != self.chain.head.height + 1:
                continue
            try:
                if not self.chain.final(block, self.quorum):
                    raise Invalid("is not signed by a quorum")
                self.chain.verify(block, self._now_ms())
            except Invalid as problem:
                self.events.append(sender, "resynchronise", f"block/{block.height}", "failed", str(problem))
                return
            self._commit(block)
            fetched += 1
        if fetched:
            self.events.append(sender, "resynchronise", f"block/{self.chain.head.height}", "success", f"{fetched}")
            self.send(self.name, sender, Ask(self.chain.head.height + 1))

    # -- finality -----------------------------------------------------------------------------------------

    def _commit(self, block: Block) -> None:
        try:
            state = self.chain.verify(block, self._now_ms())
        except Invalid as problem:
            self.events.append("node", "commit", f"block/{block.height}", "refused", str(problem))
            return
        self.chain.append(block, state)
        self.pool.settle(block.transactions)
        self._empty_due = self._now_ms() + limits.EMPTY_AFTER_MS if block.transactions else None
        self._new_height()
