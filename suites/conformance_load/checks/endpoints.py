"""Single operations under load: each beside the others at its share of the rate, with limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, NotTested, check, expect
from conformance_load.checks.reading import (
    failures,
    in_ms,
    late_us,
    require_confirmed,
    require_share,
    require_whole,
    valid,
)

SHOP_DAY = "shop-day"
LEDGER = "ledger-final"


@check("LOAD-E01", scenarios=(SHOP_DAY,), needs=("payments.read",), effects=Effect.MONEY)
def payment_queries_meet_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 payment queries are answered within their limit, and properly, while payments are made."""
    _meets_its_limits(_stream(measurements, evidence, "read"), evidence)


@check("LOAD-E02", scenarios=(SHOP_DAY,), needs=("payments.refund",), effects=Effect.MONEY)
def refunds_meet_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 refunds are made within their limit, and accounts moved by exactly those that were confirmed."""
    stream = _stream(measurements, evidence, "refund")
    _breaks_no_limit(stream, evidence)
    _moved_exactly(stream, evidence)
    _require_tried(stream)


@check("LOAD-E03", scenarios=(SHOP_DAY,), needs=("accounts.balance",), effects=Effect.MONEY)
def balance_queries_meet_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 balance queries are answered within their limit, on accounts that pay and are paid meanwhile."""
    _meets_its_limits(_stream(measurements, evidence, "balance"), evidence)


@check("LOAD-E04", scenarios=(SHOP_DAY,), needs=("codes.create",), effects=Effect.MONEY)
def codes_are_made_within_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 payment codes are made within their limit while payments are made."""
    _meets_its_limits(_stream(measurements, evidence, "code"), evidence)


@check("LOAD-E05", scenarios=(SHOP_DAY,), needs=("codes.create", "codes.pay"), effects=Effect.MONEY)
def payments_by_code_meet_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 payments by code are made within their limit, and accounts moved by exactly those confirmed."""
    stream = _stream(measurements, evidence, "code_pay")
    _breaks_no_limit(stream, evidence)
    _moved_exactly(stream, evidence)
    _require_tried(stream)


