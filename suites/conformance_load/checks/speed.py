"""Speed under load: response times from the intended start, confirmed throughput, errors, recovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Effect, Evidence, Measurements, check, expect
from conformance_load.checks.reading import (
    PAYMENTS,
    carried,
    in_ms,
    late_us,
    require_answered,
    require_unscaled,
    require_whole,
    valid,
)


@check("LOAD-S01", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_offered_rate_is_confirmed(measurements: Measurements, evidence: Evidence) -> None:
    """Of the payments that were due at the offered rate, the agreed share is confirmed. Only confirmed ones count."""
    found = valid(measurements, evidence)
    due, confirmed, least = found["offered"]["due"], found["confirmed"], found["slo"]["confirmedPermilleMin"]
    evidence.note("confirmed", f"{confirmed} of {due} due, at {found['offered']['ratePerSecond']}/s")
    expect(
        confirmed * 1000 >= due * least,
        f"only {confirmed} of {due} payments were confirmed at {found['offered']['ratePerSecond']} per second",
        expected=f"at least {_percent(least)} of {due}",
        actual=str(confirmed),
    )
    require_unscaled(found, "the rate of the profile")


@check("LOAD-S02", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_99th_percentile_meets_its_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 requests are answered within the limit, counted from when they were meant to start."""
    _within(measurements, evidence, "p99", "p99MsMax", "99th percentile")


@check("LOAD-S03", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_median_meets_its_limit(measurements: Measurements, evidence: Evidence) -> None:
    """Half of the requests are answered within the limit, counted from when they were meant to start."""
    _within(measurements, evidence, "p50", "p50MsMax", "median")


@check("LOAD-S04", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def errors_stay_below_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """Server errors, lost connections, timeouts and unreadable answers stay below the agreed share of requests.

    Each request is answered once: an answer that nobody asked for may be taken for that of the next request, so there
    may be none, in any scenario.
    """
    surplus = {name: count for name, found in measurements.items() if (count := _surplus(found))}
    evidence.note("answers that nobody had asked for", surplus or 0)
    expect(
        not surplus,
        f"{sum(surplus.values())} answers came that nobody had asked for",
        expected="one answer to each request",
        actual="; ".join(f"{scenario}: {count} too many" for scenario, count in surplus.items()),
    )
    found = valid(measurements, evidence)
    broken = found["counts"]["broken"] + found["counts"]["unsent"]
    most = found["slo"]["errorPermilleMax"]
    evidence.note("broken", f"{broken} of {found['sent']}")
    expect(
        broken * 1000 <= max(found["sent"], 1) * most,
        f"{broken} of {found['sent']} requests got no proper answer",
        expected=f"at most {_percent(most)}",
        actual=str(broken),
    )
    require_whole(found, "the limit of errors")


def _surplus(found: Mapping[str, Any]) -> int:
    """Return how many answers a measurement had that nobody asked for; older ones do not say."""
    return int(found.get("generator", {}).get("surplus", 0))


@check("LOAD-S05", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def no_covered_payment_is_refused(measurements: Measurements, evidence: Evidence) -> None:
    """A payment that is covered and correct is not refused because others arrive at the same time."""
    found = valid(measurements, evidence)
    refused = found["counts"]["refused"]
    evidence.note("refused", refused)
    expect(
        refused == 0,
        f"{refused} correct payments were refused under load",
        expected="0",
        actual=f"{refused} of {found['sent']}",
    )
    carried(measurements, evidence)


@check("LOAD-S06", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_product_recovers_after_the_pressure(measurements: Measurements, evidence: Evidence) -> None:
    """Once the pressure is released, single payments are again as fast as the limit asks, without help from outside."""
    found = valid(measurements, evidence)
    recovery, slo = found["recovery"], found["slo"]
    evidence.note("recovery", recovery)
    expect(
        recovery["recoveredMs"] is not None,
        f"single payments were not back below {slo['recoveredMsMax']} ms within {slo['recoverySMax']} s of the load",
        expected=f"at most {slo['recoveredMsMax']} ms, as before the load ({in_ms(recovery['beforeUs'])})",
        actual=in_ms(recovery["afterUs"]),
    )


def _within(measurements: Measurements, evidence: Evidence, quantile: str, limit: str, name: str) -> None:
    found = valid(measurements, evidence)
    response: Mapping[str, Any] = found["latencyUs"]["response"]
    most, quantile_us = found["slo"][limit], late_us(found, quantile)
    interval = response.get("intervals", {}).get(quantile)
    shown = f" (95 % interval {in_ms(interval[0])} to {in_ms(interval[1])})" if interval else ""
    evidence.note(name, f"{in_ms(quantile_us)}{shown} of {response['count']} requests, failures counted as the latest")
    expect(
        quantile_us <= most * 1000,
        f"the {name} of the response time is {in_ms(quantile_us)}, above {most} ms",
        expected=f"at most {most} ms",
        actual=f"{in_ms(quantile_us)}{shown}",
    )
    require_answered(found, f"the {name}")
    require_whole(found, f"the limit of the {name}")


def _percent(permille: int) -> str:
    return f"{permille / 10:g} %"
