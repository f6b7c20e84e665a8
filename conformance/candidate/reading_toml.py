"""A place in the candidate file: its value, its path, and the list of mistakes that readers add to."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.candidate.convert import ZONED, zone_of
from conformance.errors import Problem


@dataclass(frozen=True, slots=True)
class Place:
    """One value in a file. All places of one reading share ``problems``."""

    value: Any
    path: str = "$"
    name: str = ""
    problems: list[Problem] = field(default_factory=list)

    def at(self, key: str) -> Place:
        """Return the place of a member, with None as value where it is absent."""
        inner = self.value.get(key) if isinstance(self.value, Mapping) else None
        shown = f".{key}" if key.replace("_", "").replace("-", "").isalnum() else f'["{key}"]'
        return Place(inner, self.path + shown, key, self.problems)

    def members(self) -> Iterator[Place]:
        """Return the places of all members of a table."""
        return (self.at(str(key)) for key in self.value)

    def items(self) -> Iterator[Place]:
        """Return the places of all items of a list."""
        return (Place(item, f"{self.path}[{n}]", str(n), self.problems) for n, item in enumerate(self.value))

    def wrong(self, expected: str, remedy: str = "") -> None:
        """Note that this value is a mistake."""
        found = "nothing" if self.value is None else f"{self.value!r}"
        self.problems.append(Problem(self.path, found[:120], expected, remedy))

    def only(self, keys: Collection[str]) -> None:
        """Note members that are not among ``keys``, with the nearest one that is."""
        for key in self.value:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, 1)
                remedy = f"did you mean {near[0]!r}?" if near else ""
                place = self.at(str(key))
                self.problems.append(Problem(place.path, "an unknown key", "one of " + ", ".join(sorted(keys)), remedy))

    def table(self, key: str) -> Place | None:
        """Return a member that must be a table, or None where it is absent or something else."""
        place = self.at(key)
        if place.value is None:
            return None
        if not isinstance(place.value, Mapping):
            place.wrong("a table")
            return None
        return place

    def text(self, key: str, default: str = "") -> str:
        """Return a member that must be text."""
        place = self.at(key)
        if place.value is None:
            return default
        if not isinstance(place.value, str):
            place.wrong("text")
            return default
        return place.value

    def flag(self, key: str, default: bool) -> bool:
        """Return a member that must be true or false."""
        place = self.at(key)
        if place.value is None:
            return default
        if not isinstance(place.value, bool):
            place.wrong("true or false")
            return default
        return place.value

    def choice(self, key: str, words: Collection[str], default: str) -> str:
        """Return a member that must be one of ``words``."""
        found = self.text(key, default)
        if found not in words:
            self.at(key).wrong("one of " + ", ".join(word for word in sorted(words) if word))
            return default
        return found

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return a member that must be a list of whole numbers."""
        place = self.at(key)
        if place.value is None:
            return ()
        if not isinstance(place.value, list) or not all(type(item) is int for item in place.value):
            place.wrong("a list of whole numbers")
            return ()
        return tuple(place.value)


def compile_zone(place: Place, conversion: str) -> dt.tzinfo | None:
    """Return the ``zone`` of times without an offset, None where none is named; ``conversion`` is what ``as`` says."""
    text = place.text("zone")
    if not text:
        return None
    zone = zone_of(text)
    if zone is None:
        place.at("zone").wrong('"UTC", or an offset such as "+08:00"; places such as "Asia/Shanghai" are not known')
    elif conversion not in ZONED:
        place.at("zone").wrong(f"nothing, or it beside as = {' or '.join(map(repr, ZONED))}")
    return zone
