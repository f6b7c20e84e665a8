"""Parse: what the candidate makes of a code that somebody else made."""

from __future__ import annotations

from typing import Any

from conformance.sdk import (
    Accepted,
    Broken,
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Params,
    Prepared,
    Refused,
    accepted,
    check,
    describe,
    expect,
    must_accept,
    refused,
)
from conformance_barcode import steps
from conformance_barcode.emv import Verdict, judge, tlv
from conformance_barcode.emv.codes import CURRENCIES, minor_units
from conformance_barcode.emv.crc import reseal, seal
from conformance_barcode.emv.tlv import DataObject
from conformance_barcode.vectors import Vector, concerning

PARSE = ("codes.parse",)


def _ask(candidate: Candidate, payload: str) -> Prepared:
    return steps.merchant(candidate).prepare("codes.parse", payload=payload)


def _chosen(candidate: Candidate, *, valid: bool) -> list[Vector]:
    """Return vectors for a candidate; departures from EMVCo count as valid for those who declare their schemes."""
    declared = steps.declared(candidate)
    found = [item for item in concerning(declared) if item.valid is valid]
    if valid:
        return [item for item in found if item.strict is not False or "schemes" in declared]
    return [item for item in found if judge(item.payload).verdict is Verdict.REJECT]


@check("BAR-20", needs=PARSE, deadline_s=60)
def every_valid_code_is_read(candidate: Candidate, evidence: Evidence) -> None:
    """Published codes that keep to EMVCo are accepted, and name, city, country, currency and amount come out right."""
    chosen = _chosen(candidate, valid=True)
    if not chosen:
        raise NotTested("no known valid payload of the declared formats and schemes", blame="CONFIG")
    wrong: list[str] = []
    for vector in chosen:
        answer = _ask(candidate, vector.payload).send()
        if not isinstance(answer, Accepted):
            wrong.append(f"{vector.id} ({vector.rule}): {describe(answer)}")
        elif vector.format == "mpm":
            wrong += _differences(vector, answer.value)
    evidence.note("valid payloads", f"{len(chosen)} sent, {len(wrong)} differences")
    message = f"valid codes are refused or read wrongly: {'; '.join(wrong[:4])}"
    expect(not wrong, message, expected=f"{len(chosen)} read", actual=f"{len(wrong)} wrong")


def _differences(vector: Vector, value: dict[str, Any]) -> list[str]:
    found = steps.objects(vector.payload)
    currency = found.get("53", "")
    expected = {
        "name": found.get("59"),
        "city": found.get("60"),
        "country": found.get("58"),
        "currency": CURRENCIES.get(currency, (currency, 2))[0],
        "amount": minor_units(found["54"], currency) if "54" in found else None,
    }
    return [
        f"{vector.id}: {name} is {value[name]!r}, not {right!r}"
        for name, right in expected.items()
        if name in value and value[name] != right
    ]


