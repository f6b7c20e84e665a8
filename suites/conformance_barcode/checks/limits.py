"""Limits: what a payer may pay by static codes in a day."""

from __future__ import annotations

from typing import Any

from conformance.sdk import Candidate, Effect, Evidence, Params, accepted, check, expect, refused
from conformance_barcode import steps

NEEDS = ("codes.create", "codes.pay")
USERS = ("alice", "shop")


def _payment(till: steps.Till, made: dict[str, Any], amount: int) -> Any:
    return till.scan(made["payload"], amount, order=steps.order_number(till.evidence))


@check("BAR-45", needs=NEEDS, users=USERS, effects=Effect.MONEY)
def a_static_code_has_a_daily_limit(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Static codes carry at most 500 CNY per payer and day, whatever the verification: the sum counts, not each."""
    limit = int(params["static_daily_limit"])
    till = steps.Till.open(candidate, evidence, balance=2 * limit)
    made = till.code("static")
    accepted(_payment(till, made, limit - 1), "a static payment just below the limit")
    last = _payment(till, made, 1).send()
    accepted(last, "a static payment that reaches the limit")
    because = f"{limit} were paid by static codes today and nothing is left"
    refused(_payment(till, made, 1), twin=last, because=because, state=till.balances)


@check("BAR-46", needs=NEEDS, users=USERS, effects=Effect.MONEY, deadline_s=60)
def a_daily_limit_holds_under_haste(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Ten static payments at once, together far above the limit: what goes through stays within it."""
    limit = int(params["static_daily_limit"])
    till = steps.Till.open(candidate, evidence, balance=10 * limit)
    made = till.code("static")
    part = limit // 4
    accepted(_payment(till, made, part), "one static payment within the limit")
    answers = steps.parallel([_payment(till, made, part).send for _ in range(10)])
    spent = 10 * limit - till.balances()[0]
    evidence.note("static payments at once", f"{len(steps.successes(answers))} of 10 accepted, {spent} spent in all")
    expect(spent <= limit, "static payments at once exceed the daily limit", expected=f"at most {limit}", actual=spent)
    expect(spent > part, "static payments within the limit must go through", expected=f"more than {part}", actual=spent)
