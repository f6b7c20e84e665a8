"""What most money checks need: two accounts, a payment the product accepts, and a way to see that nothing moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.sdk import (
    Accepted,
    Account,
    Answer,
    Candidate,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Prepared,
    accepted,
    describe,
)
from conformance.sdk.load import WireRequest

#: Minor units of the payments that checks rewrite: digits that stand nowhere else in a request.
AMOUNT = 12_37


@dataclass(frozen=True, slots=True)
class Scene:
    """A debtor with money and a creditor with none, both accounts of the caller."""

    candidate: Candidate
    evidence: Evidence
    debtor: Account
    creditor: Account

    @classmethod
    def set(cls, candidate: Candidate, evidence: Evidence, *, balance: int = 1_000_00) -> Scene:
        """Open both accounts, in the product's own currency."""
        return cls(candidate, evidence, opened(candidate, balance), opened(candidate, 0))

    def payment(self, amount: int = AMOUNT, **arguments: Any) -> Prepared:
        """Return a payment from debtor to creditor under an idempotency key of its own, not yet sent."""
        return self.candidate.prepare(
            "payments.create",
            **{
                "debtor": self.debtor.id,
                "creditor": self.creditor.id,
                "amount": amount,
                "currency": self.debtor.currency,
                "reference": self.evidence.unique("ref"),
                "idempotency_key": self.evidence.unique("key"),
                **arguments,
            },
        )

    def paid(self, amount: int = AMOUNT) -> Accepted:
        """Make a payment and return its answer; inconclusive if the product does not accept it."""
        return control(self.payment(amount), f"a payment of {amount} minor units")

    def money(self) -> Any:
        """Return what must not change when a payment is refused: both balances, or what stands in for them."""
        return money_of(self.candidate, self.debtor, self.creditor)


def currency_of(candidate: Candidate) -> str:
    """Return the currency to pay in: the mapping's, else that of the first prepared account, else CNY."""
    pooled = next((str(item["currency"]) for item in candidate.file.pool if item.get("currency")), "CNY")
    return str(candidate.file.mapping.get("currency") or pooled)


def opened(candidate: Candidate, balance: int) -> Account:
    """Lease an account of the caller with ``balance`` minor units of the product's currency."""
    return candidate.account(balance=balance, currency=currency_of(candidate))


def money_of(candidate: Candidate, *accounts: Account) -> Any:
    """Read the state of accounts by the best operation there is: balances, else statements, else payments.

    Raises NotTested when the candidate offers none of them: a refusal could then not be told from a lie.
    """
    if candidate.offers("accounts.balance"):
        return {account.id: candidate.balance(account) for account in accounts}
    if candidate.offers("accounts.statement"):
        return {account.id: len(candidate.statement(account)) for account in accounts}
    if candidate.offers("payments.list"):
        return {account.id: _payments(candidate, account) for account in accounts}
    raise NotTested("no operation shows what a payment did: map accounts.balance, accounts.statement or payments.list")


def moved(before: Any, after: Any) -> list[int]:
    """Return what changed between two readings of :func:`money_of`, by account: balances, or numbers of entries."""
    return [_number(after[key]) - _number(before[key]) for key in before]


