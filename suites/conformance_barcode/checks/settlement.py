"""Settlement: the bill of a day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from conformance.sdk import Candidate, Effect, Evidence, Inconclusive, accepted, check, expect
from conformance_barcode import steps

#: The day of a bill is the day in Beijing.
BEIJING = timezone(timedelta(hours=8))
NEEDS = ("paycodes.issue", "codes.pay", "codes.create", "refunds.create", "orders.read", "bills.read")


@check("BAR-59", needs=NEEDS, users=("alice", "shop"), effects=Effect.MONEY, deadline_s=60)
def the_bill_adds_up(candidate: Candidate, evidence: Evidence) -> None:
    """Details, summary and the merchant's account agree; refunds are in, orders that nobody paid are not."""
    till = steps.Till.open(candidate, evidence)
    paid = [till.paid(amount)["order"] for amount in (10_00, 20_00, 30_00)]
    accepted(till.refund(paid[1], 5_00), "a refund of a part")
    unpaid = str(till.code("dynamic", amount=77_00)["order"])
    bill = _bill(candidate, str(paid[0]))
    mine = [row for row in bill["details"] if row["order"] in paid]
    orders = sum(int(row["amount"]) for row in mine if row["kind"] == "payment")
    refunds = sum(int(row["amount"]) for row in mine if row["kind"] == "refund")
    expect(orders == 60_00, "the bill must list every payment of the day", expected=60_00, actual=orders)
    expect(refunds == 5_00, "the bill must list every refund of the day", expected=5_00, actual=refunds)
    listed = any(row["order"] == unpaid for row in bill["details"])
    expect(not listed, "an order that nobody paid must not be in the bill", expected="absent", actual=unpaid)
    booked = till.balances()[1]
    expect(orders - refunds == booked, "bill and account must agree", expected=booked, actual=orders - refunds)
    _adds_up(bill)
    evidence.note("summary", bill["summary"])


def _bill(candidate: Candidate, order: str) -> dict[str, Any]:
    shop = candidate.as_user("shop")
    moment = accepted(shop.call("orders.read", order=order), "reading an order").get("paid")
    try:
        day = datetime.fromisoformat(str(moment).replace("Z", "+00:00")).astimezone(BEIJING).date().isoformat()
    except ValueError as error:
        raise Inconclusive(f"orders.read gives no moment of payment: {moment!r}", blame="CONFIG") from error
    return accepted(shop.call("bills.read", day=day), "the bill of the day")


def _adds_up(bill: dict[str, Any]) -> None:
    rows = bill["details"]
    actual = {
        "count": sum(row["kind"] == "payment" for row in rows),
        "order_total": sum(int(row["amount"]) for row in rows if row["kind"] == "payment"),
        "refund_total": sum(int(row["amount"]) for row in rows if row["kind"] == "refund"),
        "fees": sum(int(row["fee"]) for row in rows),
    }
    summary = {name: int(bill["summary"][name]) for name in actual}
    expect(summary == actual, "the summary of the bill must be the sum of its details", expected=actual, actual=summary)
