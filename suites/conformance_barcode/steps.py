"""Steps that checks of this suite share: who acts, on which terms, and how a payload is taken apart."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from conformance.sdk import (
    Accepted,
    Account,
    Answer,
    Candidate,
    Evidence,
    Inconclusive,
    NotTested,
    Prepared,
    accepted,
    expect,
)
from conformance_barcode.emv import tlv
from conformance_barcode.emv.codes import NUMERIC, decimal_text
from conformance_barcode.image import QrReading, UnreadableImage, read
from conformance_barcode.vectors import Vector, concerning


@dataclass(frozen=True, slots=True)
class Terms:
    """What codes of this candidate are made for. ``account`` is used where accounts cannot be opened."""

    currency: str
    country: str
    category: str
    account: str

    @property
    def numeric(self) -> str:
        """Return the numeric currency code that a payload carries."""
        return NUMERIC.get(self.currency, self.currency)

    def text(self, minor: int) -> str:
        """Return an amount of minor units as a payload writes it."""
        return decimal_text(minor, self.currency)


def declared(candidate: Candidate) -> Mapping[str, Any]:
    """Return the table ``[declared.barcode]`` of the candidate file."""
    table = candidate.declared.get("barcode", {})
    return table if isinstance(table, Mapping) else {}


def terms(candidate: Candidate) -> Terms:
    """Return the candidate's terms; Chinese ones where it declares none."""
    table = declared(candidate)
    return Terms(
        currency=str(table.get("currency", "CNY")),
        country=str(table.get("country", "CN")),
        category=str(table.get("mcc", "5411")),
        account=str(table.get("account", "")),
    )


def merchant(candidate: Candidate) -> Candidate:
    """Return the candidate as its merchant sees it, or as it is where it knows no users."""
    return candidate.as_user("shop") if "shop" in candidate.file.users else candidate


def merchant_account(candidate: Candidate, currency: str | None = None) -> str:
    """Return an account that receives money: opened, leased, or the declared one."""
    wanted = terms(candidate)
    if wanted.account and not candidate.offers("accounts.open"):
        return wanted.account
    shop = merchant(candidate)
    return shop.account(balance=0, currency=currency or wanted.currency, owner=shop.user).id


def code_request(candidate: Candidate, evidence: Evidence, kind: str, **changes: Any) -> Prepared:
    """Return the request for a code with harmless contents; ``changes`` replaces or, with None, drops arguments."""
    wanted = terms(candidate)
    arguments: dict[str, Any] = {
        "kind": kind,
        "currency": wanted.currency,
        "name": "CORNER SHOP",
        "city": "BEIJING",
        "country": wanted.country,
        "mcc": wanted.category,
    }
    if kind == "dynamic":
        arguments |= {"amount": 23_72, "order": order_number(evidence)}
    if "account" not in changes:
        arguments["account"] = merchant_account(candidate, changes.get("currency"))
    arguments |= changes
    chosen = {name: value for name, value in arguments.items() if value is not None}
    return merchant(candidate).prepare("codes.create", **chosen)


def order_number(evidence: Evidence) -> str:
    """Return an order number of 20 upper-case letters and digits."""
    return "O" + evidence.unique("order").rpartition("-")[2][:19].upper()


def code(candidate: Candidate, evidence: Evidence, kind: str, **changes: Any) -> dict[str, Any]:
    """Make a code and return the canonical value; inconclusive when it is not made."""
    return accepted(code_request(candidate, evidence, kind, **changes), f"a {kind} code with ordinary contents")


def objects(payload: str) -> dict[str, str]:
    """Return the root objects of a payload that the candidate made; fails when the frame is broken."""
    try:
        return tlv.values(tlv.parse(payload))
    except tlv.FrameError as error:
        shown = payload[:120]
        expect(
            False, f"the payload is not a sequence of data objects: {error}", expected="ID, length, value", actual=shown
        )
        raise


def inside(value: str) -> dict[str, str]:
    """Return the objects of a template of the candidate's own payload, or none where it is no template."""
    try:
        return tlv.values(tlv.parse(value))
    except tlv.FrameError:
        return {}


def picture(candidate: Candidate, made: Mapping[str, Any]) -> bytes:
    """Return the picture of a code as bytes."""
    value = accepted(merchant(candidate).call("codes.image", code=made["code"]), "the picture of a code")
    try:
        return base64.b64decode(str(value["png"]), validate=True)
    except (KeyError, ValueError) as error:
        raise Inconclusive(f"codes.image gave no picture in base64: {error}", blame="CONFIG") from error


