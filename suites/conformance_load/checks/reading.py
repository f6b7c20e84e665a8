"""How checks read a measurement: an invalid one decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.sdk import Evidence, Inconclusive, Measurements, NotTested, expect

PAYMENTS = "payments-create"
#: Of what a check judges, at least this share must have been answered in a way that shows it, in parts per thousand.
JUDGED_PERMILLE_MIN = 500
#: How requests end that were not answered as they should be, and what is said of each.
_FAILED = {
    "broken": "without a proper answer",
    "unsent": "never sent",
    "refused": "refused",
    "denied": "refused although known",
}


def valid(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a scenario's measurement; raises Inconclusive when the generator, not the product, was the limit.

    Raises NotTested where the scenario was not run, or nothing was due in it that a sound product confirms.
    """
    found = run(measurements, scenario)
    offered = found["offered"]
    evidence.note("offered", f"{offered['ratePerSecond']}/s for {offered['durationS']} s, {found['sent']} sent")
    if found["validity"] != "valid":
        blame = found.get("blame", "HARNESS") or None
        raise Inconclusive(f"the measurement is invalid: {'; '.join(found['reasons'])}", blame=blame)
    if offered.get("due") == 0:
        raise NotTested(
            "no payment was due that a sound product confirms: raise rate_per_s or duration_s, or let fewer arrivals "
            "be uncovered, cut or repeated",
            blame="CONFIG",
        )
    return found


def run(measurements: Measurements, scenario: str) -> Mapping[str, Any]:
    """Return a scenario's measurement; raises NotTested, with who is to blame, where it could not be run."""
    found = measurements[scenario]
    if reason := found.get("notRun"):
        raise NotTested(f"load scenario {scenario!r} was not run: {reason}", blame=found["blame"] or None)
    return found


def carried(measurements: Measurements, evidence: Evidence, scenario: str = PAYMENTS) -> Mapping[str, Any]:
    """Return a valid measurement in which payments were confirmed at all: what went wrong in none shows nothing."""
    found = valid(measurements, evidence, scenario)
    require_confirmed(found, found["offered"]["due"], "payments")
    return found


def require_confirmed(found: Mapping[str, Any], due: int, what: str) -> None:
    """Raise Inconclusive where not even half of what was due was confirmed, naming what came instead."""
    require_share(found["confirmed"], due, f"{what} that were due", "confirmed", failures(found))


def failures(found: Mapping[str, Any]) -> str:
    """Return in words how requests ended that were not answered as they should be, "" where all were."""
    counts = found["counts"]
    return ", ".join(f"{counts[name]} {words}" for name, words in _FAILED.items() if counts.get(name))


def require_judged(found: Mapping[str, Any], kind: str, what: str, parameter: str) -> None:
    """Require that the load held requests of a kind, and that enough answers to them showed what is judged.

    Raises NotTested where there were none, and Inconclusive, naming what came instead, where too few were answered.
    """
    part = found["judged"][kind]
    require_made(part["made"], what, parameter)
    instead = ", ".join(f"{count} times {word}" for word, count in part["instead"].items())
    require_share(part["judged"], part["made"], what, "answered in a way that shows anything", instead)


def require_share(judged: int, made: int, what: str, how: str, instead: str) -> None:
    """Raise Inconclusive where less than half of ``made`` was judged, or nothing; ``instead``: what came in place."""
    if judged and judged * 1000 >= made * JUDGED_PERMILLE_MIN:
        return
    came = f", instead {instead}" if instead else ""
    raise Inconclusive(
        f"only {judged} of {made} {what} were {how}{came}: too few to judge; see why the product answers so, or lower "
        "the rate to one that it carries",
        blame="PRODUCT",
    )


def require_answered(found: Mapping[str, Any], what: str) -> None:
    """Raise Inconclusive where more requests failed than errors are allowed: their times are not those of answers."""
    counts, most = found["counts"], found["slo"]["errorPermilleMax"]
    failed = sum(counts.get(name, 0) for name in _FAILED)
    made = found["sent"] + counts.get("unsent", 0)
    if not made or failed * 1000 > made * most:
        raise Inconclusive(
            f"{what} says nothing: of {made} requests {failures(found) or 'none was made'}, and at most "
            f"{most / 10:g} % may fail, for an error is soon given; see why the product answers so, or lower the rate",
            blame="PRODUCT",
        )


def late_us(found: Mapping[str, Any], quantile: str) -> int:
    """Return a quantile of the response time by which failures are later than any proper answer, in microseconds."""
    response = found["latencyUs"]["response"]
    return int(response.get("late", response)[quantile])


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
    """Raise Inconclusive where books were not read, naming each scenario, or say nothing of the even rate.

    They do where it was measured validly and payments were confirmed: empty books show nothing wrong.
    """
    unread = {name: why for name in everywhere(measurements, "reconciliation") if (why := _unread(measurements[name]))}
    found = valid(measurements, evidence)
    if unread:
        said = "; ".join(f"{scenario}: {why}" for scenario, why in unread.items())
        # A lost worker takes its journal along and voids its scenario; all else that hides books is the product's.
        theirs = any(measurements[scenario]["validity"] == "valid" for scenario in unread)
        raise Inconclusive(f"the books cannot be compared: {said}", blame="PRODUCT" if theirs else "HARNESS")
    require_confirmed(found, found["offered"]["due"], "payments")


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
    slo, counts = found["slo"], found["counts"]
    if aborted := found.get("aborted"):
        yield f"the load ended early: {aborted}"
    if (p99_us := late_us(found, "p99")) > slo["p99MsMax"] * 1000:
        yield f"the 99th percentile is {in_ms(p99_us)}"
    if (counts["broken"] + counts["unsent"]) * 1000 > max(found["sent"], 1) * slo["errorPermilleMax"]:
        yield f"{counts['broken'] + counts['unsent']} requests got no proper answer"
    if found["confirmed"] * 1000 < found["offered"]["due"] * slo["confirmedPermilleMin"]:
        yield f"{found['confirmed']} of {found['offered']['due']} payments were confirmed"


def in_ms(us: int) -> str:
    """Return microseconds as milliseconds with their unit."""
    return f"{us / 1000:.1f} ms"
