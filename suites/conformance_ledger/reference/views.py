"""What a node answers: the values of the neutral contract's ledger operations, seen by one caller."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from conformance_ledger.reference import sm
from conformance_ledger.reference.blocks import Block
from conformance_ledger.reference.encoding import digest, encode, tree_path
from conformance_ledger.reference.network import Network, declared_keys
from conformance_ledger.reference.node import Node
from conformance_ledger.reference.transactions import Rejected, Rules, Transaction

RECEIPT_TAG = "receipt/v1"
RECEIPT = ("transaction", "state", "height", "index", "block", "serial")
#: How many recent commits a node with the fault "ledger.history-pruned" still has.
_PRUNED_TO = 2


class Views:
    """One node's answers. ``members`` maps a group to the users that belong to it ("*": everyone)."""

    def __init__(
        self, node: Node, network: Network, key: bytes, members: Mapping[str, tuple[str, ...]], rules: Rules
    ) -> None:
        self._node = node
        self._network = network
        self._key = key
        self._members = members
        self._rules = rules
        self._serial = 0
        self._cache: dict[str, int] = {}

    # -- who sees what ------------------------------------------------------------------------------------

    def sees(self, group: str, user: str, roles: frozenset[str]) -> bool:
        """Tell whether a caller may see a group's payloads: its members, and the regulator in every group."""
        members = self._members.get(group, ())
        regulator = "regulator" in roles and not self._rules("regulator-blind")
        return "*" in members or user in members or regulator or self._rules("group-leak")

    def groups(self, user: str, roles: frozenset[str]) -> dict[str, Any]:
        """Return the groups that the caller belongs to or may inspect."""
        return {"items": [{"group": name} for name in sorted(self._members) if self.sees(name, user, roles)]}

    def _transaction(self, item: Transaction, user: str, roles: frozenset[str]) -> dict[str, Any]:
        shown = item.public() | {"id": self._shown_id(item)}
        if item.payload is not None and self.sees(item["group"], user, roles):
            shown["payload"] = dict(item.payload)
        return shown

    def _shown_id(self, item: Transaction) -> str:
        if self._rules("algorithm-label-only"):
            return hashlib.sha256(item.signing_bytes).hexdigest()
        return item.id

    # -- chain --------------------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Return what this node is part of."""
        chain = self._node.chain
        return {
            "chain": chain.id,
            "node": self._node.name,
            "height": chain.head.height,
            "software": "reference-ledger",
            "algorithms": {"hash": "sm3", "transaction": "sm2-sm3", "commit": "sm2-sm3", "receipt": "sm2-sm3"},
            "validators": len(chain.validators),
            "quorum": chain.quorum,
        }

    def head(self) -> dict[str, Any]:
        """Return the last final block's height and hash."""
        block = self._served(self._node.chain.head)
        return {"height": block.height, "hash": block.hash, "final": True}

    def block(self, height: int, user: str, roles: frozenset[str]) -> dict[str, Any]:
        """Return a block: hash, header and transactions in order."""
        block = self._served(self._at(height))
        return {
            "height": block.height,
            "hash": block.hash,
            "header": dict(block.header),
            "transactions": [self._transaction(item, user, roles) for item in block.transactions],
        }

    def _at(self, height: int) -> Block:
        blocks = self._node.chain.blocks
        missing = self._rules("history-truncated") and height < self._node.wiped_to
        if not 0 <= height < len(blocks) or missing:
            raise Rejected("unknown-block", "there is no block of that height here", 404)
        return blocks[height]

    def _served(self, block: Block) -> Block:
        """Return the block as this node shows it; a sound node shows what it has."""
        changed: dict[str, Any] = {}
        if self._rules("node-diverges") and self._node.name == max(self._network.nodes):
            changed["state_root"] = digest("diverged/v1", [block.header["state_root"]])
        if self._rules("tip-rewritten") and self._node.restarted_at == block.height:
            changed["time"] = block.header["time"] + 1
        return Block({**block.header, **changed}, block.transactions, block.votes, block.omitted) if changed else block

    def commit(self, height: int) -> dict[str, Any]:
        """Return the votes that made a block final."""
        block = self._at(height)
        pruned = self._rules("history-pruned") and height < self._node.chain.head.height - _PRUNED_TO
        if not block.votes or pruned:
            raise Rejected("unknown-commit", "there is no commit of that height here", 404)
        return {
            "height": height,
            "block": block.hash,
            "proposer": block.header["proposer"],
            "round": block.votes[0].round,
            "votes": self._votes(block),
        }

    def _votes(self, block: Block) -> list[dict[str, Any]]:
        votes = [vote.public() for vote in block.votes]
        return votes[:1] * len(votes) if self._rules("duplicate-votes-counted") else votes

    def validators(self) -> dict[str, Any]:
        """Return who may sign blocks."""
        return {"items": declared_keys(self._node.chain.validators), "quorum": self._node.chain.quorum}

    def peers(self) -> dict[str, Any]:
        """Return the nodes that this one is connected to now."""
        return {"node": self._node.name, "items": [{"name": name} for name in self._network.peers(self._node.name)]}

    # -- transactions -------------------------------------------------------------------------------------

    def transaction(self, identifier: str, user: str, roles: frozenset[str]) -> dict[str, Any]:
        """Return a committed transaction with its place."""
        block, index = self._node.chain.find(identifier)
        shown = self._transaction(block.transactions[index], user, roles)
        return {"transaction": shown, "height": block.height, "index": index, "block": block.hash}

    def receipt(self, identifier: str) -> dict[str, Any]:
        """Return what became of a transaction, signed by this node."""
        if identifier in self._node.chain.places:
            block, index = self._node.chain.find(identifier)
            index += 1 if self._rules("index-wrong") else 0
            return self._signed(identifier, "confirmed", block.height, index, block.hash)
        if identifier in self._node.pool:
            return self._signed(identifier, "pending", -1, -1, "")
        if identifier in self._node.rejected:
            return self._signed(identifier, "rejected", -1, -1, "") | {"code": self._node.rejected[identifier]}
        raise Rejected("unknown-transaction", "there is no such transaction", 404)

    def _signed(self, identifier: str, state: str, height: int, index: int, block: str) -> dict[str, Any]:
        self._serial += 1
        receipt: dict[str, Any] = {
            "transaction": identifier,
            "state": state,
            "height": height,
            "index": index,
            "block": block,
            "serial": self._serial,
        }
        message = encode(RECEIPT_TAG, (receipt[name] for name in RECEIPT))
        nonce = 0xC0FFEE if self._rules("signature-nonce-fixed") else None
        signature = "" if self._rules("receipt-unsigned") else sm.sign(self._key, message, nonce=nonce).hex()
        return receipt | {"node": self._node.name, "signature": signature}

    def proof(self, identifier: str) -> dict[str, Any]:
        """Return the path from a transaction to the root in its block's header."""
        if self._rules("proof-constant"):
            first = self._node.chain.blocks[0]
            root = first.header["transactions_root"]
            return {"height": first.height, "root": root, "index": 0, "size": 1, "path": [], "verified": True}
        block, index = self._node.chain.find(identifier)
        return {
            "height": block.height,
            "root": block.header["transactions_root"],
            "index": index,
            "size": len(block.transactions),
            "path": tree_path(block.leaves(), index),
        }

    # -- state --------------------------------------------------------------------------------------------

    def state(self, key: str) -> dict[str, Any]:
        """Return one entry of the state after the head with its path to the state root."""
        chain = self._node.chain
        root = chain.head.header["state_root"]
        return chain.state.proof(key) | {"height": chain.head.height, "root": root}

    def call(self, function: str, account: str) -> dict[str, Any]:
        """Answer a plain question about an account: ``balance`` or ``account``."""
        balance = self._balance(account)
        found = self._node.chain.state.accounts[account]
        answer: dict[str, Any] = {"account": account, "balance": balance, "height": self._node.chain.head.height}
        if function == "account":
            answer |= {"nonce": found.nonce, "status": found.status, "role": found.role}
        return answer

    def _balance(self, account: str) -> int:
        if account not in self._node.chain.state.accounts:
            raise Rejected("unknown-account", "there is no such account", 404)
        fresh = self._node.chain.state.accounts[account].balance
        return self._cache.setdefault(account, fresh) if self._rules("balance-cached") else fresh

    def audit(self, since: int, limit: int) -> dict[str, Any]:
        """Return records of this node's log of events from a number on."""
        records = self._node.events.records[since : since + limit]
        following = str(since + limit) if since + limit < len(self._node.events.records) else None
        return {"items": records, "next": following}
