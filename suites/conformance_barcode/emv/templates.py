"""Templates of a merchant-presented code: accounts 26 to 51, additional data, language, unreserved."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from conformance_barcode.emv import tlv
from conformance_barcode.emv.fields import COMMON
from conformance_barcode.emv.overlays import BY_GUID, Latitude, Overlay
from conformance_barcode.emv.rules import Breach, Side, Verdict
from conformance_barcode.emv.tlv import DataObject

#: Additional data by sub-object: longest value (v1.0, with 10 and 11 of v1.1).
_ADDITIONAL = {**dict.fromkeys(("01", "02", "03", "04", "05", "06", "07", "08"), 25), "09": 3, "10": 20, "11": 3}
_CHANNEL = re.compile(r"[0-7][0-3][0-3]")


def is_account_template(identifier: str) -> bool:
    """Tell whether a root object is an account template; 02 to 25 are primitive and never parsed."""
    return "26" <= identifier <= "51"


def is_unreserved(identifier: str) -> bool:
    """Tell whether a root object is an unreserved template."""
    return "80" <= identifier <= "99"


def guid_of(item: DataObject) -> str:
    """Return the identifier of a template in lower case, or "" when it is none or has none."""
    if not (is_account_template(item.id) or is_unreserved(item.id)):
        return ""
    try:
        return tlv.values(tlv.parse(item.value)).get("00", "").lower()
    except tlv.FrameError:
        return ""


def overlays_of(objects: tuple[DataObject, ...]) -> tuple[Overlay, ...]:
    """Return the overlays whose identifiers occur in ``objects``."""
    names = {BY_GUID[guid].name: BY_GUID[guid] for guid in map(guid_of, objects) if guid in BY_GUID}
    return tuple(names.values())


def inspect(item: DataObject, allowed: Latitude, side: Side) -> Iterator[Breach]:
    """Yield breaches inside one root object, if it is a template."""
    if item.id in allowed.opaque:
        return
    if is_account_template(item.id) or is_unreserved(item.id):
        yield from _identified(item.id, item.value)
    elif item.id == "62":
        yield from _additional(item.value, side)
    elif item.id == "64":
        yield from _language(item.value, side)
    elif "65" <= item.id <= "79" and side is Side.GENERATOR:
        yield Breach("mpm.reserved", f"object {item.id} is reserved for future use", item.id, "4.10")


def _parsed(place: str, text: str, breaches: list[Breach]) -> dict[str, str] | None:
    try:
        objects = tlv.parse(text)
    except tlv.FrameError as error:
        breaches.append(Breach("mpm.template-frame", error.detail, place, "4.4.1.1"))
        return None
    for identifier in tlv.repeated(objects):
        breaches.append(Breach("mpm.duplicate", f"{identifier} occurs twice", f"{place}-{identifier}", "4.3.1.2"))
    for item in objects:
        breaches.extend(_normalised(f"{place}-{item.id}", item.value))
    return tlv.values(objects)


def _normalised(place: str, value: str) -> Iterator[Breach]:
    if unicodedata.normalize("NFC", value) != value:
        yield Breach("mpm.decomposed", "only precomposed characters are allowed", place, "4.5.3.1")
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value):
        yield Breach("mpm.control-character", "control characters are not text", place)


def _identified(place: str, text: str) -> Iterator[Breach]:
    breaches: list[Breach] = []
    found = _parsed(place, text, breaches)
    yield from breaches
    if found is None:
        return
    guid = found.get("00")
    clause = "4.7.10" if is_account_template(place) else "4.11"
    if guid is None:
        yield Breach("mpm.guid-missing", "no globally unique identifier (00)", place, clause)
    elif len(guid) > 32 or not COMMON.fullmatch(guid):
        yield Breach("mpm.guid", f"{len(guid)} characters; at most 32 of the common set", f"{place}-00", clause)


def _additional(text: str, side: Side) -> Iterator[Breach]:
    breaches: list[Breach] = []
    found = _parsed("62", text, breaches)
    yield from breaches
    for identifier, value in (found or {}).items():
        place = f"62-{identifier}"
        if "50" <= identifier <= "99":
            yield from _identified(place, value)
        elif identifier in _ADDITIONAL:
            yield from _additional_value(identifier, value, place)
        elif side is Side.GENERATOR:
            yield Breach("mpm.reserved", "reserved for future use", place)


def _additional_value(identifier: str, value: str, place: str) -> Iterator[Breach]:
    most = _ADDITIONAL[identifier]
    if len(value) > most:
        yield Breach("mpm.too-long", f"{len(value)} characters, at most {most}", place)
    if not COMMON.fullmatch(value):
        yield Breach("mpm.character-set", "characters outside the common character set", place)
    if identifier == "09" and (set(value) - set("AME") or len(set(value)) != len(value)):
        yield Breach("mpm.consumer-data", f"{value!r} is not each of A, M, E at most once", place, "4.8.1.3")
    if identifier == "11" and len(value) == 3 and not _CHANNEL.fullmatch(value):
        yield Breach("mpm.channel", f"{value!r} is not medium 0-7, place 0-3, presence 0-3", place)


def _language(text: str, side: Side) -> Iterator[Breach]:
    breaches: list[Breach] = []
    found = _parsed("64", text, breaches)
    yield from breaches
    if found is None:
        return
    for identifier, title in (("00", "language preference"), ("01", "merchant name")):
        if identifier not in found:
            yield Breach("mpm.language-incomplete", f"{title} is missing", f"64-{identifier}")
    if not re.fullmatch(r"[A-Za-z]{2}", found.get("00", "ZH")):
        yield Breach("mpm.language", f"{found['00']!r} is not two letters", "64-00")
    for identifier, most in (("01", 25), ("02", 15)):
        if len(found.get(identifier, "")) > most:
            detail = f"{len(found[identifier])} characters, at most {most}"
            yield Breach("mpm.too-long", detail, f"64-{identifier}")
    if side is Side.GENERATOR and any(identifier > "02" for identifier in found):
        yield Breach("mpm.reserved", "sub-objects 03 to 99 are reserved", "64")


def scheme(item: DataObject, overlay: Overlay) -> Iterator[Breach]:
    """Yield breaches of what ``overlay`` asks of its own template beyond EMVCo."""
    found = tlv.values(tlv.parse(item.value))
    for identifier, rule in overlay.subs.items():
        place = f"{item.id}-{identifier}"
        if identifier in found and not re.fullmatch(rule.pattern, found[identifier]):
            yield Breach("scheme.value", f"{overlay.name} does not allow {found[identifier]!r}", place)
        elif identifier in found and rule.advised and not re.fullmatch(rule.advised, found[identifier]):
            detail = f"{overlay.name} advises against {found[identifier]!r}"
            yield Breach("scheme.advice", detail, place, verdict=Verdict.WARN)
        if identifier not in found and rule.required:
            yield Breach("scheme.missing", f"{overlay.name} requires {identifier}", place)
    if overlay.one_of and not any(identifier in found for identifier in overlay.one_of):
        yield Breach("scheme.missing", f"{overlay.name} requires one of {', '.join(overlay.one_of)}", item.id)
