"""Published targets: what others said their systems reach, tried on this one.

A limit that is broken fails at any scale. Keeping all limits establishes a target only at its whole rate and length.
"""

from __future__ import annotations

from collections.abc import Sequence

from conformance.sdk import Effect, Evidence, Measurements, check, expect
from conformance_load.checks.reading import in_ms, require_unscaled, valid


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
    queries = next(item for item in found["streams"] if item["operation"] == "payments.read")
    longest, most = queries["latencyUs"]["response"]["max"], queries["slo"]["p99MsMax"]
    evidence.note("state queries", f"{queries['confirmed']} of {queries['sent']} answered, longest {in_ms(longest)}")
    late = [f"a state was told after {in_ms(longest)}, allowed {most} ms"] if longest > most * 1000 else []
    _reached(measurements, evidence, "target-upi", "the figures of UPI are missed", late)


@check("LOAD-T06", scenarios=("target-netsunion",), effects=Effect.MONEY)
def ninety_two_thousand_per_second(measurements: Measurements, evidence: Evidence) -> None:
    """More than 92,000 payments in a second, all of them confirmed."""
    _reached(measurements, evidence, "target-netsunion", "the published peak of NetsUnion is missed")


def _reached(
    measurements: Measurements, evidence: Evidence, scenario: str, message: str, more: Sequence[str] = ()
) -> None:
    found = valid(measurements, evidence, scenario)
    response, slo, offered = found["latencyUs"]["response"], found["slo"], found["offered"]
    due, confirmed = offered["due"], found["confirmed"]
    broken = [
        f"{name} {in_ms(response[key])}, allowed {slo[limit]} ms"
        for name, key, limit in (("p50", "p50", "p50MsMax"), ("p99", "p99", "p99MsMax"), ("max", "max", "longestMsMax"))
        if limit in slo and response[key] > slo[limit] * 1000
    ]
    broken += more
    if confirmed * 1000 < due * slo["confirmedPermilleMin"]:
        broken.append(f"{confirmed} of {due} confirmed")
    evidence.note("offered", f"{offered['peakPerSecond']}/s at the peak for {offered['durationS']} s")
    evidence.note("confirmed", f"{confirmed} of {due}, p99 {in_ms(response['p99'])}, longest {in_ms(response['max'])}")
    expect(
        not broken,
        f"{message}: {'; '.join(broken)}",
        expected=f"{offered['ratePerSecond']} per second within the limits",
        actual="; ".join(broken),
    )
    require_unscaled(found, "the published rate")
