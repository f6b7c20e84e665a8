"""One question for any payload: what is it, and which rules does it break?"""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance_barcode.emv.cpm import START, judge_cpm
from conformance_barcode.emv.lines import judge_epc, judge_swiss
from conformance_barcode.emv.mpm import judge_mpm
from conformance_barcode.emv.paycodes import judge_paycode, judge_receive
from conformance_barcode.emv.rules import Judgement, Side
from conformance_barcode.emv.uri import judge_upi

__all__ = ["Judgement", "format_of", "judge"]

_JUDGES: dict[str, Callable[[str], Judgement]] = {
    "cpm": judge_cpm,
    "epc": judge_epc,
    "swiss": judge_swiss,
    "upi": judge_upi,
    "receive": judge_receive,
    "paycode": judge_paycode,
}
#: Families of scheme names that say what a payload is meant to be.
_MEANT = (
    ("CPM", "cpm"),
    ("EPC", "epc"),
    ("Swiss", "swiss"),
    ("UPI", "upi"),
    ("receive", "receive"),
    ("paycode", "paycode"),
)


def judge(payload: str, *, scheme: str | None = None, side: Side = Side.READER) -> Judgement:
    """Judge a payload; ``scheme`` says what it is meant to be, else its beginning does."""
    form = next((form for part, form in _MEANT if scheme and part in scheme), None) or format_of(payload)
    if form == "mpm":
        return judge_mpm(payload, side=side, scheme=scheme)
    return _JUDGES[form](payload)


def format_of(payload: str) -> str:
    """Return the format that a payload's beginning announces; merchant-presented TLV if nothing else fits."""
    if payload.startswith(START):
        return "cpm"
    if re.match(r"[a-z][a-z0-9+.-]*://", payload, re.IGNORECASE):
        return "upi" if payload.lower().startswith("upi:") else "receive"
    if payload.startswith(("BCD\n", "BCD\r\n")):
        return "epc"
    if payload.startswith(("SPC\n", "SPC\r\n")):
        return "swiss"
    if re.fullmatch(r"[1-9][0-9]{0,31}\s*", payload):
        return "paycode"
    return "mpm"
