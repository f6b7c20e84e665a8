"""The strict profile of EMVCo merchant-presented codes, with overlays where their schemes are present."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance_barcode.emv import fields, templates, tlv
from conformance_barcode.emv.crc import crc_of
from conformance_barcode.emv.overlays import BY_NAME, Overlay, latitude
from conformance_barcode.emv.rules import Breach, Judgement, Side, Verdict, worst_first
from conformance_barcode.emv.tlv import DataObject

#: "Should not exceed" in characters (4.1).
LONGEST_PAYLOAD = 512
#: Where EMVCo states the rules of the frame.
FRAME_CLAUSES = {"tlv.id": "4.3.1.1", "tlv.empty": "4.4.1.2", "tlv.length": "4.4.1.1", "tlv.truncated": "4.4.1.1"}


def judge_mpm(payload: str, *, side: Side = Side.READER, scheme: str | None = None) -> Judgement:
    """Judge a payload as a merchant-presented code.

    ``scheme``: the overlay that a wallet expects; a code without that scheme's template is then refused.
    """
    try:
        objects = tlv.parse(payload)
    except tlv.FrameError as error:
        breach = Breach(error.rule, error.detail, f"position {error.at}", FRAME_CLAUSES[error.rule])
        return Judgement("mpm", (), (breach,))
    overlays = templates.overlays_of(objects)
    breaches = [
        *_frame(objects, payload, side),
        *_objects(objects, overlays, side),
        *_schemes(objects, overlays, scheme),
    ]
    return Judgement("mpm", tuple(item.name for item in overlays), worst_first(breaches))


def strict(payload: str, *, side: Side = Side.READER) -> Judgement:
    """Judge a payload by EMVCo alone, granting no scheme its departures."""
    try:
        objects = tlv.parse(payload)
    except tlv.FrameError:
        return judge_mpm(payload, side=side)
    breaches = [*_frame(objects, payload, side), *_objects(objects, (), side)]
    return Judgement("mpm", (), worst_first(breaches))


def _frame(objects: tuple[DataObject, ...], payload: str, side: Side) -> Iterator[Breach]:
    for identifier in tlv.repeated(objects):
        yield Breach("mpm.duplicate", f"{identifier} occurs twice", identifier, "4.3.1.2")
    if objects and objects[0].id != "00":
        yield Breach("mpm.first", f"the first object is {objects[0].id}, not 00", "00", "4.6.1.1")
    if objects and objects[-1].id != "63" and any(item.id == "63" for item in objects):
        yield Breach("mpm.last", f"the last object is {objects[-1].id}, not 63", "63", "4.6.1.2")
    elif objects and objects[-1].id == "63":
        yield from _sum(objects[-1].value, payload, side)
    if len(payload) > LONGEST_PAYLOAD:
        mild = Verdict.REJECT if side is Side.GENERATOR else Verdict.WARN
        yield Breach("mpm.oversize", f"{len(payload)} characters, should not exceed 512", "", "4.1", mild)


def _sum(value: str, payload: str, side: Side) -> Iterator[Breach]:
    if len(value) != 4 or not set(value) <= set("0123456789ABCDEFabcdef"):
        yield Breach("mpm.crc-format", f"{value!r} is not four hexadecimal digits", "63")
        return
    computed = crc_of(payload[:-4])
    if value.upper() != computed:
        yield Breach("mpm.crc", f"{value} was written, {computed} is right", "63")
    elif value != computed:
        mild = Verdict.REJECT if side is Side.GENERATOR else Verdict.WARN
        yield Breach("mpm.crc-case", f"{value} is written in lower case", "63", "", mild)


def _objects(objects: tuple[DataObject, ...], overlays: tuple[Overlay, ...], side: Side) -> Iterator[Breach]:
    found, allowed = tlv.values(objects), latitude(overlays)
    yield from fields.presence(found, allowed)
    yield from fields.values(found, allowed, side)
    for item in objects:
        yield from templates.inspect(item, allowed, side)


def _schemes(objects: tuple[DataObject, ...], overlays: tuple[Overlay, ...], wanted: str | None) -> Iterator[Breach]:
    if wanted in BY_NAME and wanted not in {item.name for item in overlays} | _families(overlays):
        yield Breach("scheme.absent", f"no template of {wanted} in this code")
    found = tlv.values(objects)
    by_guid = {guid: overlay for overlay in overlays for guid in overlay.guids}
    for item in objects:
        overlay = by_guid.get(templates.guid_of(item))
        if overlay is not None and templates.is_account_template(item.id):
            yield from templates.scheme(item, overlay)
    for overlay in overlays:
        yield from _around(found, overlay)


def _families(overlays: tuple[Overlay, ...]) -> set[str]:
    return {item.name.partition("-bill")[0] for item in overlays}


def _around(found: dict[str, str], overlay: Overlay) -> Iterator[Breach]:
    if overlay.currency and found.get("53", overlay.currency) != overlay.currency:
        detail = f"{overlay.name} is paid in {overlay.currency}, the code says {found['53']}"
        yield Breach("scheme.currency", detail, "53")
    if overlay.reference and "62" in found:
        yield from _reference(found["62"], overlay)


def _reference(additional: str, overlay: Overlay) -> Iterator[Breach]:
    try:
        label = tlv.values(tlv.parse(additional)).get("05")
    except tlv.FrameError:
        return
    if label is not None and not re.fullmatch(overlay.reference or ".*", label):
        yield Breach("scheme.reference", f"{overlay.name} does not allow the reference {label!r}", "62-05")
