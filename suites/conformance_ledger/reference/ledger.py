"""One life of the reference ledger: four nodes, their network and directories, and what the test environment may do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from conformance.sdk import Host, Problem
from conformance_ledger.reference import sm
from conformance_ledger.reference.api import NodeApi
from conformance_ledger.reference.custody import Custody
from conformance_ledger.reference.network import Network
from conformance_ledger.reference.node import Node
from conformance_ledger.reference.state import account_id
from conformance_ledger.reference.transactions import FIELDS, Rejected, Transaction
from conformance_ledger.reference.views import Views

CHAIN = "reference-chain-1"
NODES = ("node1", "node2", "node3", "node4")
#: Groups and the users that belong to them.
GROUPS: Mapping[str, tuple[str, ...]] = {"settlement": ("*",), "custody": ("alice", "shop")}
_VALIDITY = 1_000_000


class Ledger:
    """Four validators in a temporary directory of their own."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._directory = Path(tempfile.mkdtemp(prefix="reference-ledger-"))
        self.network = Network(self.rule)
        self._issuer = sm.private_key(host.seed("ledger-issuer"))
        self._custody = Custody(CHAIN, self._now_ms)
        keys = {name: sm.private_key(host.seed(f"ledger-{name}")) for name in NODES}
        validators = {name: sm.public_key(key).hex() for name, key in keys.items()}
        genesis = {
            "chain": CHAIN,
            "groups": sorted(GROUPS),
            "issuer_key": sm.public_key(self._issuer).hex(),
            "time": self._now_ms(),
        }
        self.network.join(
            Node(name, keys[name], genesis, validators, self._directory / name, self.rule, self._now_ms, self._reach)
            for name in NODES
        )
        self.apps: dict[str, Starlette] = {name: self._app(name, keys[name]) for name in NODES}

    def rule(self, name: str) -> bool:
        """Tell whether the fault ``ledger.<name>`` is on, or one of another suite, which is named in full."""
        return self._host.faults.on(name if "." in name else f"ledger.{name}")

    def start(self) -> None:
        """Begin to make blocks."""
        self.network.start()

    def stop(self) -> None:
        """Stop, and remove the directories."""
        self.network.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _app(self, name: str, key: bytes) -> Starlette:
        node = self.network.nodes[name]
        views = Views(node, self.network, key, GROUPS, self.rule)
        return NodeApi(node, self.network, views, self._host, self.rule).app()

    def _reach(self, name: str) -> int:
        return self.network.reachable(name)

    def _now_ms(self) -> int:
        return int(self._host.clock.now().timestamp() * 1000)

    # -- the test environment -----------------------------------------------------------------------------

    def node_hook(self, verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Stop, start, pause, resume or wipe one node."""
        with self._one(arguments) as node:
            match verb:
                case "stop":
                    node.stop()
                case "start":
                    node.start()
                case "pause":
                    node.paused = True
                case "resume":
                    node.paused = False
                    node.announce()
                case "wipe":
                    node.wipe()
            return {"node": node.name, "running": node.answering}

    def partition(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Cut the network into the given ``sides`` (lists of node names); none heals it."""
        sides = [[str(name) for name in side] for side in arguments.get("sides", ())]
        self.network.divide(sides)
        return {"sides": sides}

    def tamper(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Alter the stored header of one block of a stopped node, as an intruder on its machine would."""
        with self._one(arguments) as node:
            if node.running:
                raise Problem(409, "node-running", "stop the node before altering its data")
            height = int(arguments["height"])
            # The log begins with block 1: the first block is made from the configuration.
            node.log.tamper(height - 1, {"time": 1})
            return {"node": node.name, "height": height}

    def misbehave(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make one node propose a block with a wrong state root when its turn comes."""
        with self._one(arguments) as node:
            node.misbehaviour = str(arguments.get("kind", "bad-state-root"))
            return {"node": node.name, "kind": node.misbehaviour}

    def open_account(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Register a public key that the caller made, with an opening balance and a role, by a ledger transaction.

        Without a public key, one is made and kept here, and :meth:`sign` makes its transactions.
        """
        key = str(arguments.get("public_key") or self._custody.new_key())
        role = str(arguments.get("role", "holder"))
        if role not in ("holder", "governor"):
            raise Problem(422, "unknown-role", "`role` must be holder or governor")
        with self.network.locked():
            node = next((item for item in self.network.nodes.values() if item.answering), None)
            if node is None:
                raise Problem(503, "no-node", "no node is running")
            transaction = self._opening(node, key, role, int(arguments.get("balance", 0)))
            try:
                node.submit(transaction)
            except Rejected as problem:
                raise Problem(problem.status, problem.code, problem.detail) from problem
        self.network.wake()
        return {"account": transaction["to"], "transaction": transaction.id}

    def sign(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a signed transfer, not sent, from an account whose key is kept here."""
        with self.network.locked():
            height = max(node.chain.head.height for node in self.network.nodes.values())
        return self._custody.transfer(arguments, height)

    def _opening(self, node: Node, key: str, role: str, balance: int) -> Transaction:
        own_key = sm.public_key(self._issuer).hex()
        issuer = account_id(own_key)
        waiting = sum(1 for item in node.pool.values() if item["from"] == issuer)
        values: dict[str, Any] = dict(zip(FIELDS, (CHAIN, "settlement", "open", issuer, account_id(key)), strict=False))
        values |= {
            "amount": balance,
            "nonce": node.chain.state.accounts[issuer].nonce + waiting,
            "time": self._now_ms(),
            "valid_until": node.chain.head.height + _VALIDITY,
            "public_key": own_key,
            "data": f"{role}:{key}",
        }
        unsigned = Transaction(values, "")
        return Transaction(values, sm.sign(self._issuer, unsigned.signing_bytes).hex())

    @contextmanager
    def _one(self, arguments: Mapping[str, Any]) -> Iterator[Node]:
        name = str(arguments.get("node", ""))
        if name not in self.network.nodes:
            raise Problem(422, "unknown-node", f"`node` must be one of {', '.join(NODES)}")
        with self.network.locked():
            yield self.network.nodes[name]
        self.network.wake()
