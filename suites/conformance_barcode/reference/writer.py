"""Writing merchant-presented codes: the payload of an order or of a shop's permanent code."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.sdk import FaultBoard, Problem
from conformance_barcode.reference.money import CURRENCIES, written

#: Identifier of this scheme in account template 26.
SCHEME = "COM.EXAMPLE.PAY"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a code is to say. ``amount`` is in minor units; ``tip`` and ``language`` follow the contract."""

    id: str
    dynamic: bool
    account: str
    amount: int | None
    currency: str
    name: str
    city: str
    country: str
    category: str
    order: str = ""
    tip: Mapping[str, Any] = field(default_factory=dict)
    language: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, Any] = field(default_factory=dict)


def payload_of(draft: Draft, faults: FaultBoard) -> str:
    """Return the payload; raises Problem(422) when it cannot be written within the rules."""
    text = "".join(
        (
            _put("00", "01"),
            _put("01", "12" if draft.dynamic else "11"),
            _put("26", _put("00", SCHEME) + _put("01", draft.id)),
            _put("52", draft.category),
            _put("53", CURRENCIES[draft.currency][0]),
            _amount(draft, faults),
            _tip(draft, faults),
            _put("58", draft.country.lower() if faults.on("codes.country-lower-case") else draft.country),
            _put("59", draft.name),
            _put("60", draft.city),
            _additional(draft, faults),
            _language(draft, faults),
        )
    )
    payload = text + "6304" + _sum(text + "6304", faults)
    if len(payload) > 512 and not faults.on("codes.oversize"):
        raise Problem(422, "code-too-long", "The code would be longer than 512 characters.")
    return payload


def _put(tag: str, value: str, *, units: bool = False) -> str:
    length = len(value.encode("utf-16-le")) // 2 if units else len(value)
    return f"{tag}{length:02d}{value}" if value else ""


def _amount(draft: Draft, faults: FaultBoard) -> str:
    digits = CURRENCIES[draft.currency][1]
    if draft.amount is None:
        return _put("54", "0.00") if faults.on("codes.static-zero") else ""
    if faults.on("codes.exponent-ignored"):
        digits = 2
    if faults.on("codes.amount-float"):
        return _put("54", f"{draft.amount / 100 - 0.0001:.4f}")
    return _put("54", written(draft.amount, digits))


def _tip(draft: Draft, faults: FaultBoard) -> str:
    mode, digits = draft.tip.get("mode"), CURRENCIES[draft.currency][1]
    if mode == "prompt":
        return _put("55", "01") + (_put("56", "1.00") if faults.on("codes.fee-orphan") else "")
    if mode == "fixed":
        return _put("55", "02") + _put("56", written(int(draft.tip["amount"]), digits))
    if mode == "percentage":
        return _put("55", "03") + _put("57", written(int(draft.tip["basis_points"]), 2))
    return ""


def _additional(draft: Draft, faults: FaultBoard) -> str:
    if faults.on("codes.oversize") and len(draft.order) > 25:
        parts = [draft.order[at : at + 78] for at in range(0, len(draft.order), 78)]
        return "".join(
            _put(str(80 + number), _put("00", SCHEME) + _put("01", part)) for number, part in enumerate(parts[:20])
        )
    phone = str(draft.customer.get("phone", "")) if faults.on("codes.personal-data") else ""
    return _put("62", _put("02", phone) + _put("05", draft.order))


def _language(draft: Draft, faults: FaultBoard) -> str:
    units = faults.on("codes.length-units")
    parts = (draft.language.get("code", ""), draft.language.get("name", ""), draft.language.get("city", ""))
    inner = "".join(_put(f"{number:02d}", part, units=units) for number, part in enumerate(parts))
    return _put("64", inner)


def _sum(text: str, faults: FaultBoard) -> str:
    data = bytes(ord(c) & 0xFF for c in text) if faults.on("codes.crc-low-bytes") else text.encode()
    value = binascii.crc_hqx(data, 0xFFFF)
    return f"{value:X}" if faults.on("codes.crc-zero-dropped") else f"{value:04X}"