@check("BAR-21", needs=PARSE, deadline_s=60)
def every_invalid_code_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Codes with one broken rule are refused, most of them with a correct CRC, and the refusal says why."""
    twin = _ask(candidate, steps.sample(candidate).payload)
    accepted(twin, "a valid code of the same kind")
    chosen = _chosen(candidate, valid=False)
    if not chosen:
        raise NotTested("no known invalid payload of the declared formats and schemes", blame="CONFIG")
    taken, broken, silent = _sorted_answers(candidate, chosen)
    evidence.note("invalid payloads", f"{len(chosen)} sent, {len(taken)} accepted, {len(broken)} broke the product")
    message = f"invalid codes are accepted: {'; '.join(taken[:4])}"
    expect(not taken, message, expected=f"{len(chosen)} refused", actual=f"{len(taken)} accepted")
    message = f"invalid codes must be refused cleanly: {'; '.join(broken[:4])}"
    expect(not broken, message, expected="refusals", actual=f"{len(broken)} broken")
    expect(
        not silent, f"refusals must name the rule: {', '.join(silent[:4])}", actual=f"{len(silent)} without a reason"
    )


def _sorted_answers(candidate: Candidate, chosen: list[Vector]) -> tuple[list[str], list[str], list[str]]:
    taken: list[str] = []
    broken: list[str] = []
    silent: list[str] = []
    for vector in chosen:
        match _ask(candidate, vector.payload).send():
            case Accepted():
                taken.append(f"{vector.id} ({vector.rule})")
            case Broken(kind=kind, detail=detail):
                broken.append(f"{vector.id} ({vector.rule}): {kind} {detail[:60]}")
            case Refused(code=code, value=value):
                if not code and not value.get("detail"):
                    silent.append(vector.id)
    return taken, broken, silent


@check("BAR-22", needs=PARSE)
def a_changed_name_is_noticed(candidate: Candidate, evidence: Evidence) -> None:
    """One character of the code is changed and the CRC kept: the code is refused."""
    payload = steps.sample(candidate).payload
    changed = _with_one_change(payload)
    evidence.note("changed payload", changed)
    refused(_ask(candidate, changed), twin=_ask(candidate, payload), because="one character changed, the CRC did not")


def _with_one_change(payload: str) -> str:
    items = list(tlv.parse(payload[:-8]))
    index = next((i for i, item in enumerate(items) if item.id == "59"), len(items) - 1)
    value = items[index].value
    items[index] = DataObject(items[index].id, ("X" if value[0] != "X" else "Y") + value[1:])
    return tlv.write(items) + payload[-8:]


@check("BAR-23", needs=(*PARSE, "codes.create", "codes.pay"), users=("alice", "shop"), effects=Effect.MONEY)
def a_forged_amount_does_not_pay_the_order(candidate: Candidate, evidence: Evidence) -> None:
    """Anyone can make a CRC: a code whose amount was changed still parses, but the order knows its own amount."""
    till = steps.Till.open(candidate, evidence)
    real, twin = (till.code("dynamic", amount=23_72)["payload"] for _ in range(2))
    items = [DataObject("54", "0.01") if item.id == "54" else item for item in tlv.parse(real[:-8])]
    forged = seal(tlv.write(items))
    must_accept(_ask(candidate, forged), "a well-formed code must parse")
    paid = till.scan(twin, 23_72)
    refused(till.scan(forged, 1), twin=paid.send(), because="the code says less than its order", state=till.balances)


@check("BAR-24", needs=PARSE)
def what_is_unknown_is_ignored(candidate: Candidate, evidence: Evidence) -> None:
    """A reserved object (65), a reserved part of 62 and a template of an unknown scheme do not stop a payment."""
    payload = steps.sample(candidate).payload
    items = list(tlv.parse(payload[:-8]))
    unknown = (
        ("a reserved object 65", [*items, DataObject("65", "future data")]),
        ("a reserved part 62-12", _with_additional(items)),
        ("a template of an unknown scheme", [*items, DataObject("85", "0011com.example0103abc")]),
    )
    plain = accepted(_ask(candidate, payload), "the code without additions")
    for title, extended in unknown:
        value = must_accept(_ask(candidate, seal(tlv.write(extended))), f"{title} must be ignored, not refused")
        same = all(value.get(name) == plain.get(name) for name in ("name", "amount", "currency"))
        expect(same, f"{title} must not change what is read", expected=plain, actual=value)


def _with_additional(items: list[DataObject]) -> list[DataObject]:
    rest = [item for item in items if item.id != "62"]
    return [*rest, DataObject("62", "0705T00011203new")]


@check("BAR-25", needs=PARSE)
def a_primitive_account_is_not_taken_apart(candidate: Candidate, evidence: Evidence) -> None:
    """Objects 02 to 25 hold account data of card schemes, not templates (EMVCo MPM 4.7.10)."""
    items = list(tlv.parse(steps.sample(candidate).payload[:-8]))
    head = [item for item in items if item.id in ("00", "01")]
    rest = [item for item in items if item.id not in ("00", "01", "15")]
    payload = seal(tlv.write([*head, DataObject("15", "3104180052044600JDBMSZZXE44BF99"), *rest]))
    evidence.note("payload", payload)
    must_accept(_ask(candidate, payload), "object 15 is primitive: its value must not be read as a template")


@check("BAR-26", needs=PARSE)
def order_does_not_matter(candidate: Candidate, evidence: Evidence) -> None:
    """Only 00 stands first and 63 last; everything between may come in any order (EMVCo MPM 4.6.1)."""
    payload = steps.sample(candidate).payload
    first, *middle = tlv.parse(payload[:-8])
    reversed_payload = seal(tlv.write([first, *reversed(middle)]))
    plain = accepted(_ask(candidate, payload), "the code in its usual order")
    value = must_accept(_ask(candidate, reversed_payload), "objects in another order must be read")
    names = ("name", "city", "country", "currency", "amount")
    expected, actual = ({name: item.get(name) for name in names} for item in (plain, value))
    expect(expected == actual, "another order must not change what is read", expected=expected, actual=actual)


@check("BAR-27", needs=PARSE, deadline_s=60)
def a_hostile_payload_is_refused_quickly(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A million characters, a NUL, templates in templates: refused within a second, nothing breaks."""
    payload = steps.sample(candidate).payload
    accepted(_ask(candidate, payload), "an ordinary code")
    most = int(params["hostile_response_ms_max"])
    for title, hostile in _hostile(payload):
        answer = _ask(candidate, hostile).send()
        clean = isinstance(answer, Refused) or (title in _MAY_BE_READ and isinstance(answer, Accepted))
        expect(clean, f"{title} must be refused cleanly", expected="4xx", actual=describe(answer))
        took = answer.exchange.elapsed_us // 1000
        expect(took <= most, f"{title} must be refused quickly", expected=f"at most {most} ms", actual=f"{took} ms")
    evidence.note("hostile payloads", "all refused")


#: Well-formed enough that a lenient reader may take it; what counts here is that nothing breaks.
_MAY_BE_READ = frozenset({"templates in templates"})


def _hostile(payload: str) -> tuple[tuple[str, str], ...]:
    nested = "0003abc"
    while len(nested) < 90:
        nested = f"00{len(nested):02d}{nested}"
    return (
        ("one million digits", "9" * 1_000_000),
        ("one million characters of objects", "000201" + "8599" * 9_700 + "A" * 960_000),
        ("a NUL inside", payload[:20] + "\x00" + payload[21:]),
        ("templates in templates", reseal(payload[:-8] + f"29{len(nested) + 2:02d}{nested}" + payload[-8:])),
        ("nothing but a length", "0099"),
    )


@check("BAR-28", needs=PARSE, claims=("barcode.receive",))
def a_look_alike_address_is_not_opened(candidate: Candidate, evidence: Evidence) -> None:
    """A receiving address belongs to an issuer to the letter: user-info, other hosts and plain HTTP are refused."""
    host, path = "qr.95516.com", "/00010000/62028489073949969691921655610979"
    sound = _ask(candidate, f"https://{host}{path}")
    for address in (
        f"http://{host}{path}",
        f"https://{host}@evil.example{path}",
        f"https://{host}.evil.example{path}",
        f"https://evil.example/{host}{path}",
        f"https://qr.955l6.com{path}",
        f"https://{host}:8443{path}",
        f"https://{host}\\@evil.example{path}",
    ):
        refused(_ask(candidate, address), twin=sound, because=f"{address} is not an address of the issuer")