def reading(candidate: Candidate, evidence: Evidence, made: Mapping[str, Any]) -> QrReading:
    """Return what a reader finds in the picture of a code; fails when it finds nothing."""
    png = picture(candidate, made)
    try:
        found = read(png)
    except UnreadableImage as error:
        expect(False, f"the picture cannot be read: {error}", expected="one QR code", actual=str(error))
        raise
    seen = {
        "version": found.version, "level": found.level, "modes": found.modes, "inverted": found.inverted,
        "quiet zone in modules": round(found.quiet_zone, 1), "unused correction": round(found.unused_correction, 2),
    }  # fmt: skip
    evidence.note("picture", seen)
    return found


def sample(candidate: Candidate) -> Vector:
    """Return a valid merchant-presented payload of a scheme that the candidate reads, a strict one if there is any."""
    known = [item for item in concerning(declared(candidate)) if item.format == "mpm" and item.valid]
    if not known:
        raise NotTested("no known payload of the schemes declared under [declared.barcode]", blame="CONFIG")
    return next((item for item in known if item.strict), known[0])


def parallel(sends: list[Callable[[], Answer]]) -> list[Answer]:
    """Send requests at the same time and return the answers in order."""
    with ThreadPoolExecutor(max_workers=len(sends)) as pool:
        return list(pool.map(lambda send: send(), sends))


def successes(answers: list[Answer]) -> list[Accepted]:
    """Return the accepted answers."""
    return [answer for answer in answers if isinstance(answer, Accepted)]


@dataclass(frozen=True)
class Till:
    """A payer and a merchant with fresh accounts, ready to do business."""

    candidate: Candidate
    evidence: Evidence
    payer: Account
    shop: Account

    @classmethod
    def open(cls, candidate: Candidate, evidence: Evidence, *, balance: int = 1_000_00, float_: int = 0) -> Till:
        """Open it with ``balance`` minor units of CNY on the payer's account and ``float_`` on the merchant's."""
        payer = candidate.as_user("alice").account(balance=balance, owner="alice")
        return cls(candidate, evidence, payer, candidate.as_user("shop").account(balance=float_, owner="shop"))

    def paycode(self) -> str:
        """Issue a payment code of the payer."""
        issued = self.candidate.as_user("alice").call("paycodes.issue", account=self.payer.id)
        return str(accepted(issued, "a new payment code")["paycode"])

    def collect(self, paycode: str, amount: int, **changes: Any) -> Prepared:
        """Return the merchant's request to collect by a payment code."""
        arguments: dict[str, Any] = {
            "paycode": paycode,
            "merchant_account": self.shop.id,
            "amount": amount,
            "currency": "CNY",
            "order": order_number(self.evidence),
            "idempotency_key": self.evidence.unique("key"),
        }
        return self.candidate.as_user("shop").prepare("codes.pay", **(arguments | changes))

    def code(self, kind: str, **changes: Any) -> dict[str, Any]:
        """Make a code that pays into the merchant's account."""
        return code(self.candidate, self.evidence, kind, account=self.shop.id, **changes)

    def scan(self, payload: str, amount: int, **changes: Any) -> Prepared:
        """Return the payer's request to pay what a merchant's code says."""
        arguments: dict[str, Any] = {
            "payload": payload,
            "debtor": self.payer.id,
            "amount": amount,
            "currency": "CNY",
            "idempotency_key": self.evidence.unique("key"),
        }
        return self.candidate.as_user("alice").prepare("codes.pay", **(arguments | changes))

    def paid(self, amount: int) -> dict[str, Any]:
        """Collect ``amount`` by a fresh payment code and return the confirmed order."""
        return accepted(self.collect(self.paycode(), amount), "an ordinary collection by payment code")

    def refund(self, order: str, amount: int, currency: str = "CNY") -> Prepared:
        """Return the merchant's request to refund an order."""
        key = self.evidence.unique("refund")
        shop = self.candidate.as_user("shop")
        return shop.prepare("refunds.create", order=order, amount=amount, currency=currency, idempotency_key=key)

    def balances(self) -> tuple[int, int]:
        """Return what payer and merchant have."""
        return self.candidate.balance(self.payer), self.candidate.balance(self.shop)
