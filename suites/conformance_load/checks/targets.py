"""Published targets: what others said their systems reach, tried on this one.

A limit that is broken fails at any scale. Keeping all limits establishes a target only at its whole rate and length,
by limits no laxer than those published, and only for payments that stand in the product's books.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, NotTested, check, expect
from conformance_load.checks.reading import booked, in_ms, late_us, require_unscaled, valid
from conformance_load.recipes import Published, published, scenario

#: The smallest share of the published payments that must be due, in parts per thousand: random arrivals vary a little.
_DUE_PERMILLE_MIN = 995


@check("LOAD-T01", scenarios=("target-mojaloop",), effects=Effect.MONEY)
def one_thousand_per_second_for_an_hour(measurements: Measurements, evidence: Evidence) -> None:
    """1,000 transfers a second for an hour; at most one in a hundred takes longer than a second."""
    _reached(measurements, evidence, "target-mojaloop", "the figures of Mojaloop are missed")


@check("LOAD-T02", scenarios=("target-tips",), effects=Effect.MONEY)
def five_hundred_on_average_and_two_thousand_at_the_peak(measurements: Measurements, evidence: Evidence) -> None:
    """500 a second on average, 2,000 at the peak; 99 of 100 are answered within five seconds."""
    _reached(measurements, evidence, "target-tips", "the figures of TIPS are missed")


@check("LOAD-T03", scenarios=("target-sct-inst",), effects=Effect.MONEY)
def ten_seconds_from_end_to_end(measurements: Measurements, evidence: Evidence) -> None:
    """Every transfer is answered within ten seconds, from when it was meant to start."""
    _reached(measurements, evidence, "target-sct-inst", "the time limit of SCT Inst is missed")


@check("LOAD-T04", scenarios=("target-pix",), effects=Effect.MONEY)
def half_within_six_seconds_all_within_ten(measurements: Measurements, evidence: Evidence) -> None:
    """Half of the payments are answered within six seconds, all within ten."""
    _reached(measurements, evidence, "target-pix", "the time limits of Pix are missed")


@check("LOAD-T05", scenarios=("target-upi",), effects=Effect.MONEY)
def eight_thousand_per_second_within_fifteen_seconds(measurements: Measurements, evidence: Evidence) -> None:
    """8,180 payments a second on average, each answered within fifteen seconds and its state told within ten."""
    found = valid(measurements, evidence, "target-upi")
    queries = next((item for item in found["streams"] if item["operation"] == "payments.read"), None)
    pressed = queries is not None and not queries["absent"]
    amiss = list(_untold(queries, evidence)) if queries and pressed else []
    _keeps_limits(found, evidence, "the figures of UPI are missed", amiss)
    if not queries or not pressed:
        why = queries["absent"] if queries else "the profile gives payments.read no share (read_permille = 0)"
        raise NotTested(f"no payment was asked about: {why}", blame="CONFIG")
    _require_tried(measurements, evidence, "target-upi", _smaller_queries(queries))


@check("LOAD-T06", scenarios=("target-netsunion",), effects=Effect.MONEY)
def ninety_two_thousand_per_second(measurements: Measurements, evidence: Evidence) -> None:
    """More than 92,000 payments in a second, all of them confirmed."""
    _reached(measurements, evidence, "target-netsunion", "the published peak of NetsUnion is missed")


def _reached(measurements: Measurements, evidence: Evidence, target: str, message: str) -> None:
    _keeps_limits(valid(measurements, evidence, target), evidence, message)
    _require_tried(measurements, evidence, target)


def _keeps_limits(found: Mapping[str, Any], evidence: Evidence, message: str, more: Sequence[str] = ()) -> None:
    """Require the limits of a run, whatever part of the target it tried."""
    response, offered = found["latencyUs"]["response"], found["offered"]
    broken = [*_broken(found), *more]
    evidence.note("offered", f"{offered['peakPerSecond']}/s at the peak for {offered['durationS']} s")
    shown = f"p99 {in_ms(late_us(found, 'p99'))}, longest {in_ms(response['max'])}"
    evidence.note("confirmed", f"{found['confirmed']} of {offered['due']}, {shown}")
    expect(
        not broken,
        f"{message}: {'; '.join(broken)}",
        expected=f"{offered['ratePerSecond']} per second within the limits",
        actual="; ".join(broken),
    )


def _broken(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the limits that a run broke. Where every payment has a limit, each must have been answered."""
    response, slo, due = found["latencyUs"]["response"], found["slo"], found["offered"]["due"]
    times_us = {"p50": late_us(found, "p50"), "p99": late_us(found, "p99"), "max": response["max"]}
    for name, limit in (("p50", "p50MsMax"), ("p99", "p99MsMax"), ("max", "longestMsMax")):
        if limit in slo and times_us[name] > slo[limit] * 1000:
            yield f"{name} {in_ms(times_us[name])}, allowed {slo[limit]} ms"
    unanswered = found["counts"]["broken"] + found["counts"]["unsent"]
    if "longestMsMax" in slo and unanswered:
        yield f"{unanswered} of {found['sent']} got no proper answer, and every payment must be answered"
    if found["confirmed"] * 1000 < due * slo["confirmedPermilleMin"]:
        yield f"{found['confirmed']} of {due} confirmed"
    if aborted := found.get("aborted"):
        yield f"the load ended early, {aborted}"


