"""Line formats that are not TLV: EPC069-12 (SEPA credit transfer) and the Swiss QR bill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from conformance_barcode.emv.codes import COUNTRIES
from conformance_barcode.emv.rules import Breach, Judgement, worst_first

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_MODULO_10 = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


def iban_ok(text: str) -> bool:
    """Tell whether the check digits of an IBAN are right (modulo 97)."""
    if not _IBAN.fullmatch(text):
        return False
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1


def creditor_reference_ok(text: str) -> bool:
    """Tell whether a creditor reference (ISO 11649, "RF18…") has the right check digits."""
    if not re.fullmatch(r"RF[0-9]{2}[A-Z0-9]{1,21}", text):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def recursive_ok(text: str) -> bool:
    """Tell whether a 27-digit Swiss reference ends with its check digit (modulo 10, recursive)."""
    carry = 0
    for digit in text[:-1]:
        carry = _MODULO_10[(carry + int(digit)) % 10]
    return (10 - carry) % 10 == int(text[-1])


def judge_epc(payload: str) -> Judgement:
    """Judge an EPC069-12 payload."""
    lines = payload.replace("\r\n", "\n").split("\n")
    return Judgement("epc", ("EPC069-12",), worst_first(_epc([*lines, *[""] * (12 - len(lines))], payload)))


def _epc(line: list[str], payload: str) -> Iterator[Breach]:
    if line[0] != "BCD":
        yield Breach("epc.tag", f"{line[0]!r} is not BCD", "line 1")
    if line[1] not in ("001", "002"):
        yield Breach("epc.version", f"{line[1]!r} is neither 001 nor 002", "line 2")
    if line[2] not in tuple("12345678"):
        yield Breach("epc.charset", f"{line[2]!r} is not 1 to 8", "line 3")
    if line[3] not in ("SCT", "INST"):
        yield Breach("epc.identification", f"{line[3]!r} is not SCT", "line 4")
    if line[1] == "001" and not line[4]:
        yield Breach("epc.bic", "version 001 needs a BIC", "line 5")
    if not 1 <= len(line[5]) <= 70:
        yield Breach("epc.name", f"{len(line[5])} characters, 1 to 70", "line 6")
    if not iban_ok(line[6]):
        yield Breach("epc.iban", "check digits are wrong", "line 7")
    yield from _epc_amount(line[7])
    yield from _epc_rest(line, payload)


def _epc_amount(text: str) -> Iterator[Breach]:
    if not text:
        return
    match = re.fullmatch(r"EUR([0-9]{1,9}(\.[0-9]{1,2})?)", text)
    if not match or not Decimal("0.01") <= Decimal(match[1]) <= Decimal("999999999.99"):
        yield Breach("epc.amount", f"{text!r} is not EUR 0.01 to 999999999.99", "line 8")


def _epc_rest(line: list[str], payload: str) -> Iterator[Breach]:
    if len(line[8]) > 4:
        yield Breach("epc.purpose", f"{len(line[8])} characters, at most 4", "line 9")
    if line[9] and line[10]:
        yield Breach("epc.remittance", "structured and unstructured remittance at once", "line 10")
    if len(line[9]) > 35 or len(line[10]) > 140 or len(line[11]) > 70:
        yield Breach("epc.too-long", "remittance or note is too long", "line 10")
    if len(payload.encode()) > 331 or len(line) > 12:
        yield Breach("epc.oversize", "more than 331 bytes or 12 lines")


def judge_swiss(payload: str) -> Judgement:
    """Judge a Swiss QR bill payload."""
    lines = payload.replace("\r\n", "\n").split("\n")
    return Judgement("swiss", ("SwissQR",), worst_first(_swiss(lines)))


def _swiss(line: list[str]) -> Iterator[Breach]:
    if line[0] != "SPC":
        yield Breach("swiss.type", f"{line[0]!r} is not SPC", "line 1")
    if len(line) < 31 or line[30] != "EPD":
        yield Breach("swiss.trailer", "line 31 is not EPD", "line 31")
        return
    if not re.fullmatch(r"02[0-9]{2}", line[1]):
        yield Breach("swiss.version", f"{line[1]!r} is not version 02", "line 2")
    if line[2] != "1":
        yield Breach("swiss.coding", f"{line[2]!r} is not 1", "line 3")
    if not (line[3][:2] in ("CH", "LI") and len(line[3]) == 21 and iban_ok(line[3])):
        yield Breach("swiss.iban", "not a Swiss or Liechtenstein IBAN", "line 4")
    yield from _swiss_parties(line)
    yield from _swiss_money(line)
    yield from _swiss_reference(line)


def _swiss_parties(line: list[str]) -> Iterator[Breach]:
    for start, mandatory in ((4, True), (11, False), (20, False)):
        kind, name, country = line[start], line[start + 1], line[start + 6]
        if not (kind or name or country) and not mandatory:
            continue
        if kind not in ("S", "K") or not 1 <= len(name) <= 70:
            yield Breach("swiss.party", "address type or name is wrong", f"line {start + 1}")
        if country not in COUNTRIES:
            yield Breach("swiss.country", f"{country!r} is not a country of two letters", f"line {start + 7}")


def _swiss_money(line: list[str]) -> Iterator[Breach]:
    if line[18] and not re.fullmatch(r"(0|[1-9][0-9]{0,8})\.[0-9]{2}", line[18]):
        yield Breach("swiss.amount", f"{line[18]!r} is not digits with two decimals", "line 19")
    if line[19] not in ("CHF", "EUR"):
        yield Breach("swiss.currency", f"{line[19]!r} is neither CHF nor EUR", "line 20")


def _swiss_reference(line: list[str]) -> Iterator[Breach]:
    kind, reference = line[27], line[28]
    institution = line[3][4:9]
    qr_iban = institution.isdigit() and 30000 <= int(institution) <= 31999
    if kind not in ("QRR", "SCOR", "NON"):
        yield Breach("swiss.reference-type", f"{kind!r} is none of QRR, SCOR, NON", "line 28")
    if qr_iban != (kind == "QRR"):
        yield Breach("swiss.reference-pairing", "a QR-IBAN goes with QRR and with nothing else", "line 28")
    if kind == "QRR" and not (re.fullmatch(r"[0-9]{27}", reference) and recursive_ok(reference)):
        yield Breach("swiss.reference", "not 27 digits with the right check digit", "line 29")
    if kind == "SCOR" and not creditor_reference_ok(reference):
        yield Breach("swiss.reference", "not a creditor reference with the right check digits", "line 29")
    if kind == "NON" and reference:
        yield Breach("swiss.reference", "NON goes without a reference", "line 29")
