"""How the faults of this suite are written down."""

from __future__ import annotations

from conformance.sdk import Fault, Text, Trip


def fault(identifier: str, en: str, zh: str, check: str, says: str, *also: str) -> Fault:
    """Return a fault that trips one check; ``also`` are checks that may fail beside it."""
    return Fault(identifier, Text(en, zh), (Trip(check, says),), also)
