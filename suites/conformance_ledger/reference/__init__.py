"""The ledger's part of the reference candidate: a permissioned chain of four validators with SM2 and SM3.

Nothing here imports the suite's oracle: signatures, digests, trees and rules are written a second time, so that a
mistake shared by both sides cannot hide itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.sdk import Host, Listener, ReferencePart
from conformance_ledger.reference.blocks import HEADER, HEADER_TAG, VOTE, VOTE_TAG
from conformance_ledger.reference.chain import SKEW_MS_MAX
from conformance_ledger.reference.ledger import CHAIN, NODES, Ledger
from conformance_ledger.reference.state import APPROVALS, STATE_TAG, STATE_VALUE
from conformance_ledger.reference.transactions import FIELDS, LEAF_TAG, SIGNING_TAG
from conformance_ledger.reference.views import RECEIPT, RECEIPT_TAG

#: The operations of the neutral contract that every node answers.
OPERATIONS = (
    "info",
    "head",
    "block",
    "transaction",
    "receipt",
    "proof",
    "state",
    "submit",
    "call",
    "commit",
    "validators",
    "peers",
    "groups",
    "audit",
)

Hook = Callable[[Mapping[str, Any]], Mapping[str, Any]]

#: How this product encodes and hashes: declared once, so that anyone can recompute.
HASH_PROFILE: Mapping[str, Any] = {
    "name": "length-prefixed-v1",
    "algorithm": "sm3",
    "tree": "rfc6962",
    "header_tag": HEADER_TAG,
    "header": list(HEADER),
    "transaction_tag": SIGNING_TAG,
    "transaction": list(FIELDS),
    "leaf_tag": LEAF_TAG,
    "leaf": [*FIELDS, "signature"],
    "state_tag": STATE_TAG,
    "state": list(STATE_VALUE),
    "vote_tag": VOTE_TAG,
    "vote": list(VOTE),
    "receipt_tag": RECEIPT_TAG,
    "receipt": list(RECEIPT),
}


class NodePort:
    """The ASGI application of one node's port: it outlives the nodes, which every reset replaces."""

    def __init__(self, part: LedgerPart, name: str) -> None:
        self._part = part
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a connection to the node."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        app: ASGIApp | None = self._part.app(self._name)
        if app is None:
            problem = {"status": 503, "code": "node-down", "detail": "the ledger is not running"}
            app = JSONResponse(problem, 503, media_type="application/problem+json")
        await app(scope, receive, send)


class LedgerPart:
    """Implements :class:`conformance.sdk.ReferencePart`."""

    schema = ""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None

    def routes(self, host: Host) -> Sequence[Any]:
        """Nothing on the main port: clients ask nodes."""
        return ()

    def listeners(self, host: Host) -> Sequence[Listener]:
        """One port per node."""
        return [Listener(name, NodePort(self, name)) for name in NODES]

    def app(self, name: str) -> Starlette | None:
        """Return the node of that name in the ledger's present life, or None between lives."""
        return self._ledger.apps[name] if self._ledger else None

    def hooks(self, host: Host) -> Mapping[str, Hook]:
        """What the owner of the test environment can do to nodes and links."""
        hooks: dict[str, Hook] = {
            verb: partial(self._node_hook, verb) for verb in ("stop", "start", "pause", "resume", "wipe")
        }
        return hooks | {
            "partition": lambda arguments: self._live().partition(arguments),
            "ledger_account": lambda arguments: self._live().open_account(arguments),
            "ledger_transaction": lambda arguments: self._live().sign(arguments),
            "ledger_tamper": lambda arguments: self._live().tamper(arguments),
            "ledger_misbehave": lambda arguments: self._live().misbehave(arguments),
        }

    def _node_hook(self, verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._live().node_hook(verb, arguments)

    def _live(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the ledger has not been started")
        return self._ledger

    def declared(self, host: Host) -> Mapping[str, Any]:
        """What the demo's candidate file says about the ledger."""
        return {
            "ledger": {
                "chain": CHAIN,
                "profile": "neutral",
                "nodes": list(NODES),
                "validators": len(NODES),
                "faults_tolerated": 1,
                "finality_ms_max": 2_000,
                "clock_skew_ms_max": SKEW_MS_MAX,
                "algorithms": {"hash": "sm3", "transaction": "sm2-sm3", "commit": "sm2-sm3", "receipt": "sm2-sm3"},
                "hash_profile": dict(HASH_PROFILE),
                "approvals": APPROVALS,
                "private_group": "custody",
                "private_member": "alice",
                "private_outsider": "bob",
            }
        }

    def supports(self) -> Sequence[str]:
        """Capabilities of the ledger."""
        operations = tuple(f"ledger.{name}" for name in OPERATIONS)
        return (*operations, "ledger.transfers", "ledger.accounts", "ledger.governance", "ledger.receipts.signed")

    def start(self, host: Host) -> None:
        """Begin a new life with an empty chain."""
        self.stop()
        self._ledger = Ledger(host)
        self._ledger.start()

    def stop(self) -> None:
        """End the present life."""
        if self._ledger is not None:
            self._ledger.stop()
            self._ledger = None


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


PART: ReferencePart = LedgerPart()
