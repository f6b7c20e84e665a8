"""The state of the reference ledger and how transactions change it: the same on every node, or the node says so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance_ledger.reference.encoding import digest, encode, leaf_hash, tree_path, tree_root
from conformance_ledger.reference.transactions import AMOUNT_MAX, Rejected, Rules, Transaction, signed_by, wrapped

STATE_TAG = "state/v1"
STATE_VALUE = ("balance", "nonce", "status", "role", "public_key")
#: How many governors must ask for the same intervention before it takes effect.
APPROVALS = 2


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of the state. ``nonce`` is the number the next transaction must carry."""

    balance: int
    nonce: int
    status: str
    role: str
    public_key: str

    def values(self) -> list[str | int]:
        """Return the fields in the order of the declared state encoding."""
        return [self.balance, self.nonce, self.status, self.role, self.public_key]


def account_id(public_key: str) -> str:
    """Return the account that belongs to a public key (hexadecimal): it never changes and is never given twice."""
    return digest("account/v1", [public_key])[:40]


class State:
    """Accounts and pending approvals after some block. Copies share nothing that can change."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.accounts: dict[str, Account] = {}
        self.approvals: dict[str, tuple[str, ...]] = {}

    def copy(self) -> State:
        """Return an independent copy, on which a block can be tried."""
        other = State(self._rules)
        other.accounts = dict(self.accounts)
        other.approvals = dict(self.approvals)
        return other

    # -- reading ------------------------------------------------------------------------------------------

    def entries(self) -> list[tuple[str, list[str | int]]]:
        """Return all keys with their values, in the order of the state tree."""
        accounts = [(f"account/{key}", account.values()) for key, account in self.accounts.items()]
        approvals: list[tuple[str, list[str | int]]] = [
            (f"approval/{key}", [*names]) for key, names in self.approvals.items()
        ]
        return sorted(accounts + approvals)

    def _leaves(self) -> list[bytes]:
        return [leaf_hash(encode(STATE_TAG, [key, *values])) for key, values in self.entries()]

    def root(self) -> str:
        """Return the root of the state tree."""
        return tree_root(self._leaves())

    def proof(self, key: str) -> dict[str, object]:
        """Return value, position and path of one key; raises Rejected when there is no such key."""
        entries = self.entries()
        for index, (name, values) in enumerate(entries):
            if name == key:
                path = tree_path(self._leaves(), index)
                return {"key": key, "value": values, "index": index, "size": len(entries), "path": path}
        raise Rejected("unknown-key", "there is no such key in the state", 404)

    # -- rules --------------------------------------------------------------------------------------------

    def check(self, transaction: Transaction, height: int, *, waiting: bool = False) -> None:
        """Raise Rejected unless the transaction may be executed in the block at ``height``.

        With ``waiting`` a nonce ahead of its turn is no obstacle: the transaction may wait in the pool.
        """
        sender = self.accounts.get(transaction["from"])
        if sender is None or not signed_by(transaction, sender.public_key, self._rules):
            raise Rejected("bad-signature", "the transaction is not signed by the key registered for its sender")
        if transaction["valid_until"] < height and not self._rules("expiry-ignored"):
            raise Rejected("expired", "the transaction's validity window has passed")
        self._check_standing(transaction, sender)
        self._check_nonce(transaction, sender, waiting)
        self._check_kind(transaction)
        self._check_funds(transaction, sender, waiting)

    def _check_standing(self, transaction: Transaction, sender: Account) -> None:
        if sender.status == "frozen" and not self._rules("freeze-one-node"):
            raise Rejected("account-frozen", "the sender's account is frozen", 403)
        if transaction["kind"] == "open" and sender.role != "issuer":
            raise Rejected("not-allowed", "only the issuer opens accounts", 403)
        if transaction["kind"] in ("freeze", "unfreeze") and sender.role != "governor":
            raise Rejected("not-allowed", "only governors intervene", 403)

    def _check_nonce(self, transaction: Transaction, sender: Account, waiting: bool) -> None:
        nonce, rules = transaction["nonce"], self._rules
        if rules("replay-applied") or rules("dedup-in-memory") or (rules("checked-at-admission-only") and not waiting):
            return
        if nonce < sender.nonce:
            raise Rejected("nonce-used", f"the next nonce of this account is {sender.nonce}", 409)
        if nonce > sender.nonce and not waiting and not rules("gap-executed"):
            raise Rejected("nonce-ahead", f"the next nonce of this account is {sender.nonce}", 409)

    def _check_kind(self, transaction: Transaction) -> None:
        if transaction["kind"] == "open":
            key = transaction["data"].partition(":")[2]
            if transaction["to"] in self.accounts or account_id(key) != transaction["to"]:
                raise Rejected("account-exists", "the account exists or does not belong to that key", 409)
            return
        if transaction["kind"] != "note" and transaction["to"] not in self.accounts:
            raise Rejected("unknown-account", "there is no such account", 404)

    def _check_funds(self, transaction: Transaction, sender: Account, waiting: bool) -> None:
        if self._rules("amount-wraps") or (self._rules("checked-at-admission-only") and not waiting):
            return
        if not 0 <= transaction["amount"] <= AMOUNT_MAX:
            raise Rejected("amount-out-of-range", f"`amount` must lie between 0 and {AMOUNT_MAX} minor units")
        if transaction["kind"] == "transfer" and transaction["amount"] > sender.balance:
            raise Rejected("insufficient-balance", "the balance does not cover the amount", 409)

    # -- effects ------------------------------------------------------------------------------------------

    def apply(self, transaction: Transaction) -> None:
        """Carry out a transaction that :meth:`check` has allowed."""
        sender = self.accounts[transaction["from"]]
        self.accounts[transaction["from"]] = replace(sender, nonce=max(sender.nonce, transaction["nonce"] + 1))
        match transaction["kind"]:
            case "transfer":
                self._move(transaction)
            case "open":
                role, _, key = transaction["data"].partition(":")
                self.accounts[transaction["to"]] = Account(transaction["amount"], 0, "active", role, key)
            case "freeze" | "unfreeze":
                self._intervene(transaction)

    def _move(self, transaction: Transaction) -> None:
        amount = wrapped(transaction["amount"])
        for name, change in ((transaction["from"], -amount), (transaction["to"], amount)):
            account = self.accounts[name]
            self.accounts[name] = replace(account, balance=account.balance + change)

    def _intervene(self, transaction: Transaction) -> None:
        key = f"{transaction['kind']}/{transaction['to']}"
        names = tuple(sorted({*self.approvals.get(key, ()), transaction["from"]}))
        if len(names) < (1 if self._rules("one-approval-enough") else APPROVALS):
            self.approvals[key] = names
            return
        self.approvals.pop(key, None)
        status = "frozen" if transaction["kind"] == "freeze" else "active"
        self.accounts[transaction["to"]] = replace(self.accounts[transaction["to"]], status=status)

    def close_block(self, transactions: int) -> None:
        """Finish a block; a sound ledger changes nothing here."""
        if transactions or not self._rules("operator-backdoor"):
            return
        name = max(self.accounts)
        self.accounts[name] = replace(self.accounts[name], balance=self.accounts[name].balance + 1)
