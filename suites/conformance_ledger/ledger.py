"""The ledger as a check sees it: nodes, blocks, accounts, and what became of a transaction on every node.

Two rules hold throughout. A check asserts on the ledger's effect on every node, never on the text of an error. And
"refused" means: not committed after further blocks, while a control transaction sent later is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar

from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Evidence,
    Finding,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    accepted,
    describe,
    eventually,
    expect,
)
from conformance_ledger.oracle import HashProfile, NeutralProfile, profile_of
from conformance_ledger.transactions import Maker, Payer, Signed

T = TypeVar("T")
Value = Mapping[str, Any]


class Ledger:
    """All nodes of the candidate's ledger. ``params`` bounds waiting (seconds) and how far checks look back."""

    def __init__(self, candidate: Candidate, evidence: Evidence, params: Params) -> None:
        self.candidate = candidate
        self.evidence = evidence
        declared = candidate.declared.get("ledger")
        if not isinstance(declared, Mapping):
            raise NotTested("[declared.ledger] is missing in candidate.toml", blame="CONFIG")
        self.declared: Mapping[str, Any] = declared
        self.nodes = tuple(str(name) for name in declared.get("nodes", candidate.endpoints))
        if not self.nodes:
            raise NotTested("[declared.ledger] nodes names no endpoint", blame="CONFIG")
        self.patience_s = float(declared.get("patience_s", params["patience_s"]))
        self.blocks_max = int(params["blocks_max"])
        self.control_blocks = int(params["control_blocks"])
        self._maker = Maker(candidate, declared, self.profile)
        self._purse: tuple[Payer, Payer] | None = None

    @cached_property
    def profile(self) -> HashProfile:
        """The declared encodings."""
        return profile_of(self.declared)

    @property
    def neutral(self) -> NeutralProfile:
        """The neutral encodings; raises NotTested for a ledger that has others."""
        if not isinstance(self.profile, NeutralProfile):
            raise NotTested("this check needs the neutral transaction form", blame="CONFIG")
        return self.profile

    # -- reading ------------------------------------------------------------------------------------------

    def ask(self, operation: str, node: str = "", /, **arguments: Any) -> dict[str, Any]:
        """Return what a node answers; raises Inconclusive if it does not."""
        answer = self.at(node).call(f"ledger.{operation}", **arguments)
        return accepted(answer, f"ledger.{operation} at {node or self.nodes[0]}")

    def at(self, node: str = "") -> Candidate:
        """Return the candidate behind one node, the first by default."""
        return self.candidate.at(node or self.nodes[0])

    def height(self, node: str = "") -> int:
        """Return the height of a node's last final block."""
        return int(self.ask("head", node)["height"])

    def block(self, height: int, node: str = "") -> dict[str, Any]:
        """Return a block."""
        return self.ask("block", node, height=height)

    def recent(self, node: str = "") -> list[dict[str, Any]]:
        """Return the last blocks, oldest first: all of a short chain, else as many as the profile allows."""
        tip = self.height(node)
        lowest = max(int(self.declared.get("first_height", 0)), tip - self.blocks_max + 1)
        return [self.block(height, node) for height in range(lowest, tip + 1)]

    def computed(self, compute: Callable[[], T], what: str) -> T:
        """Return what ``compute`` makes of the product's values; raises Finding when they lack what it needs."""
        try:
            return compute()
        except (KeyError, ValueError, TypeError, IndexError) as problem:
            detail = f"{type(problem).__name__}: {problem}"
            raise Finding(f"{what} cannot be recomputed from what the node shows", actual=detail) from problem

    def balance(self, account: str, node: str = "") -> int:
        """Return an account's balance on one node."""
        return int(self.ask("call", node, function="balance", account=account)["balance"])

    def balances(self, *accounts: str, nodes: Collection[str] = ()) -> dict[str, tuple[int, ...]]:
        """Return the balances of accounts on every node: one tuple per node."""
        return {node: tuple(self.balance(account, node) for account in accounts) for node in nodes or self.nodes}

    # -- transactions -------------------------------------------------------------------------------------

    def open(self, balance: int = 10_000, role: str = "holder") -> Payer:
        """Return a new account with ``balance``, present on every node."""
        payer, transaction = self._maker.enrol(balance, role)
        if transaction:
            self.settled(transaction, "the registration of a test account")
        return payer

    def transfer(self, payer: Payer, to: str, amount: object, **changes: Any) -> Signed:
        """Return a signed transfer that has not been sent."""
        height = self.height(self._awake())
        return self._maker.make(payer, height, {"to": to, "amount": amount, **changes})

    def submit(self, signed: Signed, node: str = "", user: str = "") -> Answer:
        """Send a transaction to one node."""
        arguments = {"transaction": signed.transaction}
        if signed.payload is not None:
            arguments["payload"] = dict(signed.payload)
        target = self.at(node or self._awake())
        return (target.as_user(user) if user else target).call("ledger.submit", **arguments)

    def send(self, signed: Signed, node: str = "", user: str = "") -> None:
        """Send a valid transaction: a positive control, inconclusive if the node does not take it."""
        answer = self.submit(signed, node, user)
        if not isinstance(answer, Accepted):
            raise Inconclusive(f"positive control: a valid transaction was {describe(answer)}", blame="PRODUCT")

    def place(self, transaction: str, node: str = "") -> dict[str, Any] | None:
        """Return a node's receipt of a committed transaction, or None."""
        answer = self.at(node).call("ledger.receipt", transaction=transaction)
        confirmed = isinstance(answer, Accepted) and answer.value.get("state") == "confirmed"
        return answer.value if isinstance(answer, Accepted) and confirmed else None

    def committed(self, transaction: str, nodes: Collection[str] = ()) -> dict[str, dict[str, Any]]:
        """Return the receipts of those nodes that hold a transaction as final."""
        found = {node: self.place(transaction, node) for node in nodes or self.nodes}
        return {node: receipt for node, receipt in found.items() if receipt is not None}

    def settled(self, transaction: str, what: str, nodes: Collection[str] = ()) -> dict[str, dict[str, Any]]:
        """Wait until every node holds a transaction as final: a positive control, inconclusive if it never comes."""
        wanted = tuple(nodes or self.nodes)

        def everywhere() -> dict[str, dict[str, Any]] | None:
            found = self.committed(transaction, wanted)
            return found if len(found) == len(wanted) else None

        try:
            return eventually(everywhere, deadline_s=self.patience_s, what=f"finality of {what}")
        except Finding as late:
            raise Inconclusive(f"positive control: {late.message}", blame="PRODUCT") from late

    def pay(self, payer: Payer, to: str, amount: int, nodes: Collection[str] = ()) -> Signed:
        """Transfer and wait until it is final on every node (or on ``nodes``)."""
        signed = self.transfer(payer, to, amount)
        self.send(signed, next(iter(nodes), ""))
        self.settled(signed.id, "a valid transfer", nodes)
        return signed

    def control(self, nodes: Collection[str] = ()) -> None:
        """Send control transactions one after another until each is final, so that further blocks have passed."""
        if self._purse is None:
            raise Inconclusive("the check prepared no control accounts", blame="HARNESS")
        giver, taker = self._purse
        for _ in range(self.control_blocks):
            self.pay(giver, taker.account, 1, nodes)

    def prepare_control(self) -> None:
        """Open the accounts that control transactions use, while the network is whole."""
        self._purse = (self.open(1_000), self.open(0))

    def must_not_commit(self, signed: Signed, because: str, nodes: Collection[str] = ()) -> None:
        """Fail if any node holds the transaction after further blocks with control transactions."""
        self.control(nodes)
        found = self.committed(signed.id, nodes)
        places = {node: receipt.get("height") for node, receipt in found.items()}
        expect(not found, f"must not be committed: {because}", expected="on no node", actual=str(places))

    def make_history(self, blocks: int = 4) -> None:
        """Open accounts until the chain has a few blocks, where the test environment can; else take it as it is."""
        if not isinstance(self.profile, NeutralProfile) or "ledger_account" not in self.candidate.file.hooks:
            return
        for _ in range(blocks):
            if self.height() >= int(self.declared.get("first_height", 0)) + blocks:
                return
            self.open(0)

    def await_empty_block(self) -> None:
        """Wait until the last block holds no transaction; raises NotApplicable where there are no such blocks."""

        def found() -> bool:
            return not self.block(self.height())["transactions"]

        try:
            eventually(found, deadline_s=self.patience_s, what="a block without transactions")
        except Finding as none:
            raise NotApplicable("this ledger makes no blocks without transactions") from none

    # -- the test environment -----------------------------------------------------------------------------

    def hook(self, name: str, **arguments: Any) -> None:
        """Run a hook of the test environment."""
        self.candidate.hook(name, **arguments)

    def caught_up(self, node: str, like: str) -> None:
        """Wait until a node has the other's head; fails if it never does."""

        def same() -> bool:
            mine, theirs = (self.at(name).call("ledger.head") for name in (node, like))
            if not isinstance(mine, Accepted) or not isinstance(theirs, Accepted):
                return False
            return int(mine.value["height"]) >= int(theirs.value["height"])

        eventually(same, deadline_s=self.patience_s, what=f"{node} catching up with {like}")

    def _awake(self) -> str:
        """Return the first node that answers."""
        for node in self.nodes:
            if isinstance(self.at(node).call("ledger.head"), Accepted):
                return node
        raise Inconclusive("no node answers", blame="PRODUCT")
