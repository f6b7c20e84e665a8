"""Payment URIs: UPI (``upi://pay?…``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from conformance_barcode.emv.rules import Breach, Judgement, worst_first


def judge_upi(payload: str) -> Judgement:
    """Judge a UPI linking address."""
    return Judgement("upi", ("UPI",), worst_first(_upi(payload)))


def _upi(payload: str) -> Iterator[Breach]:
    parts = urlsplit(payload)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "upi" or parts.netloc not in ("pay", "mandate"):
        yield Breach("upi.address", "not upi://pay")
    if not re.fullmatch(r"[A-Za-z0-9._-]{2,255}@[A-Za-z0-9.-]{2,64}", query.get("pa", "")):
        yield Breach("upi.payee", "pa is not an address with a handle", "pa")
    if query.get("cu", "INR") != "INR":
        yield Breach("upi.currency", f"{query['cu']!r} is not INR", "cu")
    amount = query.get("am", "1")
    if not re.fullmatch(r"[0-9]+(\.[0-9]{1,2})?", amount) or not amount.strip("0."):
        yield Breach("upi.amount", f"{amount!r} is not an amount above zero", "am")
