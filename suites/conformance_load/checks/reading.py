"""How checks read a measurement: an invalid one decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.sdk import Evidence, Inconclusive, Measurements, NotTested, expect

PAYMENTS = "payments-create"


def valid(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a scenario's measurement; raises Inconclusive when the generator, not the product, was the limit.

    Raises NotTested where the scenario was not run.
    """
    found = run(measurements, scenario)
    offered = found["offered"]
    evidence.note("offered", f"{offered['ratePerSecond']}/s for {offered['durationS']} s, {found['sent']} sent")
    if found["validity"] != "valid":
        blame = found.get("blame", "HARNESS") or None
        raise Inconclusive(f"the measurement is invalid: {'; '.join(found['reasons'])}", blame=blame)
    return found


def run(measurements: Measurements, scenario: str) -> Mapping[str, Any]:
    """Return a scenario's measurement; raises NotTested, with who is to blame, where it could not be run."""
    found = measurements[scenario]
    if reason := found.get("notRun"):
        raise NotTested(f"load scenario {scenario!r} was not run: {reason}", blame=found["blame"] or None)
    return found


def booked(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a valid measurement whose books were read; raises Inconclusive when the candidate did not show them."""
    found = valid(measurements, evidence, scenario)
    if unread := _unread(found):
        raise Inconclusive(f"the books cannot be compared: {unread}", blame="PRODUCT")
    return found


def all_books(measurements: Measurements) -> dict[str, Mapping[str, Any]]:
    """Return the reconciliation of every scenario that was measured and whose books were read, by scenario.

    Money counts wherever it moved: what a burst or a crash lost is lost, even where the generator was the limit. A
    check fails on what these show first; only then does :func:`require_all_books` ask for those that were not read.
    """
    books = everywhere(measurements, "reconciliation")
    return {scenario: found for scenario, found in books.items() if not _unread(measurements[scenario])}


def require_all_books(measurements: Measurements, evidence: Evidence) -> None:
    """Raise Inconclusive where books were not read, naming each scenario, or the even rate was not measured validly."""
    unread = {name: why for name in everywhere(measurements, "reconciliation") if (why := _unread(measurements[name]))}
    valid(measurements, evidence)
    if unread:
        said = "; ".join(f"{scenario}: {why}" for scenario, why in unread.items())
        # A lost worker takes its journal along and voids its scenario; all else that hides books is the product's.
        theirs = any(measurements[scenario]["validity"] == "valid" for scenario in unread)
        raise Inconclusive(f"the books cannot be compared: {said}", blame="PRODUCT" if theirs else "HARNESS")


def everywhere(measurements: Measurements, member: str) -> dict[str, Mapping[str, Any]]:
    """Return a member of every measurement that has it, by scenario: what is wrong counts wherever it was found."""
    return {scenario: found[member] for scenario, found in measurements.items() if found.get(member)}


def total_of(parts: Mapping[str, Mapping[str, Any]], name: str) -> int:
    """Return the sum of a count over scenarios."""
    return sum(int(part[name]) for part in parts.values())


def where(parts: Mapping[str, Mapping[str, Any]], name: str, of: str) -> str:
    """Return in which scenarios a count is not zero, how large it is, and of how many."""
    return "; ".join(f"{scenario}: {part[name]} of {part[of]}" for scenario, part in parts.items() if part[name])


def require_made(made: int, what: str, parameter: str) -> None:
    """Raise NotTested where the load held nothing of the kind that a check judges: then it would pass unseen."""
    if not made:
        raise NotTested(
            f"0 {what} were in the load: lower {parameter}, or raise rate_per_s or duration_s, until it holds some",
            blame="CONFIG",
        )


def _unread(found: Mapping[str, Any]) -> str:
    return str(found.get("statement", {}).get("unread") or "")


def none_of(measurements: Measurements, evidence: Evidence, name: str, message: str) -> None:
    """Require that reconciliation found no payment of one class; ``message`` follows the number in the failure."""
    books = all_books(measurements)
    for scenario, found in books.items():
        counts = f"{found['sent']} sent, {found['acknowledged']} acknowledged, {found['booked']} booked"
        evidence.note(f"reconciled ({scenario})", f"{counts}, {found[name]} {name}")
    total = sum(found[name] for found in books.values())
    expect(total == 0, f"{total} {message}", expected="0", actual=_shown(books, name))
    require_all_books(measurements, evidence)


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
