"""A second factor counts when its own code confirmed it, for one payment of one customer, and not a step before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stub_bank import PARAMS, Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, NotTested, Prepared
from conformance_security.checks import authorization as checks

LARGE = 50_000_00
CHECKS = (
    checks.large_transfers_need_their_own_factor,
    checks.only_the_right_code_confirms,
    checks.nobody_pays_by_another_ones_factor,
)


class Factored(Bank):
    """Asks for a second factor above a threshold; ``faults`` says what it forgets, ``code`` what it hands out."""

    def __init__(self, *faults: str, code: Any = "431590") -> None:
        super().__init__()
        self.offered |= {"factor.begin", "factor.confirm"}
        self.faults, self.code = faults, code
        self.factors: dict[str, dict[str, Any]] = {}

    def factor_begin(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        factor = f"fac-{next(self._numbers)}"
        self.factors[factor] = {**body, "user": prepared.user, "state": "begun"}
        return self.yes({"id": factor, "code": self.code}, sent, 201)

    def factor_confirm(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        factor, code = self.factors[body["factor"]], body["code"]
        right = factor["state"] == "begun" and factor["user"] == prepared.user and type(code) is type(self.code)
        right = right and (code == self.code or ("zeros" in self.faults and code == "000000"))
        # A product may give no second guess.
        factor["state"] = "confirmed" if right or "kept" in self.faults else "dead"
        return self.yes({}, sent) if right or "any-code" in self.faults else self.no(403, "wrong-code", sent)

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        if amount <= LARGE:
            return super().pay(prepared, body, amount, sent)
        factor = self.factors.get(str(body.get("factor")))
        if factor is None or not self._fits(factor, prepared, body, amount):
            return self.no(403, "factor", sent)
        factor["state"] = "used"
        return super().pay(prepared, body, amount, sent)

    def _fits(self, factor: dict[str, Any], prepared: Prepared, body: dict[str, Any], amount: int) -> bool:
        states = ("confirmed", "begun") if "unconfirmed" in self.faults else ("confirmed",)
        covers = factor["amount"] >= amount if "at-most" in self.faults else factor["amount"] == amount
        own = factor["user"] == prepared.user or "owner" in self.faults
        return factor["state"] in states and covers and own and factor["creditor"] == body["creditor"]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("code", ["431590", "000000", "A7", 431590, 0])
def test_a_bank_that_looks_at_its_factors_passes(check: Callable[..., None], code: Any) -> None:
    check(candidate_of(Factored(code=code)), evidence(), PARAMS)


@pytest.mark.parametrize(
    ("fault", "check", "says"),
    [
        ("at-most", CHECKS[0], "was given for a larger amount"),
        ("unconfirmed", CHECKS[1], "was begun and never confirmed"),
        ("any-code", CHECKS[1], r"not the one that was handed out \(digits all alike\)"),
        ("zeros", CHECKS[1], r"not the one that was handed out \(digits all alike\)"),
        ("kept", CHECKS[1], "was tried with a wrong code"),
        ("owner", CHECKS[2], "was confirmed by another customer"),
    ],
)
def test_what_a_bank_forgets_is_told(fault: str, check: Callable[..., None], says: str) -> None:
    with pytest.raises(Finding, match=says):
        check(candidate_of(Factored(fault)), evidence(), PARAMS)


@pytest.mark.parametrize("code", [None, ""])
def test_a_code_that_is_not_handed_out_leaves_it_untested(code: Any) -> None:
    with pytest.raises(NotTested, match="does not hand out the code"):
        checks.only_the_right_code_confirms(candidate_of(Factored(code=code)), evidence(), PARAMS)