@check("LOAD-E06", scenarios=(SHOP_DAY,), needs=("token",), effects=Effect.MONEY)
def tokens_are_issued_within_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 access tokens are issued within their limit while payments are made."""
    _meets_its_limits(_stream(measurements, evidence, "token"), evidence)


@check(
    "LOAD-E07",
    scenarios=(LEDGER,),
    needs=("ledger.submit", "ledger.receipt"),
    hooks=("ledger_account", "ledger_transaction"),
    effects=Effect.MONEY,
)
def transactions_become_final_within_their_limit(measurements: Measurements, evidence: Evidence) -> None:
    """99 of 100 transactions are final within the limit, from when they were to be submitted, while others wait too."""
    found = valid(measurements, evidence, LEDGER)
    evidence.note("finality asked for", f"every {found['pollMs']} ms")
    offered = found["offered"]
    named = {"operation": "ledger.submit to finality", "ratePerSecond": offered["ratePerSecond"], "due": offered["due"]}
    _meets_its_limits({**found, **named}, evidence)


@check("LOAD-M16", scenarios=(SHOP_DAY,), needs=("payments.refund",), effects=Effect.MONEY)
def refunds_never_exceed_their_payment(measurements: Measurements, evidence: Evidence) -> None:
    """Of several refunds at the same moment that exceed their payment together, only what fits is made.

    One fits, so one is made; answers, statements and balances agree on which.
    """
    stream = _stream(measurements, evidence, "refund_race")
    money = stream["money"]
    evidence.note("payments with racing refunds", f"{money['payments']}, {money['confirmed']} refunds confirmed")
    expect(
        money["exceeded"] == 0,
        f"{money['exceeded']} payments gave back more than was paid, by {money['beyond']} refunds too many",
        expected=f"one refund of each of {money['payments']} payments",
        actual=", ".join(money["examples"]),
    )
    amiss = {name: money[name] for name in ("neither", "lost", "ghost", "half") if money[name]}
    expect(
        not amiss,
        f"refunds of {sum(amiss.values())} payments are not as they were answered: {amiss}",
        expected="one refund made of each payment, on both statements",
        actual=str(amiss),
    )
    _moved_exactly(stream, evidence)
    raced = "payments with several refunds at the same moment"
    require_share(money["judged"], money["payments"], raced, "answered with one refund made", failures(stream))


@check("LOAD-P03", scenarios=(SHOP_DAY,), effects=Effect.MONEY)
def no_stream_starves_another(measurements: Measurements, evidence: Evidence) -> None:
    """Every operation gets its share done within its limit, however many requests of the others there are."""
    streams = [item for item in valid(measurements, evidence, SHOP_DAY)["streams"] if not item["absent"]]
    if len(streams) < 2:
        raise NotTested("only one stream was offered by the candidate; starving takes two", blame="CONFIG")
    for stream in streams:
        evidence.note(stream["operation"], f"{stream['confirmed']} of {stream['due']} at {stream['ratePerSecond']}/s")
    starved = [said for stream in streams if (said := _starved(stream))]
    expect(
        not starved,
        f"{len(starved)} of {len(streams)} streams starved beside the others: {'; '.join(starved)}",
        expected="each stream's own share and limit, whatever the others do",
        actual="; ".join(starved),
    )


def _starved(stream: Mapping[str, Any]) -> str:
    """Say how a stream fell short, or ""."""
    due, confirmed, slo = stream["due"], stream["confirmed"], stream["slo"]
    if confirmed * 1000 < due * slo["confirmedPermilleMin"]:
        return f"only {confirmed} of {due} of {stream['operation']} were confirmed"
    p99_us = late_us(stream, "p99")
    if p99_us > slo["p99MsMax"] * 1000:
        return f"{stream['operation']} took {in_ms(p99_us)} (99th percentile), above {slo['p99MsMax']} ms"
    return ""


def _stream(measurements: Measurements, evidence: Evidence, name: str) -> Mapping[str, Any]:
    """Return a stream of a valid shop day; raises NotTested where it is absent."""
    found = valid(measurements, evidence, SHOP_DAY)
    stream: Mapping[str, Any] | None = next((item for item in found["streams"] if item["name"] == name), None)
    if stream is None:
        raise NotTested(f"the profile gives this operation no share ({name}_permille = 0)", blame="CONFIG")
    if stream["absent"]:
        raise NotTested(f"no load on {stream['operation']}: {stream['absent']}")
    evidence.note(stream["operation"], f"{stream['sent']} sent at {stream['ratePerSecond']}/s: {stream['counts']}")
    # One stream that breaks its limit for certain ends the load of all.
    return {**stream, "aborted": found.get("aborted", "")}


def _meets_its_limits(stream: Mapping[str, Any], evidence: Evidence) -> None:
    _breaks_no_limit(stream, evidence)
    _require_tried(stream)


def _require_tried(stream: Mapping[str, Any]) -> None:
    """Require that a stream was tried to its end, and confirmed enough to say anything of its limits."""
    require_whole(stream, f"the limit of {stream['operation']}")
    require_confirmed(stream, stream["due"], f"requests of {stream['operation']}")


def _breaks_no_limit(stream: Mapping[str, Any], evidence: Evidence) -> None:
    operation, response, slo = stream["operation"], stream["latencyUs"]["response"], stream["slo"]
    p99_us = late_us(stream, "p99")
    evidence.note("99th percentile", f"{in_ms(p99_us)} of {response['count']} requests, failures counted as the latest")
    expect(
        p99_us <= slo["p99MsMax"] * 1000,
        f"the 99th percentile of {operation} is {in_ms(p99_us)}, above {slo['p99MsMax']} ms",
        expected=f"at most {slo['p99MsMax']} ms at {stream['ratePerSecond']} per second",
        actual=f"{in_ms(p99_us)} of {response['count']} requests",
    )
    failed = sum(stream["counts"][word] for word in ("broken", "unsent", "refused"))
    expect(
        failed * 1000 <= max(stream["sent"], 1) * slo["errorPermilleMax"],
        f"{failed} of {stream['sent']} requests of {operation} were refused or got no proper answer",
        expected=f"at most {slo['errorPermilleMax'] / 10:g} %",
        actual=str(failed),
    )


def _moved_exactly(stream: Mapping[str, Any], evidence: Evidence) -> None:
    """Require that accounts moved by what was confirmed; what stayed undecided may have moved or not."""
    money = stream["money"]
    evidence.note("money", {name: money[name] for name in ("confirmed", "undecided", "accountsOff", "totalDrift")})
    if money["unread"]:
        raise Inconclusive(f"the balances cannot be compared: {money['unread']}", blame="PRODUCT")
    expect(
        money["accountsOff"] == 0 and money["totalDrift"] == 0,
        f"{money['accountsOff']} of {money['accounts']} accounts do not hold what the confirmed requests of "
        f"{stream['operation']} leave them, and the total moved by {money['totalDrift']} minor units",
        expected=f"{money['moved']} minor units moved by {money['confirmed']} requests",
        actual=f"{money['accountsOff']} accounts differ",
    )
