"""Cards: the one behind every account, and those that customers bind with their personal data.

Kept: what is shown masked, and the number sealed. Never kept: the verification code and the PIN (PCI DSS 3.3.1).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS cards (account TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
"""

_MEMBERS = ("pan", "holder", "identity", "phone", "cvv", "pin")
_KEPT = ("pan", "holder", "identity", "phone")
_FORMS: Mapping[str, re.Pattern[str]] = {
    "pan": re.compile(r"[3-6]\d{12,18}"),
    "identity": re.compile(r"\d{17}[\dX]"),
    "phone": re.compile(r"1[3-9]\d{9}"),
    "cvv": re.compile(r"\d{3,4}"),
    "pin": re.compile(r"\d{6}"),
}
_IDENTITY_WEIGHTS = [2**place % 11 for place in range(17, 0, -1)]


class Cards:
    """The bound cards of one bank, sealed with a key that is not in the database."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host
        self._cipher = AESGCM(host.seed("cards"))

    def of(self, account: str) -> dict[str, str]:
        """Return the card of an account: the bound one, else the one that every account has."""
        with self._host.db.reading() as connection:
            row = connection.execute("SELECT sealed FROM cards WHERE account = ?", (account,)).fetchone()
        if row is None:
            return {"pan": card_number(account)}
        opened = self._cipher.decrypt(row["sealed"][:12], row["sealed"][12:], account.encode())
        card: dict[str, str] = json.loads(opened)
        return card

    def bind(self, connection: sqlite3.Connection, account: str, card: Mapping[str, str]) -> None:
        """Keep a card, sealed; the verification code and the PIN are forgotten here."""
        stored = any(map(self._host.faults.on, ("data.cvv-returned", "data.secret-encoded")))
        kept = [*_KEPT, "cvv"] if stored else _KEPT
        text = json.dumps({name: card[name] for name in kept if name in card}).encode()
        nonce = secrets.token_bytes(12)
        sealed = nonce + self._cipher.encrypt(nonce, text, account.encode())
        connection.execute("INSERT OR REPLACE INTO cards VALUES (?,?)", (account, sealed))

    def shown(self, account: str) -> dict[str, Any]:
        """Return a card as its owner sees it: every number masked."""
        faults, card = self._host.faults, self.of(account)
        number = card["pan"]
        value = {"account": account, "pan": masked(number, 6, 4), "expires": "2031-12"}
        if "identity" in card:
            value |= {"holder": "*" + card.get("holder", "")[1:], "identity": masked(card["identity"], 6, 4)}
            value |= {"phone": masked(card["phone"], 3, 4)}
        for name, fault in (("pan", "pan"), ("identity", "identity"), ("phone", "phone")):
            if name in card and faults.on(f"data.{fault}-unmasked"):
                value[name] = card[name]
        if faults.on("data.mask-thin"):
            value["pan"] = masked(number, 8, 4)
        if faults.on("data.pan-encoded"):
            value["token"] = base64.b64encode(gzip.compress(json.dumps({"card": number}).encode())).decode()
        if faults.on("data.secret-encoded"):
            value["check"] = base64.b64encode(json.dumps({"cvv": card.get("cvv", "")}).encode()).decode()
        if faults.on("data.cvv-returned"):
            value["cvv"] = card.get("cvv", f"{int(number[-9:]) % 1000:03d}")
        return value


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of cards."""

    async def card(request: Request) -> Response:
        principal = host.authorize(request, scope="accounts")
        account = host.owned(principal, request.path_params["account"])["id"]
        return answer(host.cards.shown(account))

    async def bind(request: Request) -> Response:
        principal = host.authorize(request, scope="accounts")
        body = await strict.read_json(request, host.faults)
        strict.only(body, _MEMBERS)
        account = host.owned(principal, request.path_params["account"])["id"]
        given = _card(host, body)

        def job(connection: sqlite3.Connection) -> None:
            host.cards.bind(connection, account, given)
            host.audit(principal.user, "cards.bind", account, "bound", {})

        await host.db.write(job)
        place = given["pan"] if host.faults.on("data.pan-in-address") else "card"
        return answer(host.cards.shown(account), 201, {"Location": f"/accounts/{account}/{place}"})

    return [
        Route("/accounts/{account}/card", card, methods=["GET"]),
        Route("/accounts/{account}/card", bind, methods=["POST"]),
    ]


def card_number(account: str) -> str:
    """Return the card number that belongs to an account: a test range, with a valid check digit (ISO/IEC 7812-1)."""
    digits = "622202" + str(int(hashlib.sha256(account.encode()).hexdigest(), 16))[:9]
    return digits + str(-_luhn_sum(digits + "0") % 10)


def masked(text: str, first: int, last: int) -> str:
    """Return ``text`` with all but the first and the last characters starred."""
    return text[:first] + "*" * (len(text) - first - last) + text[-last:]


def _card(host: ReferenceHost, body: Mapping[str, Any]) -> dict[str, str]:
    """Validate what is sent with a card; the words of a refusal never repeat it."""
    card = {name: strict.text(body, name) for name in ("pan", "identity", "phone")}
    card |= {name: strict.text(body, name) for name in ("holder", "cvv", "pin") if name in body}
    for name, form in _FORMS.items():
        if name in card and not (form.fullmatch(card[name]) and _checked(name, card[name])):
            echo = f" {json.dumps(card)} was sent." if host.faults.on("data.error-echo") else ""
            raise Problem(422, "invalid-member", f"{name} is not valid.{echo}")
    return card


def _checked(name: str, text: str) -> bool:
    if name == "pan":
        return _luhn_sum(text) % 10 == 0
    return name != "identity" or _identity(text)


def _luhn_sum(digits: str) -> int:
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled)


def _identity(number: str) -> bool:
    """Tell whether a citizen identification number has a real date and its check character (GB 11643)."""
    try:
        date.fromisoformat(f"{number[6:10]}-{number[10:12]}-{number[12:14]}")
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _IDENTITY_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[17]
