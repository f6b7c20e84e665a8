"""The frame of a merchant-presented code: two digits of ID, two of length counted in characters, a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class DataObject:
    """One data object. ``length`` of the value is 1 to 99 characters (code points, not bytes)."""

    id: str
    value: str

    def __str__(self) -> str:
        """Write it as it stands in a payload."""
        return f"{self.id}{len(self.value):02d}{self.value}"


class FrameError(Exception):
    """The text is not a sequence of data objects. ``rule`` names what is wrong, ``at`` where (characters)."""

    def __init__(self, rule: str, detail: str, at: int) -> None:
        super().__init__(f"{rule} at {at}: {detail}")
        self.rule = rule
        self.detail = detail
        self.at = at


def parse(text: str) -> tuple[DataObject, ...]:
    """Return the data objects of ``text`` in order; raises FrameError at the first that is not one."""
    objects: list[DataObject] = []
    at = 0
    while at < len(text):
        item = _object(text, at)
        objects.append(item)
        at += 4 + len(item.value)
    return tuple(objects)


def _object(text: str, at: int) -> DataObject:
    head = text[at : at + 4]
    identifier, length = head[:2], head[2:]
    if len(head) < 4:
        raise FrameError("tlv.truncated", f"{head!r} is too short for an ID and a length", at)
    if not _DIGITS.issuperset(identifier):
        raise FrameError("tlv.id", f"ID {identifier!r} is not two digits", at)
    if not _DIGITS.issuperset(length):
        raise FrameError("tlv.length", f"length {length!r} of object {identifier} is not two digits", at)
    if length == "00":
        raise FrameError("tlv.empty", f"object {identifier} has length 00; 01 to 99 is allowed", at)
    value = text[at + 4 : at + 4 + int(length)]
    if len(value) < int(length):
        detail = f"object {identifier} announces {int(length)} characters, {len(value)} are left"
        raise FrameError("tlv.truncated", detail, at)
    return DataObject(identifier, value)


def repeated(objects: Iterable[DataObject]) -> tuple[str, ...]:
    """Return the IDs that occur more than once on this level."""
    return tuple(name for name, times in Counter(item.id for item in objects).items() if times > 1)


def write(objects: Iterable[DataObject]) -> str:
    """Return the objects as text; raises ValueError for a value of no or over 99 characters."""
    items = tuple(objects)
    for item in items:
        if not 1 <= len(item.value) <= 99:
            raise ValueError(f"object {item.id} holds {len(item.value)} characters; 1 to 99 fit")
    return "".join(str(item) for item in items)


def values(objects: Iterable[DataObject]) -> dict[str, str]:
    """Return the values by ID; of a repeated ID the first."""
    found: dict[str, str] = {}
    for item in objects:
        found.setdefault(item.id, item.value)
    return found
