"""EMVCo consumer-presented codes: Base64 of BER-TLV (EMVCo CPM chapters 3 to 6)."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conformance_barcode.emv.rules import Breach, Judgement, Verdict, worst_first

#: Base64 of "85 05 CPV" and some bits: how every such payload starts (5.1.1).
START = "hQVDUFY"
#: Readers must take at least this many bytes.
LONGEST = 512
#: Templates that hold further objects; 63 and 64 are handed on as they are.
_TEMPLATES = frozenset({"61", "62"})
#: Shortest and longest value in bytes.
_LENGTHS = {
    "4F": (5, 16), "50": (1, 16), "57": (1, 19), "5A": (1, 10), "5F20": (2, 26), "5F2D": (2, 8), "9F08": (2, 2),
    "9F19": (6, 6), "9F24": (29, 29), "9F25": (2, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One BER-TLV object: tag in upper-case hexadecimal, value, and parts if it is a template."""

    tag: str
    value: bytes
    parts: tuple[Node, ...] = ()


class BerError(Exception):
    """The bytes are not BER-TLV."""


def parse(data: bytes) -> tuple[Node, ...]:
    """Return the objects of ``data``; raises BerError when a tag or length runs past the end."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        value = data[at : at + length]
        if len(value) < length:
            raise BerError(f"object {tag} announces {length} bytes, {len(value)} are left")
        nodes.append(Node(tag, value, parse(value) if tag in _TEMPLATES else ()))
        at += length
    return tuple(nodes)


def _tag(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1
    if data[at] & 0x1F == 0x1F:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    if end > len(data):
        raise BerError("a tag runs past the end")
    return data[at:end].hex().upper(), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise BerError("a length is missing")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 2 or at + 1 + count > len(data):
        raise BerError(f"length byte {first:02X} is not a length this short code can have")
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def judge_cpm(payload: str) -> Judgement:
    """Judge a payload as a consumer-presented code."""
    try:
        nodes = parse(base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        return _only("cpm.base64", f"not Base64: {error}", "5.1.1")
    except BerError as error:
        return _only("cpm.frame", str(error), "")
    schemes = tuple(dict.fromkeys(filter(None, map(_scheme, nodes))))
    return Judgement("cpm", schemes, worst_first([*_head(nodes, payload), *_body(nodes)]))


def _only(rule: str, detail: str, clause: str) -> Judgement:
    return Judgement("cpm", (), (Breach(rule, detail, "", clause),))


def _scheme(node: Node) -> str:
    names = {part.value.hex().upper()[:10] for part in node.parts if part.tag == "4F"}
    return "UnionPay-CPM" if "A000000333" in names else ""


def _head(nodes: tuple[Node, ...], payload: str) -> Iterator[Breach]:
    if not nodes or nodes[0].tag != "85":
        yield Breach("cpm.first", "the payload format indicator (85) is not first", "85", "5.1.2")
    elif nodes[0].value != b"CPV01":
        yield Breach("cpm.format-indicator", f"{nodes[0].value!r} is not CPV01", "85", "5.1.3")
    if len(payload) > LONGEST:
        yield Breach("cpm.oversize", f"{len(payload)} characters", "", "", Verdict.WARN)


def _body(nodes: tuple[Node, ...]) -> Iterator[Breach]:
    applications = [node for node in nodes if node.tag == "61"]
    if not 1 <= len(applications) <= 2:
        yield Breach("cpm.applications", f"{len(applications)} application templates; 1 or 2", "61")
    elif not any(part.tag == "4F" for node in applications for part in node.parts):
        yield Breach("cpm.name-missing", "no application template names its application (4F)", "61-4F", "5.1.4")
    for node in nodes:
        yield from _repeats(node)
        yield from _sizes(node)
    yield from _instrument(nodes)
    if sum(node.tag == "62" for node in nodes) > 1:
        yield Breach("cpm.duplicate", "two common data templates", "62", "5.1.10")


def _repeats(node: Node) -> Iterator[Breach]:
    for tag, times in Counter(part.tag for part in node.parts).items():
        if times > 1:
            yield Breach("cpm.duplicate", f"{tag} occurs {times} times", f"{node.tag}-{tag}", "5.1.10")


def _sizes(node: Node) -> Iterator[Breach]:
    for part in (node, *node.parts):
        least, most = _LENGTHS.get(part.tag, (0, 1 << 16))
        if not least <= len(part.value) <= most:
            detail = f"{len(part.value)} bytes, {least} to {most} allowed"
            yield Breach("cpm.size", detail, part.tag, "Table 6.1")


def _instrument(nodes: tuple[Node, ...]) -> Iterator[Breach]:
    """Yield breaches of "a track or a number, once": per application, together with the common data."""
    common = [part.tag for node in nodes if node.tag == "62" for part in node.parts]
    for node in nodes:
        if node.tag != "61" or not any(part.tag == "4F" for part in node.parts):
            continue
        tags = [part.tag for part in node.parts] + common
        if not {"57", "5A"} & set(tags):
            yield Breach("cpm.instrument-missing", "neither 57 nor 5A", "61", "Table 6.1")
        for tag in ("57", "5A"):
            if tag in common and any(part.tag == tag for part in node.parts):
                yield Breach("cpm.duplicate", f"{tag} in both 61 and 62", tag, "5.1.10")
