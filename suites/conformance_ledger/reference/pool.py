"""The pool of one node: transactions that it takes in, that came too early, and that it drops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from conformance_ledger.reference import limits
from conformance_ledger.reference.chain import Chain
from conformance_ledger.reference.events import Events
from conformance_ledger.reference.transactions import Rejected, Rules, Transaction


class Pool(dict[str, Transaction]):
    """Transactions that wait for a block, by their ids; ``rejected`` holds the codes of those that were dropped."""

    def __init__(
        self,
        node: str,
        chain: Chain,
        groups: Collection[str],
        rules: Rules,
        now_ms: Callable[[], int],
        events: Events,
    ) -> None:
        super().__init__()
        self.rejected: dict[str, str] = {}
        self._node = node
        self._chain = chain
        self._groups = groups
        self._rules = rules
        self._now_ms = now_ms
        self._events = events
        self._early: list[Transaction] = []
        self._seen: set[str] = set()

    # -- taking in ----------------------------------------------------------------------------------------

    def submit(self, transaction: Transaction) -> None:
        """Take in what a client sent; raises Rejected."""
        known = transaction.id in self or transaction.id in self._chain.places
        if known and not self._repeats():
            raise Rejected("duplicate", "the transaction is known already", 409)
        self._admit(transaction)

    def hear(self, transaction: Transaction) -> None:
        """Take in what another node passed on, or note why not."""
        if transaction.id in self or (transaction.id in self._chain.places and not self._repeats()):
            return
        if transaction["from"] not in self._chain.state.accounts:
            # The block that opens the account may still be on its way here.
            self._early = [*self._early[-limits.EARLY_MAX :], transaction]
            return
        try:
            self._admit(transaction)
        except Rejected as problem:
            self.rejected[transaction.id] = problem.code

    def _admit(self, transaction: Transaction) -> None:
        self._require_acceptable(transaction)
        state = self._chain.state
        state.check(transaction, self._chain.head.height + 1, waiting=True)
        frozen = state.accounts[transaction["from"]].status == "frozen"
        if frozen and self._rules("freeze-one-node") and self._node == min(self._chain.validators):
            raise Rejected("account-frozen", "the sender's account is frozen", 403)
        self[transaction.id] = transaction
        self.rejected.pop(transaction.id, None)
        self._seen.add(transaction.id)

    def _require_acceptable(self, transaction: Transaction) -> None:
        """Raise Rejected for what this node does not take, whatever the accounts hold."""
        rules = self._rules
        if transaction["chain"] != self._chain.id and not rules("chain-unchecked"):
            raise Rejected("wrong-chain", "the transaction names another chain")
        if transaction["group"] not in self._groups:
            raise Rejected("unknown-group", "there is no such group", 404)
        if transaction["time"] > self._now_ms() + limits.CLIENT_AHEAD_MS_MAX and not rules("client-clock-trusted"):
            raise Rejected("future-dated", "the transaction's time lies ahead of this node's clock")
        if len(self) >= limits.POOL_MAX:
            raise Rejected("pool-full", "too many transactions are waiting", 429)
        if rules("dedup-in-memory") and transaction.id in self._seen:
            raise Rejected("duplicate", "the transaction was seen since this node started", 409)

    def _repeats(self) -> bool:
        return self._rules("replay-applied") or self._rules("dedup-in-memory")

    # -- giving out ---------------------------------------------------------------------------------------

    def any_ready(self) -> bool:
        """Tell whether a transaction could be executed now."""
        accounts = self._chain.state.accounts
        return any(self._ready(item, accounts[item["from"]].nonce) for item in self.values())

    def _ready(self, transaction: Transaction, nonce: int) -> bool:
        loose = any(self._rules(name) for name in ("gap-executed", "replay-applied", "dedup-in-memory"))
        return transaction["nonce"] == nonce or loose

    def settle(self, transactions: Iterable[Transaction]) -> None:
        """Take out what a new block holds, look again at what came too early, and drop what became hopeless."""
        for transaction in transactions:
            self.pop(transaction.id, None)
            self._seen.add(transaction.id)
        early, self._early = self._early, []
        for transaction in early:
            self.hear(transaction)
        self.drop_hopeless()

    def drop_hopeless(self) -> None:
        """Take out what can never be executed any more."""
        for transaction in list(self.values()):
            try:
                self._chain.state.check(transaction, self._chain.head.height + 1)
            except Rejected as problem:
                if problem.code != "nonce-ahead":
                    del self[transaction.id]
                    self.rejected[transaction.id] = problem.code
                    self._events.append(transaction["from"], "submit", transaction.id, "refused", problem.code)
