"""Generate: what a code says when the candidate makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import (
    Accepted,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    check,
    describe,
    expect,
    must_accept,
    refused,
)
from conformance_barcode import steps
from conformance_barcode.emv import Side, Verdict, judge
from conformance_barcode.emv.codes import minor_units
from conformance_barcode.emv.crc import TRAILER, crc_of

CREATE = ("codes.create",)
STATIC, DYNAMIC = ("barcode.static",), ("barcode.dynamic",)


@check("BAR-01", needs=CREATE, claims=STATIC, effects=Effect.WRITE)
def a_static_code_carries_no_amount(candidate: Candidate, evidence: Evidence) -> None:
    """A code printed once and paid many times has point of initiation 11 or none, and no amount at all.

    The payer is then asked for the amount (EMVCo MPM 4.7.2.1, 4.7.4.2). An amount of zero is not "no amount".
    """
    found = steps.objects(steps.code(candidate, evidence, "static")["payload"])
    expect(
        found.get("01", "11") == "11",
        "a static code must not say that it is dynamic",
        expected="11",
        actual=found.get("01"),
    )
    expect(
        "54" not in found,
        "a static code without amount must not carry object 54",
        expected="absent",
        actual=found.get("54"),
    )


@check("BAR-02", needs=CREATE, claims=DYNAMIC, effects=Effect.WRITE)
def a_dynamic_code_carries_the_exact_amount(candidate: Candidate, evidence: Evidence) -> None:
    """A code made for one order has point of initiation 12 and the order's amount to the last digit.

    Amounts that binary fractions cannot hold are tried on purpose (EMVCo MPM 4.7.2.1, 4.7.4.1).
    """
    wanted = steps.terms(candidate)
    for amount in (23_72, 1_10, 1, 1_234_567_89):
        found = steps.objects(steps.code(candidate, evidence, "dynamic", amount=amount)["payload"])
        expect(found.get("01") == "12", "a dynamic code must say so", expected="12", actual=found.get("01", "absent"))
        written = minor_units(found.get("54", ""), found.get("53", ""))
        message, text = "the amount in the code must be the order's", wanted.text(amount)
        expect(written == amount, message, expected=text, actual=found.get("54", "absent"))


@check("BAR-03", needs=CREATE, claims=DYNAMIC, effects=Effect.WRITE)
def two_orders_have_two_codes(candidate: Candidate, evidence: Evidence) -> None:
    """A new code is made for each transaction (EMVCo MPM 4.7.2.1): same merchant, same amount, another code."""
    account = steps.merchant_account(candidate)
    first = steps.code(candidate, evidence, "dynamic", account=account)["payload"]
    second = steps.code(candidate, evidence, "dynamic", account=account)["payload"]
    expect(first != second, "two orders must not share one code", expected="two payloads", actual=first)


@check("BAR-04", needs=CREATE, effects=Effect.WRITE)
def an_impossible_amount_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Zero, less than zero, a part of the smallest unit and more than 13 characters are no amounts (4.7.4.1)."""
    kind = "dynamic" if candidate.claims("barcode.dynamic") else "static"
    for amount in (0, -1, 0.5, 10**14):
        sound = steps.code_request(candidate, evidence, kind, amount=23_72)
        wrong = sound.with_arguments(order=steps.order_number(evidence)).with_field("amount", amount)
        refused(wrong, twin=sound, because=f"{amount} is not an amount a code can carry")


@check("BAR-05", needs=CREATE, effects=Effect.WRITE)
def a_long_name_is_refused_or_cut(candidate: Candidate, evidence: Evidence) -> None:
    """A merchant name holds at most 25 characters (EMVCo MPM 4.2.1.1): 26 are refused or cut, never written."""
    _field_at_its_limit(candidate, evidence, "name", "59", 25)


