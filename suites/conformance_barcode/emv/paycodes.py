"""Numeric payment codes and receiving addresses: who issued one, by a table that is configuration."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from conformance_barcode.emv.rules import Breach, Judgement


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of numeric payment codes: what its codes start with, and how many digits they have."""

    name: str
    prefixes: tuple[str, ...]
    lengths: frozenset[int]


@dataclass(frozen=True, slots=True)
class Table:
    """Issuers of payment codes, and patterns of receiving addresses by issuer."""

    issuers: tuple[Issuer, ...]
    receive: Mapping[str, str]

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Table:
        """Read the form of ``issuers.toml``."""
        issuers = tuple(
            Issuer(name, tuple(row["prefixes"]), frozenset(row["lengths"]))
            for name, row in value.get("paycodes", {}).items()
        )
        return cls(issuers, {name: str(row["pattern"]) for name, row in value.get("receive", {}).items()})

    def issuer(self, digits: str) -> Issuer | None:
        """Return the issuer with the longest prefix that ``digits`` starts with, whatever the length."""
        found = [(len(prefix), item) for item in self.issuers for prefix in item.prefixes if digits.startswith(prefix)]
        return max(found, key=lambda pair: pair[0])[1] if found else None


@cache
def published() -> Table:
    """Return the table that ships with the suite."""
    text = files("conformance_barcode.emv").joinpath("issuers.toml").read_text(encoding="utf-8")
    return Table.parse(tomllib.loads(text))


def judge_paycode(payload: str, table: Table | None = None) -> Judgement:
    """Judge a numeric payment code: only digits, a known prefix, the issuer's number of digits."""
    if not re.fullmatch(r"[0-9]+", payload):
        breach = Breach("paycode.digits", "a payment code holds digits only, without spaces")
        return Judgement("paycode", (), (breach,))
    issuer = (table or published()).issuer(payload)
    if issuer is None:
        return Judgement("paycode", (), (Breach("paycode.prefix", f"no issuer for prefix {payload[:3]}"),))
    wrong = len(payload) not in issuer.lengths
    breach = Breach("paycode.length", f"{len(payload)} digits; {issuer.name} uses {sorted(issuer.lengths)}")
    return Judgement("paycode", (issuer.name,), (breach,) if wrong else ())


def judge_receive(payload: str, table: Table | None = None) -> Judgement:
    """Judge a receiving address: an exact pattern, because a look-alike host differs by one character."""
    for name, pattern in (table or published()).receive.items():
        if re.fullmatch(pattern, payload):
            return Judgement("receive", (name,), ())
    return Judgement("receive", (), (Breach("receive.address", "not an address of a known issuer, exactly written"),))
