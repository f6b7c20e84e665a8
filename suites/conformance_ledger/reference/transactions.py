"""Transactions of the reference ledger: their fields, encodings and the rules of admission that need no state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance_ledger.reference import sm
from conformance_ledger.reference.encoding import digest, encode

#: Tells whether a fault is switched on, by the part of its name after ``ledger.``.
Rules = Callable[[str], bool]

FIELDS = (
    "chain",
    "group",
    "kind",
    "from",
    "to",
    "amount",
    "nonce",
    "time",
    "valid_until",
    "public_key",
    "data",
)
KINDS = ("transfer", "open", "freeze", "unfreeze", "note")
SIGNING_TAG = "transaction/v1"
LEAF_TAG = "transaction-leaf/v1"
AMOUNT_MAX = 2**63 - 1
_INTEGERS = ("amount", "nonce", "time", "valid_until")
_TEXT_MAX = 4096


class Rejected(Exception):
    """A transaction, or a question about one, that the ledger declines. ``status`` is the HTTP status that says so."""

    def __init__(self, code: str, detail: str, status: int = 422) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status


@dataclass(frozen=True)
class Transaction:
    """A signed instruction. ``payload`` travels beside it, for members of its group only, and is not hashed."""

    fields: Mapping[str, Any]
    signature: str
    payload: Mapping[str, Any] | None = None

    @cached_property
    def signing_bytes(self) -> bytes:
        """What the sender signs: every field in declared order."""
        return encode(SIGNING_TAG, (self.fields[name] for name in FIELDS))

    @cached_property
    def id(self) -> str:
        """The digest of the signed bytes; a second signature over them makes no second transaction."""
        return sm.sm3(self.signing_bytes).hex()

    @cached_property
    def leaf(self) -> bytes:
        """What the transaction tree of a block commits to: fields and signature."""
        return encode(LEAF_TAG, [*(self.fields[name] for name in FIELDS), self.signature])

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def public(self) -> dict[str, Any]:
        """Return what everyone may see."""
        return {"id": self.id, **self.fields, "signature": self.signature}

    def whole(self) -> dict[str, Any]:
        """Return everything, as nodes store and exchange it."""
        return {"fields": dict(self.fields), "signature": self.signature, "payload": self.payload}

    @classmethod
    def from_whole(cls, value: Mapping[str, Any]) -> Transaction:
        """Read what :meth:`whole` returns."""
        return cls(dict(value["fields"]), value["signature"], value.get("payload"))


def parse(body: Any, rules: Rules) -> Transaction:
    """Read a submitted transaction; raises Rejected("malformed") for anything that is not exactly one."""
    if not isinstance(body, Mapping) or not isinstance(body.get("transaction"), Mapping):
        raise Rejected("malformed", "the body must be an object with a member `transaction`", 400)
    given = body["transaction"]
    fields: dict[str, Any] = {}
    for name in FIELDS:
        value = given.get(name)
        wanted = int if name in _INTEGERS else str
        if type(value) is not wanted or (isinstance(value, str) and len(value) > _TEXT_MAX):
            raise Rejected("malformed", f"`{name}` must be {'an integer' if wanted is int else 'a short text'}", 400)
        fields[name] = value
    signature = given.get("signature")
    if not isinstance(signature, str) or len(signature) > 256:
        raise Rejected("malformed", "`signature` must be hexadecimal text", 400)
    return Transaction(_in_range(fields, rules), signature, _payload(body, fields, rules))


def _payload(body: Mapping[str, Any], fields: Mapping[str, Any], rules: Rules) -> Mapping[str, Any] | None:
    payload = body.get("payload")
    if payload is None:
        return None
    known = isinstance(payload, Mapping) and all(isinstance(payload.get(name), str) for name in ("salt", "text"))
    matches = known and digest("payload/v1", [payload["salt"], payload["text"]]) == fields["data"]
    if not matches and not (known and rules("payload-unbound")):
        raise Rejected("payload-mismatch", "`data` must be the digest of the payload's salt and text")
    return {"salt": payload["salt"], "text": payload["text"]}


def _in_range(fields: dict[str, Any], rules: Rules) -> dict[str, Any]:
    if fields["kind"] not in KINDS:
        raise Rejected("malformed", f"`kind` must be one of {', '.join(KINDS)}", 400)
    if rules("amount-wraps"):
        return fields
    lowest = 1 if fields["kind"] == "transfer" else 0
    if not lowest <= fields["amount"] <= AMOUNT_MAX:
        raise Rejected("amount-out-of-range", f"`amount` must lie between {lowest} and {AMOUNT_MAX} minor units")
    return fields


def wrapped(amount: int) -> int:
    """Return an amount as a signed 64-bit register would hold it."""
    return (amount + 2**63) % 2**64 - 2**63


def signed_by(transaction: Transaction, registered_key: str, rules: Rules) -> bool:
    """Tell whether the transaction carries a signature of the key registered for its sender."""
    try:
        signature = bytes.fromhex(transaction.signature)
        key = transaction["public_key"] if rules("sender-trusted") else registered_key
        public = bytes.fromhex(key)
    except ValueError:
        return False
    if rules("signature-length-only"):
        return len(signature) == 64
    if transaction["public_key"] != registered_key and not rules("sender-trusted"):
        return False
    return sm.verify(public, transaction.signing_bytes, signature)