def _field_at_its_limit(candidate: Candidate, evidence: Evidence, argument: str, identifier: str, most: int) -> None:
    kind = _some_kind(candidate)
    full = ("N" * most, "N" * (most + 1))
    exact = steps.objects(steps.code(candidate, evidence, kind, **{argument: full[0]})["payload"])
    if identifier not in exact:
        raise NotApplicable(f"codes of this scheme carry no object {identifier}")
    shown = exact[identifier]
    expect(shown == full[0], f"{most} characters fit into object {identifier}", expected=full[0], actual=shown)
    answer = steps.code_request(candidate, evidence, kind, **{argument: full[1]}).send()
    expect(not isinstance(answer, Broken), "too long a name must be refused cleanly", actual=describe(answer))
    if isinstance(answer, Accepted):
        found = steps.objects(answer.value["payload"]).get(identifier, "")
        message = f"object {identifier} is longer than {most} characters"
        expect(1 <= len(found) <= most, message, expected=f"at most {most}", actual=f"{len(found)}: {found}")


def _some_kind(candidate: Candidate) -> str:
    return "static" if candidate.claims("barcode.static") else "dynamic"


@check("BAR-06", needs=CREATE, claims=("barcode.language",), effects=Effect.WRITE)
def a_chinese_name_goes_into_the_language_template(candidate: Candidate, evidence: Evidence) -> None:
    """Object 59 keeps the common character set; Chinese stands in template 64; the CRC covers UTF-8 bytes."""
    payload = _in_chinese(candidate, evidence, "最佳运输")
    found = steps.objects(payload)
    expect(found.get("59", "").isascii(), "object 59 must keep the common character set", actual=found.get("59"))
    local = steps.inside(found.get("64", "")).get("01", "absent")
    expect(local == "最佳运输", "the Chinese name belongs into 64-01", expected="最佳运输", actual=local)
    right = crc_of(payload[:-4])
    expect(payload[-4:] == right, "the CRC must cover the UTF-8 bytes", expected=right, actual=payload[-4:])


@check("BAR-07", needs=CREATE, claims=("barcode.language",), effects=Effect.WRITE)
def a_rare_character_counts_once(candidate: Candidate, evidence: Evidence) -> None:
    """Lengths count characters (EMVCo MPM 4.4.1.1): one outside the basic plane (U+20BB7) counts as one, not two."""
    payload = _in_chinese(candidate, evidence, "𠮷野家")
    template = steps.objects(payload).get("64", "")
    local = steps.inside(template).get("01", "unreadable")
    expect(
        local == "𠮷野家",
        "a rare character must count as one in the length",
        expected="0103𠮷野家",
        actual=template or local,
    )


def _in_chinese(candidate: Candidate, evidence: Evidence, name: str) -> str:
    made = steps.code(candidate, evidence, _some_kind(candidate), language="ZH", local_name=name, local_city="北京")
    return str(made["payload"])


@check("BAR-08", needs=CREATE, claims=("barcode.currencies",), effects=Effect.WRITE)
def a_currency_without_cents_has_none(candidate: Candidate, evidence: Evidence) -> None:
    """Yen have no minor unit (ISO 4217): 100 are written "100", and half a yen is refused."""
    account = steps.merchant_account(candidate, "JPY")
    sound = steps.code_request(candidate, evidence, "dynamic", amount=100, currency="JPY", account=account)
    answer = sound.send()
    found = steps.objects(must_accept(answer, "an order of 100 JPY must be possible")["payload"])
    expect(found.get("54") == "100", "100 yen must be written without decimals", expected="100", actual=found.get("54"))
    half = sound.with_arguments(order=steps.order_number(evidence)).with_field("amount", 100.5)
    refused(half, twin=answer, because="half a yen does not exist")


@check("BAR-09", needs=CREATE, effects=Effect.WRITE, deadline_s=60)
def a_check_sum_keeps_its_leading_zeros(candidate: Candidate, evidence: Evidence) -> None:
    """The CRC is four hexadecimal digits, "007B" not "7B": codes are made until one of them begins with zero."""
    kind = "dynamic" if candidate.claims("barcode.dynamic") else "static"
    account = steps.merchant_account(candidate)
    for number in range(1, 161):
        differing: dict[str, Any] = {"name": f"CORNER SHOP {number}", "order": steps.order_number(evidence)}
        if kind == "dynamic":
            differing["amount"] = 23_00 + number
        made = steps.code(candidate, evidence, kind, account=account, **differing)
        head, mark, tail = str(made["payload"]).rpartition(TRAILER)
        right = crc_of(head + mark)
        message = "the CRC must be four hexadecimal digits with leading zeros"
        expect(tail.upper() == right or not right.startswith("0"), message, expected=right, actual=tail)
        if right.startswith("0"):
            evidence.note("codes until a leading zero", number)
            return
    raise Inconclusive("no code of 160 had a CRC that begins with zero; neither name nor order seem to be in the code")