def _number(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(str(value))


#: Pages of a list of payments that are read as the state of one account.
PAGES_MAX = 20


def _payments(candidate: Candidate, account: Account) -> list[str]:
    reader = candidate.as_user(account.owner) if account.owner else candidate
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(PAGES_MAX):
        value = accepted(reader.call("payments.list", account=account.id, **cursor), "the list of payments")
        found += [str(item["id"]) for item in value.get("items", ())]
        cursor = {"cursor": value["next"]} if value.get("next") else {}
        if not cursor:
            return sorted(found)
    raise Inconclusive(
        f"payments.list goes on after {PAGES_MAX} pages: let it name the account, or map accounts.balance"
    )


def sends(candidate: Candidate, request: Prepared, argument: str, other: Any) -> bool:
    """Tell whether an argument travels with a request, in whatever form: one placed nowhere tests nothing.

    ``other`` is another value of it, with which the request must look different in more than what differs each time
    (nonces, signatures). Requests of several calls and drivers other than HTTP are believed: where it goes cannot be
    seen from here.
    """
    try:
        first, again, changed = map(candidate.wire, (request, request, request.with_arguments(**{argument: other})))
    except NotTested:
        return True
    words = [_words(wire) for wire in (first, again, changed)]
    if len({len(each) for each in words}) > 1:
        return True
    return any(one == same and one != new for one, same, new in zip(*words, strict=True))


def _words(wire: WireRequest) -> list[bytes]:
    headers = "\n".join(f"{name}: {value}" for name, value in wire.headers)
    return re.findall(rb"[\w-]+|\W", f"{wire.url}\n{headers}\n".encode("utf-8", "replace") + bytes(wire.body or b""))


def control(request: Prepared, what: str) -> Accepted:
    """Send a request that must be accepted for the check to mean anything, and return its answer."""
    answer = request.send()
    accepted(answer, what)
    if not isinstance(answer, Accepted):
        raise Inconclusive(f"positive control: {what} was {describe(answer)}")
    return answer


# -- literals on the wire -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wire:
    """The body of an accepted payment, in which the amount can be replaced by any literal.

    ``parts``: the body without the amount, which stands between them, twice where both sides of a transfer name it;
    ``quoted``: it is JSON text; ``decimals``: it is written in major units; ``json``: the body is JSON.
    """

    parts: tuple[bytes, ...]
    key: str
    quoted: bool
    decimals: bool
    json: bool

    @classmethod
    def of(cls, sent: Prepared, answer: Accepted) -> Wire:
        """Find the amount in the body of an accepted payment of :data:`AMOUNT`; raises NotTested if it is not there."""
        body = answer.exchange.request_body
        for text, decimals in ((rb"1237", False), (rb"12\.37", True)):
            spelled = re.compile(rb'(?<![\w.-])"?' + text + rb'"?(?![\w.-])')
            found = set(spelled.findall(body))
            if len(found) > 1:
                raise NotTested("the amount stands in the body of the product's own request in several spellings")
            if found:
                key = str(sent.arguments.get("idempotency_key", ""))
                quoted = found.pop().startswith(b'"')
                return cls(tuple(spelled.split(body)), key, quoted, decimals, is_json(answer))
        raise NotTested("the amount cannot be found in the body of the product's own request")

    def number(self, text: str) -> str:
        """Return a number as this product writes numbers: bare, or as JSON text."""
        return f'"{text}"' if self.quoted else text

    def minor(self, amount: int) -> str:
        """Return an amount of minor units, not negative, as this product writes amounts; exact however large it is."""
        return self.number(f"{amount // 100}.{amount % 100:02d}" if self.decimals else str(amount))

    def body(self, literal: str, key: str) -> bytes:
        """Return the body with ``literal`` for the amount and ``key`` wherever the old idempotency key stood."""
        text = literal.encode("utf-8").join(self.parts)
        return text.replace(self.key.encode(), key.encode()) if self.key else text


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Makes payments whose body was rewritten byte by byte, each under its own idempotency key.

    ``twin`` is the answer to an accepted payment that was itself sent as rewritten bytes, so that a refusal of the
    others is about the literal and not about the way they were sent.
    """

    scene: Scene
    wire: Wire
    twin: Accepted
    #: The reference text that stands in every rewritten body.
    reference: str

    @classmethod
    def of(cls, scene: Scene) -> Rewriter:
        """Send the positive controls and return a rewriter."""
        original = scene.payment()
        wire = Wire.of(original, control(original, "the payment that is to be rewritten"))
        first = _with_body(scene.payment(), lambda key: wire.body(wire.minor(AMOUNT), key))
        twin = control(first, "the same payment sent as raw bytes")
        return cls(scene, wire, twin, str(original.arguments["reference"]))

    def amount(self, literal: str) -> Prepared:
        """Return a payment whose amount is exactly ``literal`` on the wire."""
        return _with_body(self.scene.payment(), lambda key: self.wire.body(literal, key))

    def bytes(self, change: Callable[[bytes], bytes]) -> Prepared:
        """Return a payment whose whole body was changed."""
        return _with_body(self.scene.payment(), lambda key: change(self.wire.body(self.wire.minor(AMOUNT), key)))

    def require_json(self) -> None:
        """Raise NotApplicable unless the product takes JSON: other formats have no types."""
        if not self.wire.json:
            raise NotApplicable("the product's requests are not JSON")


def _with_body(payment: Prepared, make: Callable[[str], bytes]) -> Prepared:
    return payment.with_bytes(make(str(payment.arguments["idempotency_key"])))


def is_json(answer: Answer) -> bool:
    """Tell whether the request of an exchange was JSON."""
    headers = {name.lower(): value for name, value in answer.exchange.request_headers.items()}
    return "json" in headers.get("content-type", "")
