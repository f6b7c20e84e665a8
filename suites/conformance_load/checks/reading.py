"""How checks read a measurement: an invalid one decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Evidence, Inconclusive, Measurements, expect

PAYMENTS = "payments-create"


def valid(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a scenario's measurement; raises Inconclusive when the generator, not the product, was the limit."""
    found = measurements[scenario]
    offered = found["offered"]
    evidence.note("offered", f"{offered['ratePerSecond']}/s for {offered['durationS']} s, {found['sent']} sent")
    if found["validity"] != "valid":
        raise Inconclusive(f"the measurement is invalid: {'; '.join(found['reasons'])}", blame="HARNESS")
    return found


def booked(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a valid measurement whose books were read; raises Inconclusive when the candidate did not show them."""
    found = valid(measurements, evidence, scenario)
    if unread := found["statement"].get("unread"):
        raise Inconclusive(f"the books cannot be compared: {unread}", blame="PRODUCT")
    return found


def none_of(
    measurements: Measurements, evidence: Evidence, name: str, message: str, *, scenario: str = PAYMENTS
) -> None:
    """Require that reconciliation found no payment of one class; ``message`` follows the number in the failure."""
    found = booked(measurements, evidence, scenario)["reconciliation"]
    examples = found.get("examples", {}).get(name, [])
    shown = ", ".join(examples)
    evidence.note("reconciled", f"{found['sent']} sent, {found['acknowledged']} acknowledged, {found['booked']} booked")
    evidence.note(name, found[name])
    expect(found[name] == 0, f"{found[name]} {message}", expected="0", actual=f"{found[name]}: {shown}")
