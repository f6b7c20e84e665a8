"""How a product writes money and times, judged by type, format, example and description."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.openapi.members import Member, enum_of, example_of

_MINOR = re.compile(
    r"\b(cents?|pence|minor[- ]units?|smallest (currency )?unit|fen|satoshis?|sats?|zero[- ]decimal)\b|分"
)
_MAJOR = re.compile(r"\b(major[- ]units?|dollars|euros|decimal|two decimals?|fractional)\b|元")
_THOUSANDTH = re.compile(r"\b(millisat(oshi)?s?|msats?)\b")
_SATOSHI = re.compile(r"\b(satoshis?|sats?)\b")


@dataclass(frozen=True, slots=True)
class Form:
    """A conversion of the mapping language, how sure it is, and why.

    ``exponent`` are decimal places where the currency's are not meant.
    """

    conversion: str
    confidence: float
    reason: str
    exponent: int | None = None
    currency: str = ""

    @property
    def said(self) -> str:
        """Return the reason with its confidence, with a question mark where it is little more than a guess."""
        return f"{'? ' if self.confidence < 0.7 else ''}{self.confidence:.2f}: {self.reason}"


def money_form(member: Member, context: str = "") -> Form:
    """Return how an amount is written. ``context`` is what the operation around it says of money."""
    words = f"{member.words} {' '.join(member.tokens())}"
    named = _SATOSHI.search(words) or _SATOSHI.search(context.lower())
    currency = "SAT" if named else ""
    if _THOUSANDTH.search(words):
        return Form("decimal-number", 0.7, "thousandths of a satoshi by its description", -3, "SAT")
    minor, major = _MINOR.search(words), _MAJOR.search(words)
    match member.kind:
        case "integer":
            reason = f'an integer, "{minor[0]}" in its description' if minor else "an integer"
            if major and not minor:
                return Form("decimal-number", 0.5, f'an integer, but "{major[0]}" in its description', 0, currency)
            return Form("minor", 0.95 if minor else 0.8, reason, currency=currency)
        case "string":
            return _text_form(member, minor, major, currency)
        case _:
            return _number_form(member, minor, major, currency)


def _text_form(member: Member, minor: re.Match[str] | None, major: re.Match[str] | None, currency: str) -> Form:
    pattern, shown = str(member.schema.get("pattern") or ""), str(example_of(member.schema) or "")
    if minor and not major:
        return Form("minor-string", 0.85, f'text, "{minor[0]}" in its description', currency=currency)
    if re.fullmatch(r"-?\d+[.,]\d+", shown):
        return Form("decimal-string", 0.95, f"text, for example {shown!r}", currency=currency)
    if r"\." in pattern or "[.]" in pattern or member.schema.get("format") in ("decimal", "money"):
        return Form("decimal-string", 0.9, "text with decimal places by its pattern or format", currency=currency)
    if pattern and re.fullmatch(r"[\^]?(-\?)?(\\d|\[0-9\])[^.]*", pattern):
        return Form("minor-string", 0.7, f"text of digits alone: {pattern}", currency=currency)
    return Form(
        "decimal-string", 0.5, "text; neither example nor pattern says whether it has decimals", currency=currency
    )


def _number_form(member: Member, minor: re.Match[str] | None, major: re.Match[str] | None, currency: str) -> Form:
    shown, step = example_of(member.schema), member.schema.get("multipleOf")
    if minor and not major:
        return Form("minor", 0.8, f'a number, "{minor[0]}" in its description', currency=currency)
    if isinstance(shown, float) and shown != int(shown):
        return Form("decimal-number", 0.95, f"a number with decimals, for example {shown}", currency=currency)
    if isinstance(step, float) and step < 1:
        return Form("decimal-number", 0.95, f"a multiple of {step}", currency=currency)
    if member.schema.get("format") in ("float", "double", "decimal"):
        return Form("decimal-number", 0.85, f"a number of format {member.schema['format']}", currency=currency)
    if currency:
        return Form("minor", 0.7, "a number of satoshi", currency=currency)
    return Form("decimal-number", 0.6, "a number; nothing says whether of major or minor units", currency=currency)


def time_form(member: Member) -> Form | None:
    """Return how an instant is written, or None where nothing says it."""
    shown, form = example_of(member.schema), str(member.schema.get("format") or "")
    if member.kind == "string" and (form == "date-time" or re.match(r"\d{4}-\d\d-\d\dT", str(shown or ""))):
        return Form("rfc3339", 0.9, "date-time")
    if form == "date" or re.fullmatch(r"\d{4}-\d\d-\d\d", str(shown or "")):
        return None
    if member.kind in ("integer", "number"):
        thousands = "milli" in member.words or (isinstance(shown, int | float) and shown > 1e11)
        return Form("epoch-ms" if thousands else "epoch-s", 0.75, "a number, so it counts from 1970")
    return None


def currency_form(member: Member) -> Form:
    """Return how a currency is written: as ISO 4217 or in small letters."""
    shown = [*enum_of(member.schema), str(example_of(member.schema) or "")]
    pattern = str(member.schema.get("pattern") or "")
    small = any(word.isalpha() and word.islower() and len(word) == 3 for word in shown) or "[a-z]" in pattern
    if small or re.search(r"lower[- ]?case", member.words):
        return Form("lower", 0.9, "in small letters")
    return Form("", 0.85, "as in ISO 4217")
