"""Faults: defects that can be switched on in the reference candidate."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model.text import Text


@dataclass(frozen=True, slots=True)
class Trip:
    """The check a fault must trip, and words (a part of the message) that the check must say."""

    check: str
    says: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One seeded defect.

    ``trips``: the checks that must fail, each with its own words. ``also``: checks that may fail beside them
    because the same defect shows there too; any other failure under this fault is a false alarm.
    """

    id: str
    title: Text
    trips: tuple[Trip, ...]
    also: tuple[str, ...] = ()
