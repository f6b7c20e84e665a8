"""Detecting personal and secret data in text: by check digits, by telling names, and by values that were planted.

A number alone proves little: every tenth run of digits has a right check digit. So a number counts when it was planted,
when its name says what it is, or, for identification numbers, when region, birth date and check character all agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from conformance_security.privacy.classes import Rule, Shown
from conformance_security.privacy.encodings import View, views
from conformance_security.scanners import identity_number, luhn

_ALONE = r"(?<![\w.*•●#+-])"
_ENDS = r"(?![\w*•●#]|[.-]\d)"
#: Something that any number below could match, sought first because it is quick.
_LONG = re.compile(r"\d[\d -]{9,}\d")
_NUMBER = re.compile(_ALONE + r"\+?\d(?:[ -]?\d){10,18}[Xx]?" + _ENDS)
#: What hides characters, sought first; a mask begins with the digits before it.
_HIDDEN = re.compile(r"[*•●#xX]{2,}")
_MASKED = re.compile(_ALONE + r"(\d{0,12})([*•●#]{2,16}|[xX]{4,16})(\d{0,12}[Xx]?)" + _ENDS)
_CARD = re.compile(
    r"62\d{12,17}|81\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]|[3-6]\d|7[01]|720)\d{12,13}"
    r"|3[47]\d{13}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[689]\d)\d{11,16}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|5[06-9]\d{10,17}"
)
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_CITIZEN = re.compile(r"\d{17}[\dXx]")
_PHONE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})")
_TRACK = re.compile(r"%B\d{12,19}\^[^^]{2,26}\^\d{4,}|;\d{12,19}=\d{7,}")
_BEFORE = re.compile(r"([A-Za-z_\u4e00-\u9fff][\w.\[\]-]{0,40})[\"']?\s*[:=>]{1,2}\s*[\"'\[\s]*$")
_NAMED_SECRET = re.compile(
    r"(?<![A-Za-z])(?:(cvv2?|cvc2?|cvn2?|cav2|security_?code|card_?verification_?(?:value|code))|(pin(?:_?block)?)"
    r"|(password(?:_?hash)?|passwd)|(track_?[12]?(?:_?data)?|magstripe(?:_?data)?))[\"'\]]?\s*(?:[:=]|>)\s*[\"']?"
    r"([^\"'&\s,;<>{}\[\]()]{3,256})",
    re.I,
)
#: How each name of that pattern begins.
_SECRET_NAMES = (
    "cvv", "cvc", "cvn", "cav2", "security", "cardverification", "card_verification", "pin", "passw", "track",
    "magstripe",
)  # fmt: skip
_SECRET_FORMS: Mapping[str, re.Pattern[str]] = {
    "cvv": re.compile(r"\d{3,4}"),
    "pin": re.compile(r"\d{4,12}|[0-9A-Fa-f]{16}"),
    "password": re.compile(r"(?=.*[\d$])[^*]{6,}"),
    "track": re.compile(r"[^*]{12,}"),
}
_TELLING: Mapping[str, frozenset[str]] = {
    "card": frozenset({"card", "pan", "cardnumber", "cardno", "bankcard", "卡号", "银行卡号"}),
    "identity": frozenset(
        {"identity", "idcard", "idno", "idnumber", "certno", "citizen", "身份证", "身份证号", "证件号"}
    ),
    "phone": frozenset({"phone", "mobile", "msisdn", "tel", "telephone", "cellphone", "手机", "手机号"}),
}
#: What a JSON Schema that says anything has at its top.
_SCHEMA_WORDS = frozenset({"properties", "items", "$defs", "definitions", "allOf", "anyOf", "oneOf", "$ref", "enum"})
#: Characters around a planted card in which its verification code or PIN is taken for what it is.
_NEAR = 300
_SHORT = 6
#: Bytes of one request in which values handed over are sought: longer ones are padding, of our own making.
_GIVEN_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Find:
    """Something that may not stand where it was found. ``shown`` is fit to be printed; ``how`` names its encodings."""

    rule: Rule
    shown: str
    how: tuple[str, ...] = ()
    thin: bool = False

    def __str__(self) -> str:
        hidden = f", in {' in '.join(reversed(self.how))}" if self.how else ""
        if self.thin:
            return f"a {self.rule.noun} masked too little ({self.shown}, at most {self.rule.mask} allowed){hidden}"
        return f"a full {self.rule.noun} {self.shown}{hidden}" if self.shown else f"a {self.rule.noun}{hidden}"


class Detector:
    """Finds data by rules. Values that were planted count wherever they stand; see :meth:`plant`."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)
        self._planted: dict[str, str] = {}
        self._exact: re.Pattern[str] | None = None
        self._short: list[tuple[str, str]] = []
        self._cards: list[str] = []

    def plant(self, kind: str, value: str) -> None:
        """Know one more value. Verification codes and PINs are too short to be sought alone: near their card only."""
        if kind in self._rules and value:
            self._planted[value] = kind
            exact = sorted((re.escape(v) for v, k in self._planted.items() if self._sought(k, v)), reverse=True)
            self._exact = re.compile("|".join(exact)) if exact else None
            self._short = [(v, k) for v, k in self._planted.items() if k in ("cvv", "pin")]
            self._cards = [v for v, k in self._planted.items() if k == "card"]

    def planted(self, value: str) -> bool:
        """Tell whether a value was planted."""
        return value in self._planted

    def knows(self, *shown: Shown) -> bool:
        """Tell whether any value was planted that may be shown only so: without one, finding nothing says little."""
        return any(self._rules[kind].shown in shown for kind in self._planted.values())

    def given(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Give kind and value of what a request hands over under a telling name: from then on, it is planted."""
        if not data:
            return
        text = data[:_GIVEN_MAX].decode("utf-8", "replace")
        if "=" in text and not text.startswith(("{", "[", "<")):
            text = unquote_plus(text)  # a form
        for found in _numbers(text):
            bare = re.sub(r"[ -]", "", found.group())
            for kind, form in (("card", _CARD), ("identity", _CITIZEN), ("phone", _PHONE)):
                if form.fullmatch(bare) and _told(text, found.start(), kind):
                    yield kind, bare
        for found in _named_secrets(text, text.lower()):
            kind = _secret_kind(found)
            if kind in ("cvv", "pin") and _SECRET_FORMS[kind].fullmatch(found[5]) and len(set(found[5])) > 1:
                yield kind, found[5]

    def finds(self, data: bytes) -> Iterator[Find]:
        """Give everything in a message, encodings taken off, that its rule says is not to be shown in full."""
        seen: set[tuple[str, str, bool]] = set()
        for view in views(data):
            for find in self._in(view, data):
                key = (find.rule.kind, find.shown, find.thin)
                if key not in seen:
                    seen.add(key)
                    yield find

    # -- one text -----------------------------------------------------------------------------------------

    def _in(self, view: View, whole: bytes) -> Iterator[Find]:
        text = view.text
        yield from self._numbers(view)
        if self._exact is not None:
            for found in self._exact.finditer(text):
                yield self._find(self._planted[found.group()], found.group(), view)
        yield from self._masks(view)
        secrets = list(self._secrets(view, text.lower()))
        if secrets and not _describes(text) and not _describes(whole.decode("utf-8", "replace")):
            yield from secrets
        if ("^" in text or "=" in text) and "track" in self._rules and _TRACK.search(text):
            yield self._find("track", "", view)
        if self._short:
            yield from self._beside_cards(view)

    def _numbers(self, view: View) -> Iterator[Find]:
        for found in _numbers(view.text):
            bare = re.sub(r"[ -]", "", found.group())
            kind = self._kind(bare, view.text, found.start())
            if kind in self._rules:
                yield self._find(kind, bare, view)

    def _kind(self, bare: str, text: str, at: int) -> str:
        """Return what kind of number this is, or "" for none that may be told."""
        if bare in self._planted:
            return self._planted[bare]
        if len(bare) == 18 and _citizen(bare):
            return "identity"
        phone = _PHONE.fullmatch(bare)
        if phone:
            planted = self._planted.get(phone[1]) == "phone"
            return "phone" if planted or _told(text, at, "phone") else ""
        return "card" if _card(bare) and _told(text, at, "card") else ""

    def _masks(self, view: View) -> Iterator[Find]:
        for found in _masked(view.text):
            first, hidden, last = found.group(1), found.group(2), found.group(3)
            kind = self._masked_kind(first, last, view.text, found.start())
            rule = self._rules.get(kind)
            if rule and rule.shown == "masked" and not rule.mask.allows(len(first), len(last)):
                # As few characters are repeated as anyone may see: what was shown too much is not shown again.
                yield Find(
                    rule, f"{len(first)}+{len(last)} characters beside {len(hidden)} hidden", view.through, thin=True
                )

    def _masked_kind(self, first: str, last: str, text: str, at: int) -> str:
        """Return which kind of number was masked: a planted one by its ends, any other by its name."""
        if len(first) + len(last) < _SHORT:
            return ""
        for value, kind in self._planted.items():
            if len(value) > len(first) + len(last) and value.startswith(first) and value.endswith(last):
                return kind
        return next((kind for kind in _TELLING if _told(text, at, kind)), "")

    def _secrets(self, view: View, lowered: str) -> Iterator[Find]:
        for found in _named_secrets(view.text, lowered):
            kind = _secret_kind(found)
            if kind in self._rules and _SECRET_FORMS[kind].fullmatch(found[5]):
                yield self._find(kind, "", view)

    def _beside_cards(self, view: View) -> Iterator[Find]:
        """Give short planted secrets that stand beside a planted card, whatever their names."""
        for card in self._cards:
            at = view.text.find(card[:6])
            while at >= 0:
                around = view.text[max(0, at - _NEAR) : at + _NEAR]
                if card[-4:] in view.text[at : at + 2 * len(card)]:
                    for value, kind in self._short:
                        if re.search(rf"{_ALONE}{value}{_ENDS}", around):
                            yield self._find(kind, "", view)
                at = view.text.find(card[:6], at + 6)

    def _sought(self, kind: str, value: str) -> bool:
        """Tell whether a value is long enough to mean itself wherever it stands; numbers are found as numbers."""
        return kind not in ("cvv", "pin", "card", "identity", "phone") and len(value) >= _SHORT

    def _find(self, kind: str, value: str, view: View) -> Find:
        return Find(self._rules[kind], shown(kind, value), view.through)


def shown(kind: str, value: str) -> str:
    """Return what a message may repeat of a value: the ends of a number, nothing of a secret."""
    ends = {"card": (6, 4), "identity": (6, 4), "phone": (3, 4)}.get(kind)
    if ends is None or len(value) <= sum(ends):
        return ""
    return f"{value[: ends[0]]}{'*' * (len(value) - sum(ends))}{value[-ends[1] :]}"


def _numbers(text: str) -> Iterator[re.Match[str]]:
    """Give all long numbers, as their pattern would, which alone tries every character of a text."""
    end = 0
    for long in _LONG.finditer(text):
        # A plus before it belongs to a number.
        start = max(end, long.start() - 1)
        while (found := _NUMBER.search(text, start, long.end() + 3)) and found.start() < long.end():
            start = end = found.end()
            yield found


def _masked(text: str) -> Iterator[re.Match[str]]:
    """Give all masked numbers, as their pattern would, which alone tries every character of a text."""
    end = 0
    for hidden in _HIDDEN.finditer(text):
        start = hidden.start()
        while start > end and text[start - 1].isdecimal():
            start -= 1
        found = _MASKED.match(text, start)
        if found:
            end = found.end()
            yield found


def _named_secrets(text: str, lowered: str) -> Iterator[re.Match[str]]:
    """Give all secrets with telling names, as their pattern would, which alone tries every character of a text."""
    if len(lowered) != len(text):  # a few letters are two when small: places in one are not those in the other
        yield from _NAMED_SECRET.finditer(text)
        return
    end = 0
    for start in sorted(at for name in _SECRET_NAMES for at in _places(lowered, name)):
        found = _NAMED_SECRET.match(text, start) if start >= end else None
        if found:
            end = found.end()
            yield found


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _secret_kind(found: re.Match[str]) -> str:
    return next(name for name, group in zip(("cvv", "pin", "password", "track"), found.groups(), strict=False) if group)


def _card(bare: str) -> bool:
    return bare.isdigit() and bool(_CARD.fullmatch(bare)) and luhn(bare) and len(set(bare)) > 1


def _citizen(bare: str) -> bool:
    """Tell whether 18 characters are the identification number of somebody who may be a customer."""
    born = bare[6:10]
    grown = born.isdigit() and 1900 <= int(born) <= datetime.now(UTC).year - 3
    return bool(_PROVINCE.match(bare)) and grown and identity_number(bare)


def _told(text: str, at: int, kind: str) -> bool:
    """Tell whether what stands before a number names its kind: ``"card_no": "…``, ``pan=…``, ``<mobile>…``."""
    found = _BEFORE.search(text[max(0, at - 64) : at])
    if found is None:
        return False
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u4e00-\u9fff]+", found[1])
    name = "".join(words).lower()
    return name in _TELLING[kind] or any(word.lower() in _TELLING[kind] for word in words)


def _describes(text: str) -> bool:
    """Tell whether a text describes an interface: its examples are nobody's data.

    The name ``$schema`` alone says nothing: some frameworks put it into every answer, pointing at their own schema.
    """
    if not text.lstrip().startswith("{"):
        return False
    try:
        whole = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    if any(isinstance(whole.get(name), str) for name in ("openapi", "swagger")):
        return isinstance(whole.get("paths"), dict)
    return "//json-schema.org/" in str(whole.get("$schema", "")) and not _SCHEMA_WORDS.isdisjoint(whole)
