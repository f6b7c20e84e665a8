"""Daily limits: what leaves an account in a day counts as a whole, however it is cut up and whenever it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.sdk import (
    Account,
    Answer,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    Params,
    accepted,
    check,
    expect,
    refused,
)
from conformance_security.declared import declared
from conformance_security.races import Ending, compete, rounds, shown, winners
from conformance_security.scene import Scene, control, opened

#: Payments that together reach the limit; more where each must stay below the second factor's threshold.
PARTS = 4
#: More payments than this are not made to reach a limit.
PARTS_MAX = 60
#: Payments at the same moment, each of more than half the limit.
AT_ONCE = 8


@check("SEC-V12", needs=("payments.create",), effects=Effect.MONEY, deadline_s=60)
def splitting_does_not_pass_the_daily_limit(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Payments that together reach the daily limit are accepted; one minor unit more is refused.

    ``[declared.security.daily_limit]`` says what may leave an account in a day.
    """
    limit = _limit(candidate, params)
    scene = _scene(candidate, evidence, limit, 2 * limit.amount)
    part, rest = divmod(limit.amount, limit.parts)
    last = None
    for number in range(limit.parts):
        amount = part + (rest if number == 0 else 0)
        last = control(scene.payment(amount), f"payment {number + 1} of {limit.parts} within the daily limit")
    if last is not None:
        refused(
            scene.payment(part),
            twin=last,
            state=scene.money,
            because=f"{limit.amount} have left the account today, which is its daily limit, in {limit.parts} payments",
        )
    evidence.note("daily limit", limit.amount)


@check(
    "SEC-V12.race",
    requirement="SEC-V12",
    needs=("payments.create", "accounts.balance"),
    effects=Effect.MONEY,
    deadline_s=60,
)
def concurrency_does_not_pass_the_daily_limit(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Of eight payments of more than half the daily limit at the same moment, one succeeds and one is booked."""
    limit = _limit(candidate, params)
    amount = limit.amount // 2 + 1
    if amount >= limit.threshold:
        raise NotTested("half the declared daily limit needs a second factor, so payments at once cannot be compared")

    def play(seed: int) -> Ending:
        scene = _scene(candidate, evidence, limit, AT_ONCE * amount)
        had = candidate.balance(scene.creditor)
        answers = compete(candidate, [scene.payment(amount) for _ in range(AT_ONCE)], seed)
        received = candidate.balance(scene.creditor) - had
        _expect_one_within(limit, amount, answers, received)
        return (winners(answers), received)

    rounds(evidence, params, "payments beyond the daily limit at once", play)


def _expect_one_within(limit: _Limit, amount: int, answers: Sequence[Answer], received: int) -> None:
    paid = winners(answers)
    expect(
        paid <= 1,
        "payments at once must not exceed the daily limit together",
        expected=f"1 of {AT_ONCE} accepted",
        actual=f"{paid} of {AT_ONCE} accepted",
    )
    expect(
        received <= max(paid, 1) * amount,
        "more than the daily limit must not be booked, whatever was answered",
        expected=f"at most {amount} received",
        actual=f"{received} received; {shown(answers)}",
    )
    if paid == 0 and limit.per != "account":
        raise Inconclusive(
            f"the daily limit counts per {limit.per}, so payments of other checks may have used it up", blame="CONFIG"
        )
    expect(
        paid == 1 and received == amount,
        "one payment within the daily limit must succeed",
        expected=f"1 accepted, creditor {amount}",
        actual=f"{shown(answers)}; creditor {received}",
    )


# -- what is declared -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Limit:
    """``amount`` in minor units; ``argument`` of accounts.open sets it, if accounts may have limits of their own.

    ``per``: what it is counted for, an account or something wider.
    """

    amount: int
    argument: str
    threshold: int
    parts: int
    per: str


def _limit(candidate: Candidate, params: Params) -> _Limit:
    section = declared(candidate, "daily_limit")
    if not isinstance(section, Mapping) or not isinstance(section.get("amount"), int):
        raise NotTested("candidate.toml states no daily limit: declare [declared.security.daily_limit]", blame="CONFIG")
    amount, threshold = section["amount"], int(declared(candidate, "factor_threshold", params["factor_threshold"]))
    parts = max(PARTS, -(-amount // max(1, threshold - 1)) + 1)
    if parts > PARTS_MAX or amount < 2 * PARTS:
        raise NotTested(
            f"a daily limit of {amount} takes more than {PARTS_MAX} payments below the second factor's amount"
        )
    return _Limit(amount, str(section.get("argument", "")), threshold, parts, str(section.get("per", "account")))


def _scene(candidate: Candidate, evidence: Evidence, limit: _Limit, balance: int) -> Scene:
    """Open a debtor with the declared limit and money beyond it, and a creditor."""
    return Scene(candidate, evidence, _debtor(candidate, limit, balance), opened(candidate, 0))


def _debtor(candidate: Candidate, limit: _Limit, balance: int) -> Account:
    plain = opened(candidate, balance)
    if not limit.argument or not candidate.offers("accounts.open"):
        return plain
    named: dict[str, Any] = {"owner": plain.owner, "currency": plain.currency, "balance": balance}
    value = accepted(candidate.call("accounts.open", **named, **{limit.argument: limit.amount}), "opening with a limit")
    return Account(str(value["id"]), plain.currency, plain.owner, balance)
