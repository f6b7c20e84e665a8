"""Personal data recognised by its own check digits or form: card numbers, Chinese identity numbers, phone numbers.

Only whole numbers count: a run of digits inside a longer word (a hash, an identifier) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NOT_INSIDE = r"(?<![0-9A-Za-z*])(?<!\d\.)"
_NOT_BEFORE = r"(?![0-9A-Za-z*])"
_PAN = re.compile(_NOT_INSIDE + r"(?:[3-6]\d{12,18}|2[2-7]\d{14}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7})" + _NOT_BEFORE)
_IDENTITY = re.compile(
    _NOT_INSIDE + r"[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]" + _NOT_BEFORE
)
_PHONE = re.compile(_NOT_INSIDE + r"(?:\+?86[ -]?)?1[3-9]\d(?:\d{8}|([ -])\d{4}\1\d{4})" + _NOT_BEFORE)
_ABROAD = re.compile(r"(?<![0-9A-Za-z+])\+[1-9]\d{8,14}" + _NOT_BEFORE)


def _any_of(*patterns: re.Pattern[str], flags: int = 0) -> re.Pattern[str]:
    """Return what matches where any of the patterns may, from a digit or plus sign on: such a search is fast.

    It does not ask that all gaps of a number are alike.
    """
    either = "|".join(pattern.pattern.replace("([ -])", "[ -]").replace(r"\1", "[ -]") for pattern in patterns)
    return re.compile(rf"[+\d](?<![0-9A-Za-z].)(?<=(?=(?:{either})).)", flags)


_WORTH_LOOKING = _any_of(_IDENTITY, _PAN, _PHONE, _ABROAD)
#: The same for texts without any but ASCII characters: most are such, and it is twice as fast.
_WORTH_LOOKING_ASCII = _any_of(_IDENTITY, _PAN, _PHONE, _ABROAD, flags=re.ASCII)

#: Called with what was found; returns what stands in its place.
Replace = Callable[[str], str]


def luhn_valid(digits: str) -> bool:
    """Tell whether the last digit is the check digit of ISO/IEC 7812-1 annex B."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (2 if place % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def identity_valid(number: str) -> bool:
    """Tell whether the last of 18 characters is the check character of GB 11643-1999 (ISO 7064, MOD 11-2)."""
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def card_number(text: str) -> bool:
    """Tell whether ``text`` is a card number: a known leading digit, a known length and a right check digit."""
    digits = re.sub(r"[ -]", "", text)
    return 13 <= len(digits) <= 19 and luhn_valid(digits)


def replace_personal(text: str, replace: Replace) -> str:
    """Return ``text`` with each personal number replaced."""
    if not (_WORTH_LOOKING_ASCII if text.isascii() else _WORTH_LOOKING).search(text):
        return text
    text = _IDENTITY.sub(lambda found: _if(identity_valid, found, replace), text)
    text = _PAN.sub(lambda found: _if(card_number, found, replace), text)
    text = _PHONE.sub(lambda found: replace(found.group()), text)
    return _ABROAD.sub(lambda found: replace(found.group()), text)


def _if(valid: Callable[[str], bool], found: re.Match[str], replace: Replace) -> str:
    return replace(found.group()) if valid(found.group()) else found.group()
