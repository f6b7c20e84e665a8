"""Load measurements, completed: a suite from elsewhere may leave out what it did not measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

#: What each payment came to, and what must never happen; the order people read them in.
SETTLED = ("sent", "acknowledged", "rejected", "unknown", "booked")
WRONGS = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "accountsOff", "totalDrift")

_UNSTATED = ["the measurement does not say whether it is valid"]


def completed(item: Row) -> dict[str, Any]:
    """Return ``item`` with every member that renderings read; one that states no validity counts as invalid."""
    return {
        "offered": {},
        "sent": 0,
        "confirmed": 0,
        "latencyUs": {},
        "timeline": [],
        "slo": {},
        "reconciliation": None,
        "validity": "invalid",
        "reasons": [] if "validity" in item else _UNSTATED,
        **item,
    }


def balance(item: Row) -> str:
    """Return the word for the state of a scenario's books: balanced, unbalanced or unreconciled."""
    reconciliation = item["reconciliation"]
    if reconciliation is None:
        return "unreconciled"
    return "balanced" if reconciliation.get("balanced") else "unbalanced"
