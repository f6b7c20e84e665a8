"""Shapes of load: what a burst, a ramp, a search, a long run and independent payers show of a product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, check, expect
from conformance_load.checks.reading import broken_limits, in_ms, require_unscaled, valid


@check("LOAD-P01", scenarios=("payments-burst",), effects=Effect.MONEY)
def a_burst_is_left_behind(measurements: Measurements, evidence: Evidence) -> None:
    """After ten times the rate for a while, the product carries the old rate again within the agreed time."""
    found = valid(measurements, evidence, "payments-burst")
    burst, offered = found["burst"], found["offered"]
    evidence.note("burst", f"{offered['peakPerSecond']}/s from second {burst['fromS']} to {burst['endS']}")
    evidence.note("recovered", burst)
    expect(
        burst["recoveredMs"] is not None and burst["recoveredMs"] <= burst["limitMs"],
        f"after a burst of {offered['peakPerSecond']} per second the old rate of {offered['ratePerSecond']} was not "
        f"carried again within {burst['limitMs']} ms",
        expected=f"carried again within {burst['limitMs']} ms",
        actual="not before the run ended" if burst["recoveredMs"] is None else f"after {burst['recoveredMs']} ms",
    )


@check("LOAD-P02", scenarios=("payments-limit",), effects=Effect.MONEY)
def the_highest_rate_is_found(measurements: Measurements, evidence: Evidence) -> None:
    """Rates are tried until one breaks a limit; the highest that breaks none is the product's capacity, and known.

    Where a rate is asked for and was carried, it does not matter that the generator ended the search above it.
    """
    found = valid(measurements, evidence, "payments-limit")
    search = found["search"]
    require_unscaled(found, f"a capacity of {search['highest']} per second")
    trials = ", ".join(f"{trial['ratePerSecond']}/s {_shown(trial)}" for trial in search["trials"])
    evidence.note("trials", trials)
    evidence.note("highest rate within the limits", f"{search['best']}/s")
    least = found["slo"].get("ratePerSecondMin", 0)
    if search["best"] < max(least, 1) or not least:
        _require_known(search, least)
    expect(
        search["best"] >= max(least, 1),
        f"the highest rate within the limits is {search['best']} per second, below {max(least, 1)}",
        expected=f"at least {max(least, 1)} per second",
        actual=f"{search['best']} per second; {search['failed']} per second broke a limit",
    )


def _shown(trial: Mapping[str, Any]) -> str:
    return "showed the generator's limit" if trial["reasons"] else "met" if trial["met"] else "broke"


def _require_known(search: Mapping[str, Any], least: int) -> None:
    """Raise Inconclusive where the search ended before it was known what the product carries, or whether ``least``.

    Where none is asked for and the lowest rate of all broke a limit, nothing more need be known.
    """
    best, failed = search["best"], search["failed"]
    if ended := search["trials"][-1]["reasons"]:
        raise Inconclusive(
            f"the highest rate is not known: {best} per second were carried, and above it the generator was the limit: "
            f"{'; '.join(ended)}",
            blame="HARNESS",
        )
    open_still = (not failed or failed > least) if least else bool(best)
    if open_still and not search["exact"]:
        raise Inconclusive(
            f"the highest rate is not known: it lies between {best} and {failed or search['highest']} per second, "
            f"where the search ended after {len(search['trials'])} trials"
            f"{'' if best else ': lower search_from_per_s'}",
            blame="HARNESS" if best else "CONFIG",
        )


@check("LOAD-P04", scenarios=("payments-soak",), effects=Effect.MONEY)
def a_long_run_shows_no_decay(measurements: Measurements, evidence: Evidence) -> None:
    """In the last quarter of a long run at an even rate, payments take about as long as in the first.

    The limits hold over the whole run and payments are carried to its end: what answers no more, or only with errors,
    is fast and has decayed all the same.
    """
    found = valid(measurements, evidence, "payments-soak")
    soak = found["soak"]
    evidence.note("first and last quarter", f"{in_ms(soak['firstUs'])} and {in_ms(soak['lastUs'])}")
    grown = soak["lastUs"] * 1000 > soak["firstUs"] * soak["decayPermilleMax"]
    expect(
        not (grown and soak["lastUs"] > soak["decayFloorMs"] * 1000),
        f"payments took {in_ms(soak['lastUs'])} in the last quarter of the run and {in_ms(soak['firstUs'])} before",
        expected=f"at most {soak['decayPermilleMax'] / 1000:g} times as long",
        actual=in_ms(soak["lastUs"]),
    )
    silent = soak["silentFromS"]
    expect(
        silent is None,
        f"from second {silent} of the long run on, what was offered was not carried any more",
        expected="carried to the end",
        actual=f"not from second {silent} on",
    )
    broken = "; ".join(broken_limits(found))
    expect(not broken, f"the limits do not hold for a long run: {broken}", expected="all limits met", actual=broken)


@check("LOAD-P05", scenarios=("payments-ramp",), effects=Effect.MONEY)
def a_ramp_finds_no_cliff(measurements: Measurements, evidence: Evidence) -> None:
    """While the rate rises slowly to its top, no second breaks down: what is offered is answered, within the limit."""
    found = valid(measurements, evidence, "payments-ramp")
    top, fall = found["offered"]["ratePerSecond"], found["ramp"]["cliff"]
    evidence.note("ramp", f"up to {top}/s")
    where = f"{fall['answered']} of {fall['offered']} answered, p99 {in_ms(fall['p99Us'])}" if fall else ""
    expect(
        fall is None,
        f"the product falls off a cliff in second {fall['s'] if fall else 0} of the ramp: {where}",
        expected=f"every second up to {top} per second is carried",
        actual=where,
    )


@check("LOAD-P06", scenarios=("payments-poisson",), effects=Effect.MONEY)
def independent_payers_are_carried(measurements: Measurements, evidence: Evidence) -> None:
    """Payers do not know each other, so arrivals bunch: at the same mean rate the same limits hold."""
    found = valid(measurements, evidence, "payments-poisson")
    broken = list(broken_limits(found))
    evidence.note("limits", "; ".join(broken) or "all met")
    expect(
        not broken,
        f"independent arrivals at {found['offered']['ratePerSecond']} per second are not carried: {'; '.join(broken)}",
        expected="the limits that hold for even arrivals",
        actual="; ".join(broken),
    )
