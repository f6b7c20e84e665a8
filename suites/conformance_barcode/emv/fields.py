"""Root objects of a merchant-presented code: presence and value of each (EMVCo MPM chapter 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from conformance_barcode.emv.codes import COUNTRIES, CURRENCIES, minor_digits
from conformance_barcode.emv.overlays import Latitude
from conformance_barcode.emv.rules import Breach, Side, Verdict

#: Printable ASCII: the common character set of format "ans".
COMMON = re.compile(r"[\x20-\x7e]*")
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]*)?")
_MANDATORY = {
    "00": ("payload format indicator", "4.6.1.1"),
    "52": ("merchant category code", "4.2.1.1"),
    "53": ("transaction currency", "4.2.1.1"),
    "58": ("country code", "4.2.1.1"),
    "59": ("merchant name", "4.2.1.1"),
    "60": ("merchant city", "4.2.1.1"),
    "63": ("CRC", "4.6.1.2"),
}
#: Longest value by object, where it is below 99 characters.
LONGEST = {"54": 13, "56": 13, "57": 5, "59": 25, "60": 15, "61": 10}


def presence(found: Mapping[str, str], allowed: Latitude) -> Iterator[Breach]:
    """Yield a breach for each mandatory object that is missing and that no scheme present excuses."""
    for identifier, (title, clause) in _MANDATORY.items():
        if identifier not in found and identifier not in allowed.absent:
            yield Breach("mpm.missing", f"{title} ({identifier}) is missing", identifier, clause)
    if not any("02" <= identifier <= "51" for identifier in found):
        yield Breach("mpm.account-missing", "no merchant account information (02 to 51)", "02-51", "4.7.9.1")


def values(found: Mapping[str, str], allowed: Latitude, side: Side) -> Iterator[Breach]:
    """Yield breaches of the root objects' own formats."""
    yield from _lists(found, allowed)
    yield from _texts(found, allowed)
    yield from amount(found, side)
    yield from fees(found)


def _lists(found: Mapping[str, str], allowed: Latitude) -> Iterator[Breach]:
    if found.get("00", "01") not in allowed.first:
        yield Breach("mpm.format-indicator", f"{found['00']!r} is not '01'", "00", "4.7.1.1")
    if found.get("01", "11") not in ("11", "12"):
        yield Breach("mpm.initiation", f"{found['01']!r} is neither 11 nor 12", "01", "4.7.2.1")
    if not re.fullmatch(r"[0-9]{4}", found.get("52", "0000")):
        yield Breach("mpm.category", f"{found['52']!r} is not four digits", "52")
    if found.get("53", "156") not in CURRENCIES:
        yield Breach("mpm.currency", f"{found['53']!r} is not a numeric ISO 4217 code", "53")
    if found.get("58", "CN") not in COUNTRIES:
        yield Breach("mpm.country", f"{found['58']!r} is not an ISO 3166-1 alpha-2 code", "58")


def _texts(found: Mapping[str, str], allowed: Latitude) -> Iterator[Breach]:
    for identifier, most in LONGEST.items():
        if len(found.get(identifier, "")) > most:
            yield Breach("mpm.too-long", f"{len(found[identifier])} characters, at most {most}", identifier, "4.2.1.1")
    for identifier, value in found.items():
        primitive = "02" <= identifier <= "25" or identifier in ("59", "60", "61")
        if primitive and not COMMON.fullmatch(value):
            mild = Verdict.WARN if identifier in allowed.foreign_text else Verdict.REJECT
            detail = "characters outside the common character set"
            yield Breach("mpm.character-set", detail, identifier, "", mild)


def amount(found: Mapping[str, str], side: Side) -> Iterator[Breach]:
    """Yield breaches of the transaction amount: digits, at most one point, not zero."""
    text = found.get("54")
    if text is None:
        return
    if not _AMOUNT.fullmatch(text):
        yield Breach("mpm.amount", f"{text!r} is not digits with at most one decimal point", "54", "4.7.4.1")
        return
    if not text.strip("0."):
        yield Breach("mpm.amount-zero", f"{text!r} is zero", "54", "4.7.4.1")
    fraction = text.partition(".")[2].rstrip("0")
    if len(fraction) > minor_digits(found.get("53", "")):
        mild = Verdict.REJECT if side is Side.GENERATOR else Verdict.WARN
        yield Breach("mpm.amount-digits", f"{text!r} has more decimals than its currency", "54", "", mild)


def fees(found: Mapping[str, str]) -> Iterator[Breach]:
    """Yield breaches of tip or convenience fee: 56 belongs to mode 02, 57 to mode 03."""
    mode = found.get("55")
    if mode is not None and mode not in ("01", "02", "03"):
        yield Breach("mpm.fee-mode", f"{mode!r} is none of 01, 02, 03", "55")
    for identifier, wanted in (("56", "02"), ("57", "03")):
        if (identifier in found) != (mode == wanted):
            state = "present" if identifier in found else "absent"
            yield Breach("mpm.fee-pairing", f"{identifier} is {state} while 55 is {mode or 'absent'}", identifier)
    if "56" in found and not (_AMOUNT.fullmatch(found["56"]) and found["56"].strip("0.")):
        yield Breach("mpm.fee-fixed", f"{found['56']!r} is not an amount above zero", "56")
    if "57" in found and not _percentage(found["57"]):
        yield Breach("mpm.fee-percentage", f"{found['57']!r} is not between 00.01 and 99.99", "57")


def _percentage(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,2}(\.[0-9]{0,2})?", text)) and bool(text.strip("0."))
