"""How checks read a measurement: an invalid one decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def all_books(measurements: Measurements, evidence: Evidence) -> dict[str, Mapping[str, Any]]:
    """Return the reconciliation of every scenario that was measured and whose books were read, by scenario.

    Money counts wherever it moved: what a burst or a crash lost is lost, even where the generator was the limit. The
    payments at an even rate must be among them; see :func:`booked`.
    """
    booked(measurements, evidence)
    return {
        scenario: found["reconciliation"]
        for scenario, found in measurements.items()
        if found.get("reconciliation") and not found.get("statement", {}).get("unread")
    }


def none_of(measurements: Measurements, evidence: Evidence, name: str, message: str) -> None:
    """Require that reconciliation found no payment of one class; ``message`` follows the number in the failure."""
    books = all_books(measurements, evidence)
    for scenario, found in books.items():
        counts = f"{found['sent']} sent, {found['acknowledged']} acknowledged, {found['booked']} booked"
        evidence.note(f"reconciled ({scenario})", f"{counts}, {found[name]} {name}")
    total = sum(found[name] for found in books.values())
    expect(total == 0, f"{total} {message}", expected="0", actual=_shown(books, name))


def _shown(books: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return where payments of a class were found, how many, and some of them."""
    return "; ".join(
        f"{scenario}: {found[name]}: {', '.join(found.get('examples', {}).get(name, []))}"
        for scenario, found in books.items()
        if found[name]
    )


def require_unscaled(found: Mapping[str, Any], what: str) -> None:
    """Raise Inconclusive where the load was scaled: then ``what`` was not tried, whatever the smaller one showed."""
    offered = found["offered"]
    permille = offered.get("scalePermille", 1000)
    if permille < 1000 and not offered.get("scaledCounts"):
        raise Inconclusive(
            f"{what} was not tried: rates and lengths were scaled to {permille / 10:g} %, and nothing broke there",
            blame="CONFIG",
        )


def require_whole(found: Mapping[str, Any], what: str) -> None:
    """Raise Inconclusive where a broken limit ended the load early: what kept ``what`` until then may not keep it."""
    if aborted := found.get("aborted"):
        raise Inconclusive(
            f"{what} was not tried to the end of the load, which ended early: {aborted}", blame="PRODUCT"
        )


def broken_limits(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield how a measurement breaks the limits of all its requests: time, errors, and what is confirmed of its due.

    What ended the load early is a broken limit as well.
    """
    response, slo, counts = found["latencyUs"]["response"], found["slo"], found["counts"]
    if aborted := found.get("aborted"):
        yield f"the load ended early: {aborted}"
    if response["p99"] > slo["p99MsMax"] * 1000:
        yield f"the 99th percentile is {in_ms(response['p99'])}"
    if (counts["broken"] + counts["unsent"]) * 1000 > max(found["sent"], 1) * slo["errorPermilleMax"]:
        yield f"{counts['broken'] + counts['unsent']} requests got no proper answer"
    if found["confirmed"] * 1000 < found["offered"]["due"] * slo["confirmedPermilleMin"]:
        yield f"{found['confirmed']} of {found['offered']['due']} payments were confirmed"


def in_ms(us: int) -> str:
    """Return microseconds as milliseconds with their unit."""
    return f"{us / 1000:.1f} ms"
