"""Amounts of the wrong type or size are written so that only their type or size stands against them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from stub_bank import Bank, candidate_of, evidence

from conformance.sdk import Finding
from conformance_security.checks import money
from conformance_security.scene import AMOUNT, Wire


class Coercing(Bank):
    """Reads any literal of one JSON type, beside its own, as a number."""

    def __init__(self, kind: type, decimals: bool) -> None:
        super().__init__(decimals=decimals)
        self.kind = kind

    def amount(self, value: Any) -> int | None:
        if isinstance(value, self.kind) and not isinstance(value, Decimal):
            try:
                number = Decimal(str(value[0] if isinstance(value, list) else int(value) if value is True else value))
            except ArithmeticError:
                return None
            return int(number * 100) if self.decimals else int(number)
        return super().amount(value)


def types(bank: Bank) -> None:
    money.amounts_of_another_type_are_refused(candidate_of(bank), evidence())


@pytest.mark.parametrize("decimals", [False, True])
def test_a_bank_with_one_type_passes(decimals: bool) -> None:
    types(Bank(decimals=decimals))


@pytest.mark.parametrize("decimals", [False, True])
@pytest.mark.parametrize("kind", [str, bool, list])
def test_every_conversion_is_found_because_the_money_is_there(kind: type, decimals: bool) -> None:
    with pytest.raises(Finding, match="must not be converted"):
        types(Coercing(kind, decimals))


def test_exponents_in_text_are_found_where_plain_text_is_refused() -> None:
    class Exponents(Coercing):
        def amount(self, value: Any) -> int | None:
            return super().amount(value) if not isinstance(value, str) or "e" in value else None

    for decimals in (False, True):
        with pytest.raises(Finding, match='"1e'):
            types(Exponents(str, decimals))


class Wrapping(Bank):
    """Keeps minor units in 64 bits, and refuses what has no cents: a product that only looks at major units."""

    def amount(self, value: Any) -> int | None:
        if not isinstance(value, Decimal):
            return None
        kept = int(value * 100) & 0xFFFFFFFFFFFFFFFF
        return kept if 0 < kept < 2**63 else None


def test_minor_units_that_wrap_at_64_bits_are_found_behind_decimals() -> None:
    with pytest.raises(Finding, match="never wrapped"):
        money.amounts_out_of_range_are_refused(candidate_of(Wrapping(decimals=True)), evidence())
    money.amounts_out_of_range_are_refused(candidate_of(Bank(decimals=True)), evidence())


def test_large_amounts_are_written_to_the_last_digit() -> None:
    wire = Wire((b"", b""), "", quoted=False, decimals=True, json=True)
    assert wire.minor(2**64 + AMOUNT) == "184467440737095528.53"
    assert wire.minor(5) == "0.05"