@check("BAR-10", needs=CREATE, claims=("barcode.tip",), effects=Effect.WRITE)
def a_fee_goes_with_its_mode(candidate: Candidate, evidence: Evidence) -> None:
    """Object 56 stands with 55=02 only, 57 with 55=03 only, neither with 01."""
    wanted: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
        ({"mode": "prompt"}, {"55": "01"}),
        ({"mode": "fixed", "amount": 1_50}, {"55": "02", "56": steps.terms(candidate).text(1_50)}),
        ({"mode": "percentage", "basis_points": 2_50}, {"55": "03", "57": "2.50"}),
    )
    for tip, expected in wanted:
        found = steps.objects(steps.code(candidate, evidence, "dynamic", tip=tip)["payload"])
        actual: dict[str, str] = {name: found[name] for name in ("55", "56", "57") if name in found}
        message = f"a tip by {tip['mode']} must be written as its mode says"
        expect(_numbers(actual) == _numbers(expected), message, expected=expected, actual=actual)
    sound = steps.code_request(candidate, evidence, "dynamic", tip={"mode": "fixed", "amount": 1_50})
    empty = sound.with_arguments(order=steps.order_number(evidence), tip={"mode": "fixed"})
    refused(empty, twin=sound, because="a fixed fee needs its amount")


def _numbers(found: Mapping[str, str]) -> dict[str, str]:
    return {name: text.strip("0").rstrip(".") if "." in text else text for name, text in found.items()}


@check("BAR-11", needs=(*CREATE, "accounts.open"), effects=Effect.WRITE)
def a_code_gives_no_personal_data_away(candidate: Candidate, evidence: Evidence) -> None:
    """A merchant's code holds what this payment needs: neither account numbers nor the customer's telephone."""
    account = steps.merchant_account(candidate)
    customer = {"name": "TEST BUYER", "phone": "13912345678"}
    payload = steps.code(candidate, evidence, _some_kind(candidate), account=account, customer=customer)["payload"]
    for title, secret in (("account number", account), ("telephone", customer["phone"]), ("name", customer["name"])):
        expect(secret not in payload, f"the code gives a {title} away", expected="absent", actual="in the payload")


@check("BAR-12", needs=CREATE, effects=Effect.WRITE)
def a_code_never_grows_too_long(candidate: Candidate, evidence: Evidence) -> None:
    """A payload should not exceed 512 characters (EMVCo MPM 4.1): an order that needs more is refused or shortened."""
    sound = steps.code_request(candidate, evidence, _some_kind(candidate), order=steps.order_number(evidence))
    must_accept(sound, "a code with a short order number must be made")
    answer = sound.with_arguments(order="A" * 900).send()
    expect(not isinstance(answer, Broken), "an over-long order must be refused cleanly", actual=describe(answer))
    if isinstance(answer, Accepted):
        length = len(answer.value["payload"])
        expect(length <= 512, "the payload is longer than 512 characters", expected="at most 512", actual=length)


@check("BAR-61", needs=CREATE, effects=Effect.WRITE)
def a_code_breaks_no_rule_of_its_format(candidate: Candidate, evidence: Evidence) -> None:
    """Everything the candidate emits is held to the generator's rules, with the departures its scheme allows."""
    wanted = steps.terms(candidate)
    kinds = [kind for kind in ("static", "dynamic") if candidate.claims(f"barcode.{kind}")] or ["static"]
    for kind in kinds:
        payload = steps.code(candidate, evidence, kind, name="BEST TRANSPORT", city="BEIJING")["payload"]
        judgement = judge(payload, side=Side.GENERATOR)
        evidence.note(f"{kind} code", judgement.summary(5))
        reasons = "; ".join(map(str, judgement.rejected))
        expect(judgement.verdict is not Verdict.REJECT, f"the {kind} code breaks its format: {reasons}", actual=payload)
        found = steps.objects(payload)
        terms = {"53": wanted.numeric, "58": wanted.country}
        actual = {name: found.get(name, "absent") for name in terms}
        expect(actual == terms, "currency and country must be the merchant's", expected=terms, actual=actual)