def _untold(queries: Mapping[str, Any], evidence: Evidence) -> Iterator[str]:
    """Yield how the states of payments were not told, or not in time."""
    counts, longest, most = queries["counts"], queries["latencyUs"]["response"]["max"], queries["slo"]["p99MsMax"]
    evidence.note("state queries", f"{queries['confirmed']} of {queries['sent']} answered, longest {in_ms(longest)}")
    if longest > most * 1000:
        yield f"a state was told after {in_ms(longest)}, allowed {most} ms"
    if untold := sum(counts[word] for word in ("broken", "unsent", "refused")):
        yield f"{untold} of {queries['due']} states were not told"


def _require_tried(measurements: Measurements, evidence: Evidence, target: str, beside: Sequence[str] = ()) -> None:
    """Raise Inconclusive where books are unread, or the run tried less than was published. Calibration is exempt."""
    found = booked(measurements, evidence, target)
    require_unscaled(found, "the published rate")
    smaller = [*_smaller(found, published(target)), *beside]
    if smaller and not found["offered"].get("scaledCounts"):
        raise Inconclusive(
            f"the published figures were not tried, and nothing broke below them: {'; '.join(smaller)}: "
            f"leave the parameters of {target} as they are",
            blame="CONFIG",
        )


def _smaller(found: Mapping[str, Any], claim: Published) -> Iterator[str]:
    """Yield where a run offered less than a target claims, or allowed more."""
    offered, slo = found["offered"], found["slo"]
    parts = (
        ("payments per second", offered["ratePerSecond"], claim.rate_per_s),
        ("at the peak", offered["peakPerSecond"], claim.peak_per_s),
        ("seconds", offered["durationS"], claim.duration_s),
        ("payments in all", offered["scheduled"], claim.payments * _DUE_PERMILLE_MIN // 1000),
        ("parts per thousand that must be confirmed", slo["confirmedPermilleMin"], claim.confirmed_permille_min),
    )
    yield from (f"{had} {name} instead of {least}" for name, had, least in parts if had < least)
    for name, most in claim.limits.items():
        if most and not 0 < slo.get(name, 0) <= most:
            yield f"{name} {slo.get(name, 0) or 'none'} instead of {most}"


def _smaller_queries(queries: Mapping[str, Any]) -> list[str]:
    """Return where less was asked, or later answers allowed, than UPI publishes."""
    own = scenario("target-upi").parameters
    rate, most = own["rate_per_s"] * own["read_permille"] // 1000, own["read_p99_ms_max"]
    slower = [f"{queries['ratePerSecond']} queries per second instead of {rate}"]
    laxer = [f"{queries['slo']['p99MsMax']} ms for a query instead of {most}"]
    return (slower if queries["ratePerSecond"] < rate else []) + (laxer if queries["slo"]["p99MsMax"] > most else [])
