"""Interoperation: whose code it is, and codes of schemes that depart from EMVCo."""

from __future__ import annotations

import random

from conformance.sdk import (
    Accepted,
    Candidate,
    Evidence,
    NotApplicable,
    Params,
    check,
    describe,
    expect,
    must_accept,
    refused,
)
from conformance_barcode import steps
from conformance_barcode.emv.paycodes import Issuer, Table, published
from conformance_barcode.vectors import concerning

PARSE = ("codes.parse",)
ACQUIRER = ("barcode.acquirer",)


def _table(params: Params) -> Table:
    return Table.parse(params["issuers"]) if params["issuers"] else published()


def _digits(prefix: str, length: int) -> str:
    chance = random.Random(prefix)  # noqa: S311 - made-up codes, the same every time
    return prefix + "".join(chance.choices("0123456789", k=length - len(prefix)))


@check("BAR-30", needs=PARSE, claims=ACQUIRER)
def every_prefix_finds_its_issuer(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A payment code is routed by its first digits: every published prefix leads to the issuer that owns it."""
    table = _table(params)
    for issuer in table.issuers:
        for prefix in issuer.prefixes:
            code = _digits(prefix, min(issuer.lengths))
            value = must_accept(
                steps.merchant(candidate).prepare("codes.parse", payload=code),
                f"prefix {prefix} belongs to {issuer.name} and must be known",
            )
            found = value.get("issuer")
            expect(
                found == issuer.name, f"prefix {prefix} leads to the wrong issuer", expected=issuer.name, actual=found
            )
    evidence.note("prefixes", {issuer.name: list(issuer.prefixes) for issuer in table.issuers})


@check("BAR-31", needs=PARSE, claims=ACQUIRER)
def a_code_of_wrong_length_is_not_routed(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A digit lost or doubled by a scanner: the code is refused before it reaches an issuer."""
    shop = steps.merchant(candidate)
    for issuer in _table(params).issuers:
        prefix = max(issuer.prefixes, key=len)
        sound = shop.prepare("codes.parse", payload=_digits(prefix, min(issuer.lengths)))
        for length in _wrong_lengths(issuer):
            wrong = shop.prepare("codes.parse", payload=_digits(prefix, length))
            refused(wrong, twin=sound, because=f"a code of {issuer.name} does not have {length} digits")
    evidence.note("wrong lengths", "all refused")


def _wrong_lengths(issuer: Issuer) -> tuple[int, int]:
    return min(issuer.lengths) - 1, max(issuer.lengths) + 1


@check("BAR-33", needs=PARSE)
def departing_schemes_are_read(candidate: Candidate, evidence: Evidence) -> None:
    """Some national schemes leave out objects that EMVCo demands: with their identifier present, they are read."""
    chosen = [item for item in concerning(steps.declared(candidate)) if item.valid and item.strict is False]
    if not chosen:
        raise NotApplicable("none of the declared schemes departs from EMVCo")
    shop = steps.merchant(candidate)
    answers = {item: shop.call("codes.parse", payload=item.payload) for item in chosen}
    lost = [
        f"{item.scheme} {item.id}: {describe(answer)}"
        for item, answer in answers.items()
        if not isinstance(answer, Accepted)
    ]
    evidence.note("schemes", sorted({item.scheme for item in chosen}))
    message = f"codes of known schemes are refused: {'; '.join(lost[:4])}"
    expect(not lost, message, expected=f"{len(chosen)} read", actual=f"{len(lost)} refused")
