"""The measurement of a scenario that did not come to its end: nothing of speed, and all that is known of money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.sdk import LoadContext
from conformance_load import measured
from conformance_load.deciding import Decisions
from conformance_load.journal_settling import Settled
from conformance_load.reconcile import Reconciliation
from conformance_load.settings import Settings


def unfinished(context: LoadContext, settings: Settings, settled: Sequence[Settled], reason: str) -> dict[str, Any]:
    """Return an invalid measurement whose ``unfinished`` says in words what is known of the payments."""
    found, decisions = Reconciliation(), Decisions()
    for item in settled:
        found.add(item.found)
        decisions.add(item.decisions)
    failure = f"the scenario did not come to its end: {reason}"
    return {
        "scenario": context.scenario,
        "offered": measured.offered(settings, 0, 0),
        "sent": found.sent,
        "confirmed": found.acknowledged,
        "counts": {},
        "timeline": [],
        "slo": settings.slo(),
        "decisions": decisions.as_json(),
        "reconciliation": found.as_json(),
        "statement": {
            "stable": False,
            "entriesFirst": 0,
            "entriesSecond": 0,
            "unread": next((item.unread for item in settled if item.unread), ""),
        },
        "aborted": reason,
        "unfinished": _in_words(found),
        "validity": "invalid",
        "reasons": [failure],
        **({"disturbance": {"kind": settings.disturbance, "failure": failure}} if settings.disturbance else {}),
    }


def not_run(context: LoadContext, reason: str, blame: str | None) -> dict[str, Any]:
    """Return the measurement of a scenario of which nothing was sent; ``blame``: who is to, None for nobody."""
    return {
        "scenario": context.scenario,
        "validity": "invalid",
        "reasons": [reason],
        "notRun": reason,
        "blame": blame or "",
        "unfinished": f"nothing was sent: {reason}",
    }


def _in_words(found: Reconciliation) -> str:
    known = f"{found.acknowledged} confirmed, {found.rejected} refused, {found.unknown} unaccounted for"
    books = "their books were compared" if found.read else "their books were not compared"
    return f"{found.sent} payments were sent: {known}; {books}"
