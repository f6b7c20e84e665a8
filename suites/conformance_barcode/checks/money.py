"""Money: orders, refunds and revocations."""

from __future__ import annotations

from conformance.sdk import Accepted, Candidate, Effect, Evidence, accepted, check, eventually, expect, refused
from conformance_barcode import steps

USERS = ("alice", "shop")
CODE = ("codes.create", "codes.pay")
PAYCODE = ("paycodes.issue", "codes.pay")
REFUND = (*PAYCODE, "refunds.create")
REVOKE = (*CODE, "orders.read", "orders.revoke")


@check("BAR-49", needs=CODE, users=USERS, effects=Effect.MONEY)
def an_order_is_paid_as_it_was_made(candidate: Candidate, evidence: Evidence) -> None:
    """The payer's app may send any amount and currency; the order decides, and anything else is refused."""
    till = steps.Till.open(candidate, evidence)
    twin = till.scan(till.code("dynamic", amount=23_72)["payload"], 23_72).send()
    payload = till.code("dynamic", amount=23_72)["payload"]
    for because, mutated in (
        ("less than the order's amount", till.scan(payload, 1)),
        ("more than the order's amount", till.scan(payload, 23_73)),
        ("another currency than the order's", till.scan(payload, 23_72, currency="USD")),
    ):
        refused(mutated, twin=twin, because=because, state=till.balances)


@check("BAR-50", needs=REFUND, users=USERS, effects=Effect.MONEY)
def refunds_never_exceed_the_payment(candidate: Candidate, evidence: Evidence) -> None:
    """All refunds of an order together are at most what was paid: 60 and then 50 of 100 is too much."""
    till = steps.Till.open(candidate, evidence, float_=500_00)
    order = till.paid(100_00)["order"]
    first = till.refund(order, 60_00).send()
    because = "60 of 100 were refunded already, 50 more are too many"
    refused(till.refund(order, 50_00), twin=first, because=because, state=till.balances)


@check("BAR-51", needs=REFUND, users=USERS, effects=Effect.MONEY, deadline_s=60)
def a_full_refund_happens_once(candidate: Candidate, evidence: Evidence) -> None:
    """Five clerks refund the same order in full at once: one refund, and the payer has the money once."""
    till = steps.Till.open(candidate, evidence, float_=500_00)
    order = till.paid(40_00)["order"]
    before = till.balances()
    answers = steps.parallel([till.refund(order, 40_00).send for _ in range(5)])
    won = len(steps.successes(answers))
    back = till.balances()[0] - before[0]
    evidence.note("refunds at once", f"{won} of 5 accepted, {back} came back")
    expect(won == 1, "one order must be refunded in full once", expected="1 refund", actual=f"{won} refunds")
    expect(back == 40_00, "the payer must get the payment back once", expected=40_00, actual=back)


@check("BAR-52", needs=REFUND, users=USERS, effects=Effect.MONEY)
def a_refund_keeps_the_currency(candidate: Candidate, evidence: Evidence) -> None:
    """A refund is made in the currency of the payment."""
    till = steps.Till.open(candidate, evidence)
    order = till.paid(30_00)["order"]
    sound = till.refund(order, 10_00).send()
    because = "the order was paid in CNY"
    refused(till.refund(order, 10_00, currency="USD"), twin=sound, because=because, state=till.balances)


@check("BAR-53", needs=REVOKE, users=USERS, effects=Effect.MONEY, deadline_s=60)
def an_order_ends_one_way(candidate: Candidate, evidence: Evidence) -> None:
    """An order is paid or revoked, never both: revoked after payment, and revoked while being paid."""
    for title, at_once in (("after payment", False), ("while being paid", True)):
        till = steps.Till.open(candidate, evidence)
        made = till.code("dynamic", amount=15_00)
        order, before = str(made["order"]), till.balances()[0]
        pay = till.scan(made["payload"], 15_00)
        revoke = candidate.as_user("shop").prepare("orders.revoke", order=order)
        if at_once:
            answers = steps.parallel([pay.send, revoke.send])
            evidence.note(title, [type(answer).__name__ for answer in answers])
        else:
            accepted(pay, "the payment of an order")
            answer = revoke.send()
            evidence.note(title, "revoked" if isinstance(answer, Accepted) else "revocation refused")
        state = eventually(lambda: _final(candidate, order), deadline_s=10, what="a final state of the order")  # noqa: B023
        debited = before - till.balances()[0]
        right = 15_00 if state == "confirmed" else 0
        message = f"an order revoked {title} must be either paid or revoked"
        expect(debited == right, message, expected=f"{state}: {right} debited", actual=f"{state}: {debited} debited")


def _final(candidate: Candidate, order: str) -> str | None:
    value = accepted(candidate.as_user("shop").call("orders.read", order=order), "reading an order")
    state = str(value["state"])
    return state if state in ("confirmed", "cancelled", "refunded", "rejected") else None
