"""Payment codes: shown by the payer, scanned by the merchant, dead after one use."""

from __future__ import annotations

import base64
from collections import Counter

from conformance.sdk import Candidate, Effect, Evidence, Params, accepted, check, expect, must_accept, refused
from conformance_barcode import steps
from conformance_barcode.emv import judge
from conformance_barcode.emv.paycodes import Table, published

USERS = ("alice", "shop")
PAY = ("paycodes.issue", "codes.pay")


@check("BAR-36", needs=("paycodes.issue",), users=("alice",), effects=Effect.WRITE, deadline_s=90)
def payment_codes_cannot_be_guessed(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Payment codes are digits in an issuer's format, never repeat, and tell nothing about the next one.

    Beyond the prefix that all have in common every digit must be spread evenly (chi square over ten values).
    """
    payer = candidate.as_user("alice")
    account = payer.account(balance=0, owner="alice").id
    issue = payer.prepare("paycodes.issue", account=account)
    codes = [str(accepted(issue, "a payment code")["paycode"]) for _ in range(int(params["paycode_samples"]))]
    table = Table.parse(params["issuers"]) if params["issuers"] else published()
    odd = [code for code in codes if not (code.isascii() and code.isdigit() and table.issuer(code))]
    expect(not odd, "a payment code is digits with an issuer's prefix", expected="digits", actual=", ".join(odd[:3]))
    expect(len(set(codes)) == len(codes), "payment codes repeat", actual=f"{len(set(codes))} of {len(codes)} differ")
    worst = _worst_position(codes, max(len(prefix) for item in table.issuers for prefix in item.prefixes))
    evidence.note("chi square of the most uneven digit, 9 degrees of freedom", round(worst, 1))
    expect(worst < 60, "payment codes follow a pattern", expected="chi square below 60", actual=round(worst, 1))


def _worst_position(codes: list[str], prefix: int) -> float:
    shortest = min(map(len, codes))
    expected = len(codes) / 10
    counts = (Counter(code[at] for code in codes) for at in range(prefix, shortest))
    return max(sum((count[digit] - expected) ** 2 / expected for digit in "0123456789") for count in counts)


@check("BAR-37", needs=PAY, users=USERS, hooks=("clock",), effects=Effect.MONEY)
def a_payment_code_dies_of_age(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A payment code lives for a minute: a little before it pays, a little after it is refused."""
    till = steps.Till.open(candidate, evidence)
    lifetime, margin = int(params["paycode_lifetime_s"]), int(params["paycode_margin_s"])
    young, old = till.paycode(), till.paycode()
    try:
        candidate.hook("clock", offset_s=lifetime - margin)
        paid = till.collect(young, 1_00).send()
        accepted(paid, f"a payment code {lifetime - margin} s old")
        candidate.hook("clock", offset_s=lifetime + margin)
        because = f"the payment code is {lifetime + margin} s old"
        refused(till.collect(old, 1_00), twin=paid, because=because, state=till.balances)
    finally:
        candidate.hook("clock", offset_s=0)


@check("BAR-39", needs=PAY, users=USERS, effects=Effect.MONEY, deadline_s=60)
def one_code_pays_once(candidate: Candidate, evidence: Evidence) -> None:
    """Twenty merchants' tills send the same payment code at once: exactly one is paid, one amount is debited."""
    till = steps.Till.open(candidate, evidence, balance=100_00)
    till.paid(1_00)
    before = till.balances()
    code = till.paycode()
    answers = steps.parallel([till.collect(code, 1_00).send for _ in range(20)])
    won = len(steps.successes(answers))
    expect(won == 1, "a payment code must pay exactly once", expected="1 success", actual=f"{won} successes")
    _moved(till, before, 1_00, "one payment code, one debit")


def _moved(till: steps.Till, before: tuple[int, int], amount: int, message: str) -> None:
    payer, shop = till.balances()
    moved = {"payer": before[0] - payer, "merchant": shop - before[1]}
    expect(moved == {"payer": amount, "merchant": amount}, message, expected=f"{amount} moved", actual=moved)


@check("BAR-40", needs=PAY, users=USERS, effects=Effect.MONEY)
def a_repeated_collection_has_one_effect(candidate: Candidate, evidence: Evidence) -> None:
    """The answer was lost and the till asks again with the same order and body: same result, one debit."""
    till = steps.Till.open(candidate, evidence)
    before = till.balances()
    collection = till.collect(till.paycode(), 12_34)
    first = accepted(collection, "an ordinary collection")
    again = must_accept(collection, "a repeated collection must get the first one's result")
    same = {name: again.get(name) for name in ("order", "amount", "currency")}
    wanted = {name: first.get(name) for name in same}
    expect(same == wanted, "a repeated collection must get the first one's result", expected=wanted, actual=same)
    _moved(till, before, 12_34, "a repeated collection must debit once")


@check("BAR-41", needs=PAY, users=USERS, effects=Effect.MONEY)
def an_order_keeps_its_amount(candidate: Candidate, evidence: Evidence) -> None:
    """The same order number with another amount is a conflict, never a second payment or a change of the first."""
    till = steps.Till.open(candidate, evidence)
    order = steps.order_number(evidence)
    first = till.collect(till.paycode(), 10_00, order=order).send()
    other = till.collect(till.paycode(), 20_00, order=order)
    refused(other, twin=first, because="the order number is taken by another amount", state=till.balances)


@check("BAR-42", needs=PAY, users=USERS, effects=Effect.MONEY)
def a_failed_payment_kills_its_code(candidate: Candidate, evidence: Evidence) -> None:
    """A payment code is dead after one use even if the payment failed: here for want of money."""
    till = steps.Till.open(candidate, evidence, balance=50_00)
    control = till.collect(till.paycode(), 1_00).send()
    code = till.paycode()
    refused(till.collect(code, 500_00), twin=control, because="the payer has not enough money", state=till.balances)
    because = "the payment code was used, though in vain"
    refused(till.collect(code, 1_00), twin=control, because=because, state=till.balances)


@check("BAR-43", needs=(*PAY, "paycodes.refresh"), users=USERS, effects=Effect.MONEY)
def a_refreshed_code_replaces_the_old(candidate: Candidate, evidence: Evidence) -> None:
    """When the app shows a new payment code, the one before it is dead: a photograph of it is worth nothing."""
    till = steps.Till.open(candidate, evidence)
    old = till.paycode()
    fresh = accepted(candidate.as_user("alice").call("paycodes.refresh", paycode=old), "a refreshed payment code")
    new = till.collect(str(fresh["paycode"]), 1_00).send()
    refused(till.collect(old, 1_00), twin=new, because="the payment code was replaced", state=till.balances)


@check("BAR-44", needs=("codes.parse",), claims=("barcode.cpm",))
def a_consumer_code_is_held_to_its_format(candidate: Candidate, evidence: Evidence) -> None:
    """An EMVCo consumer code without card data, of another version or with card data twice is refused."""
    ask = steps.merchant(candidate)
    head = bytes.fromhex("8505 4350563031")
    name, track = bytes.fromhex("4F07A0000000555555"), bytes.fromhex("570F1234567890123458D191220112345F")
    sound = ask.prepare("codes.parse", payload=_consumer(head, name + track))
    for because, payload in (
        ("it holds neither 57 nor 5A", _consumer(head, name)),
        ("its version is CPV02", _consumer(head[:-1] + b"2", name + track)),
        ("it holds 57 twice", _consumer(head, name + track + track)),
        ("its application name has four bytes", _consumer(head, bytes.fromhex("4F04A0000000") + track)),
    ):
        evidence.note(because, judge(payload).summary(1))
        refused(ask.prepare("codes.parse", payload=payload), twin=sound, because=because)


def _consumer(head: bytes, application: bytes) -> str:
    return base64.b64encode(head + bytes([0x61, len(application)]) + application).decode()
