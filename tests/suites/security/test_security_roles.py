"""Staff writes, keys that only read, and the time that a refusal takes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from stub_bank import BUSY, CRASH, Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, Inconclusive, NotTested, Prepared
from conformance_security.checks import existence, roles


class Freezing(Bank):
    """Freezes for the regulator, and for those in ``lets``: operations that anybody may ask for."""

    def __init__(self, *lets: str, silent: bool = False) -> None:
        super().__init__()
        self.offered |= {"supervisor.freeze", "supervisor.unfreeze"}
        self.lets, self.silent = lets, silent

    def supervisor_freeze(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self._set(prepared, "frozen")

    def supervisor_unfreeze(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self._set(prepared, "open")

    def _set(self, prepared: Prepared, status: str) -> Answer:
        may = prepared.user == "regulator"
        if may or self.silent or prepared.operation in self.lets:
            self.accounts[str(prepared.arguments["account"])]["status"] = status
        return self.yes({}) if may or prepared.operation in self.lets else self.no(403, "role-missing")


def staff(bank: Freezing) -> None:
    roles.staff_writes_are_closed_to_customers(candidate_of(bank), evidence())


def test_staff_writes_that_are_closed_pass_and_leave_nothing_frozen() -> None:
    bank = Freezing()
    staff(bank)
    assert {account["status"] for account in bank.accounts.values()} == {"open"}


@pytest.mark.parametrize("operation", ["supervisor.freeze", "supervisor.unfreeze"])
def test_a_staff_write_by_a_customer_is_found_and_undone(operation: str) -> None:
    bank = Freezing(operation)
    with pytest.raises(Finding, match=f"{operation} is for the role of regulator, not for customers"):
        staff(bank)
    assert next(iter(bank.accounts.values()))["status"] == "open"


def test_a_refusal_that_froze_all_the_same_is_found() -> None:
    with pytest.raises(Finding, match="state changed although refused"):
        staff(Freezing(silent=True))


# -- keys that only read --------------------------------------------------------------------------------------------


class Scoped(Bank):
    """Knows bob as a second key of alice's, which may read, and pay if ``pays``; or may do nothing."""

    def __init__(self, pays: bool = False, reads: bool = True) -> None:
        super().__init__()
        self.pays, self.reads = pays, reads

    def perform(self, prepared: Prepared) -> Answer:
        if prepared.user == "bob":
            if not (self.pays if prepared.operation == "payments.create" else self.reads):
                return self.no(403, "scope-missing")
            prepared = replace(prepared, user="alice")
        return super().perform(prepared)


def reader(bank: Bank, **declared: Any) -> None:
    roles.a_key_that_reads_cannot_pay(candidate_of(bank, **declared), evidence())


def test_a_key_that_reads_and_cannot_pay_passes() -> None:
    reader(Scoped(), read_only_user="bob")


def test_a_key_that_reads_and_pays_is_found() -> None:
    with pytest.raises(Finding, match="its credentials may read, and not pay"):
        reader(Scoped(pays=True), read_only_user="bob")


def test_a_key_that_opens_nothing_proves_nothing() -> None:
    with pytest.raises(Inconclusive, match="reading a balance"):
        reader(Scoped(reads=False), read_only_user="bob")


@pytest.mark.parametrize("declared", [{}, {"read_only_user": "nobody"}])
def test_without_such_a_key_it_is_not_tested(declared: dict[str, Any]) -> None:
    with pytest.raises(NotTested, match="declare read_only_user"):
        reader(Scoped(), **declared)


# -- the time of a refusal ------------------------------------------------------------------------------------------


class Timed(Bank):
    """Refuses accounts of others and absent ones after so many milliseconds each, and some noise."""

    def __init__(self, foreign_ms: float, absent_ms: float, noise_ms: float = 0.3) -> None:
        super().__init__()
        self.foreign_ms, self.absent_ms, self.noise_ms = foreign_ms, absent_ms, noise_ms
        self.chance = random.Random(7)

    def accounts_read(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        answer = super().accounts_read(prepared, body, sent)
        exists = str(self.argument(prepared, "account")) in self.accounts
        took = (self.foreign_ms if exists else self.absent_ms) + self.chance.random() * self.noise_ms
        return replace(answer, exchange=replace(answer.exchange, elapsed_us=int(took * 1000)))


def timed(bank: Bank) -> None:
    existence.existence_shows_in_no_clock(candidate_of(bank), evidence())


@pytest.mark.parametrize("bank", [Timed(5, 5), Timed(5, 5, noise_ms=60), Timed(5, 5.5)])
def test_refusals_in_the_same_time_pass(bank: Bank) -> None:
    timed(bank)


@pytest.mark.parametrize("bank", [Timed(25, 5), Timed(5, 25), Timed(30, 5, noise_ms=10)])
def test_refusals_that_tell_by_the_clock_are_found(bank: Bank) -> None:
    with pytest.raises(Finding, match="refused in the same time"):
        timed(bank)


def test_times_that_vary_too_much_are_not_compared() -> None:
    with pytest.raises(NotTested, match="vary too much"):
        timed(Timed(5, 5, noise_ms=900))


@pytest.mark.parametrize(("answer", "raised"), [(CRASH, Finding), (BUSY, Inconclusive)])
def test_what_is_no_refusal_is_not_timed(answer: Answer, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        timed(Bank(instead=lambda prepared, body: answer if prepared.operation == "accounts.read" else None))
