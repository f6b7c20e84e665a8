"""Reading codes that others made: merchant-presented, consumer-presented, payment codes, receiving addresses."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from conformance.sdk import FaultBoard, Problem
from conformance_barcode.reference.money import BY_NUMBER, counted

_PLAIN = r"[ -~]"
_MONEY = r"(?=.{1,13}$)(?=.*[1-9])[0-9]+(\.[0-9]*)?"
#: What the value of a root object must look like.
_ROOT = {
    "00": "01", "01": "1[12]", "52": "[0-9]{4}", "53": "[0-9]{3}", "54": _MONEY, "55": "0[123]", "56": _MONEY,
    "57": r"(?=.*[1-9])[0-9]{1,2}(\.[0-9]{0,2})?", "58": "[A-Z]{2}", "59": _PLAIN + "{1,25}", "60": _PLAIN + "{1,15}",
    "61": _PLAIN + "{1,10}",
}  # fmt: skip
_ADDITIONAL = {f"{number:02d}": _PLAIN + "{1,25}" for number in range(1, 9)} | {
    "09": r"(?!.*(.).*\1)[AME]{1,3}",
    "10": _PLAIN + "{1,20}",
    "11": "[0-7][0-3][0-3]",
}
_NEEDED = ("00", "52", "53", "58", "59", "60", "63")
#: Scheme → what may be missing, which objects are left alone, other format indicators, currency.
_SCHEMES: dict[str, tuple[str, set[str], set[str], set[str], str]] = {
    "A000000677010111": ("PromptPay", {"52", "59", "60"}, set(), set(), "764"),
    "A000000677010112": ("PromptPay", {"52", "59", "60"}, set(), set(), "764"),
    "A000000727": ("VietQR", {"52", "59", "60"}, {"80"}, set(), "704"),
    "A000000775": ("VNPAY-QR", {"52", "60"}, set(), set(), "704"),
    "A0000006150001": ("DuitNow", set(), {"82"}, {"02"}, "458"),
    "BR.GOV.BCB.PIX": ("PIX", set(), set(), set(), "986"),
}
_ISSUERS = (
    ("wechat", r"1[0-5]|160", (18, 18)),
    ("alipay", r"2[5-9]|30", (16, 24)),
    ("unionpay", r"62", (19, 19)),
)
_ADDRESSES = (
    ("alipay", "qr.alipay.com", r"/[A-Za-z0-9]{8,64}"),
    ("unionpay", "qr.95516.com", r"/[0-9]{8}/[0-9A-Za-z]{32}"),
)


def _no(code: str, detail: str) -> Problem:
    return Problem(422, code, detail)


def parse(payload: str, faults: FaultBoard) -> dict[str, Any]:
    """Return what a payload says; raises Problem(422) that names the broken rule."""
    if faults.on("parse.crash") and len(payload) > 100_000:
        raise Problem(500, "internal", "The request could not be served.")
    if len(payload) > 4096:
        raise _no("code-too-long", "A code holds at most 4096 characters.")
    if "://" in payload[:16]:
        return _address(payload, faults)
    if payload.startswith("hQVDUFY"):
        return _consumer(payload, faults)
    if re.fullmatch(r"[1-9][0-9]*\s*", payload):
        return _paycode(payload, faults)
    return _merchant(payload, faults)


# -- merchant-presented -----------------------------------------------------------------------------------------


def split(text: str) -> Iterator[tuple[str, str]]:
    """Yield tag and value of each object; raises Problem(422) where the frame breaks."""
    while text:
        head = re.match(r"([0-9]{2})(0[1-9]|[1-9][0-9])", text, re.ASCII)
        if head is None:
            raise _no("frame", f"No data object begins at {text[:6]!r}.")
        size = int(head[2])
        value, text = text[4 : 4 + size], text[4 + size :]
        if len(value) != size:
            raise _no("frame", f"Object {head[1]} ends before its length.")
        yield head[1], value


def table(text: str, place: str) -> dict[str, str]:
    """Return the objects of one level; raises Problem(422) when one repeats."""
    found: dict[str, str] = {}
    for tag, value in split(text):
        if tag in found:
            raise _no("duplicate", f"Object {tag} occurs twice in {place}.")
        if unicodedata.normalize("NFC", value) != value or re.search(r"[\x00-\x1f\x7f]", value):
            raise _no("text", f"Object {tag} holds characters that are not allowed.")
        found[tag] = value
    return found


def _merchant(payload: str, faults: FaultBoard) -> dict[str, Any]:
    found = table(payload, "the code")
    order = list(found)
    if order[:1] != ["00"] or order[-1:] != ["63"]:
        raise _no("order", "The code must begin with 00 and end with 63.")
    if faults.on("parse.positional") and {"53", "58"} <= found.keys() and order.index("53") > order.index("58"):
        raise _no("order", "The currency does not come before the country.")
    _check_sum(payload, found["63"], faults)
    schemes = [] if faults.on("parse.strict-only") else list(_schemes(found))
    if not faults.on("parse.crc-only"):
        _required(found, schemes)
        _rooted(found, schemes, faults)
        _templates(found, schemes, faults)
    return _described(found, schemes)


def _check_sum(payload: str, value: str, faults: FaultBoard) -> None:
    right = f"{binascii.crc_hqx(payload[:-4].encode('utf-8', 'replace'), 0xFFFF):04X}"
    if value.upper() != right and not faults.on("parse.crc-unchecked"):
        raise _no("crc", "The check sum is wrong.")


def _schemes(found: dict[str, str]) -> Iterator[tuple[str, set[str], set[str], set[str], str]]:
    for tag, value in found.items():
        if "26" <= tag <= "51" and value.startswith("00"):
            guid = value[4 : 4 + int(value[2:4])].upper() if value[2:4].isdigit() else ""
            if guid in _SCHEMES:
                yield _SCHEMES[guid]


def _required(found: dict[str, str], schemes: list[tuple[str, set[str], set[str], set[str], str]]) -> None:
    excused = set().union(*(scheme[1] for scheme in schemes))
    missing = [tag for tag in _NEEDED if tag not in found and tag not in excused]
    if missing:
        raise _no("missing", f"Object {missing[0]} is missing.")
    if not any("02" <= tag <= "51" for tag in found):
        raise _no("missing", "No merchant account is given.")
    for scheme in schemes:
        if found["53"] != scheme[4]:
            raise _no("currency", f"{scheme[0]} is not paid in {found['53']}.")


def _rooted(
    found: dict[str, str], schemes: list[tuple[str, set[str], set[str], set[str], str]], faults: FaultBoard
) -> None:
    indicators = {"01"}.union(*(scheme[3] for scheme in schemes))
    for tag, value in found.items():
        pattern = "|".join(indicators) if tag == "00" else _ROOT.get(tag, _PLAIN + "+" if "02" <= tag <= "25" else None)
        if pattern is not None and not re.fullmatch(pattern, value):
            raise _no("value", f"Object {tag} holds {value!r}.")
    if found["53"] not in BY_NUMBER:
        raise _no("currency", f"Currency {found['53']} is unknown.")
    if faults.on("parse.over-strict") and "." not in found.get("54", "."):
        raise _no("value", "Object 54 has no decimals.")
    mode = found.get("55")
    if ("56" in found) != (mode == "02") or ("57" in found) != (mode == "03"):
        raise _no("fee", "The fee does not go with its mode.")


def _templates(
    found: dict[str, str], schemes: list[tuple[str, set[str], set[str], set[str], str]], faults: FaultBoard
) -> None:
    alone = set().union(*(scheme[2] for scheme in schemes))
    for tag, value in found.items():
        unknown = "65" <= tag <= "79" or "80" <= tag <= "99"
        if faults.on("parse.unknown-refused") and unknown:
            raise _no("unknown", f"Object {tag} is unknown.")
        if faults.on("parse.primitive-parsed") and "02" <= tag <= "25":
            table(value, tag)
        if tag in alone:
            continue
        if "26" <= tag <= "51" or "80" <= tag <= "99":
            _named(value, tag)
        elif tag == "62":
            _extra(value)
        elif tag == "64":
            _local(value)


def _named(value: str, place: str) -> None:
    guid = table(value, place).get("00", "")
    if not re.fullmatch(_PLAIN + "{1,32}", guid):
        raise _no("identifier", f"Template {place} has no identifier of 1 to 32 characters.")


def _extra(value: str) -> None:
    for tag, part in table(value, "62").items():
        if tag >= "50":
            _named(part, f"62-{tag}")
        elif tag in _ADDITIONAL and not re.fullmatch(_ADDITIONAL[tag], part):
            raise _no("value", f"Object 62-{tag} holds {part!r}.")


def _local(value: str) -> None:
    found = table(value, "64")
    sound = re.fullmatch("[A-Za-z]{2}", found.get("00", "")) and 1 <= len(found.get("01", "")) <= 25
    if not sound or len(found.get("02", "")) > 15:
        raise _no("language", "The language template is incomplete or too long.")


def _described(found: dict[str, str], schemes: list[tuple[str, set[str], set[str], set[str], str]]) -> dict[str, Any]:
    letters, digits = BY_NUMBER.get(found.get("53", ""), ("", 2))
    amount = counted(found["54"], digits) if re.fullmatch(_MONEY, found.get("54", "")) else None
    kind = {"11": "static", "12": "dynamic"}.get(found.get("01", ""), "unsaid")
    return {
        "kind": "mpm", "initiation": kind, "schemes": sorted({scheme[0] for scheme in schemes}),
        "name": found.get("59"), "city": found.get("60"), "country": found.get("58"), "currency": letters,
        "amount": amount, "verdict": "accept", "objects": found,
    }  # fmt: skip


# -- everything else --------------------------------------------------------------------------------------------


def _paycode(payload: str, faults: FaultBoard) -> dict[str, Any]:
    for name, prefixes, (least, most) in _ISSUERS:
        known = "1[0-5]" if name == "wechat" and faults.on("issuers.prefix-stale") else prefixes
        if re.match(known, payload):
            if not (payload.isdigit() and least <= len(payload) <= most) and not faults.on("issuers.length-unchecked"):
                raise _no("length", f"A code of {name} has {least} to {most} digits.")
            return {"kind": "paycode", "issuer": name, "verdict": "accept"}
    raise _no("issuer", "No issuer has codes that begin so.")


def _address(payload: str, faults: FaultBoard) -> dict[str, Any]:
    for name, host, path in _ADDRESSES:
        loose = faults.on("parse.host-loose") and host in payload
        if loose or re.fullmatch(f"(?i:https://{re.escape(host)})" + path, payload):
            return {"kind": "receive", "issuer": name, "verdict": "accept"}
    if re.fullmatch(r"weixin://wxpay/bizpayurl\?sr=[A-Za-z0-9_-]{3,64}", payload):
        return {"kind": "receive", "issuer": "wechat", "verdict": "accept"}
    raise _no("address", "This is not the address of a known issuer.")


def _consumer(payload: str, faults: FaultBoard) -> dict[str, Any]:
    try:
        items = list(_ber(base64.b64decode(payload, validate=True)))
    except ValueError as error:
        raise _no("consumer-frame", "The code is not Base64 of BER-TLV.") from error
    if items[0] != ("85", b"CPV01"):
        raise _no("consumer-version", "The code does not begin with CPV01.")
    shared = [part for tag, value in items if tag == "62" for part in _inner(value)]
    applications = [part for part in (_inner(value) for tag, value in items if tag == "61") if dict(part).get("4F")]
    if not applications:
        raise _no("consumer-application", "No application is named.")
    if not faults.on("parse.cpm-lenient"):
        for parts in applications:
            _instrument(parts, shared)
    return {"kind": "cpm", "applications": len(applications), "verdict": "accept"}


def _instrument(parts: list[tuple[str, bytes]], shared: list[tuple[str, bytes]]) -> None:
    tags = [tag for tag, _ in parts]
    cards = [tag for tag in (*tags, *(tag for tag, _ in shared)) if tag in ("57", "5A")]
    if not cards:
        raise _no("consumer-card", "Neither track data nor a number is given.")
    if len(set(tags)) != len(tags) or len(set(cards)) != len(cards):
        raise _no("consumer-duplicate", "An object occurs twice.")
    if not 5 <= len(dict(parts)["4F"]) <= 16:
        raise _no("consumer-name", "The application name has not 5 to 16 bytes.")


def _inner(value: bytes) -> list[tuple[str, bytes]]:
    try:
        return list(_ber(value))
    except ValueError as error:
        raise _no("consumer-frame", "A template is broken.") from error


def _ber(data: bytes) -> Iterator[tuple[str, bytes]]:
    while data:
        width = 2 if data[0] & 0x1F == 0x1F else 1
        tag, rest = data[:width].hex().upper(), data[width:]
        if not rest:
            raise ValueError("no length")
        long = {0x81: 1, 0x82: 2}.get(rest[0], 0)
        if rest[0] >= 0x80 and not long:
            raise ValueError("bad length")
        size = int.from_bytes(rest[1 : 1 + long], "big") if long else rest[0]
        value, data = rest[1 + long : 1 + long + size], rest[1 + long + size :]
        if len(value) != size:
            raise ValueError("truncated")
        yield tag, value
