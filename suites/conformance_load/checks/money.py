"""Money under load: after the pressure, every payment that was sent is looked up in the candidate's own books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, check, expect
from conformance_load.checks.reading import (
    PAYMENTS,
    all_books,
    booked,
    carried,
    everywhere,
    failures,
    none_of,
    require_all_books,
    require_judged,
    require_made,
    require_share,
    total_of,
    valid,
    where,
)

_AMISS = {
    "missing": "confirmed entries were missing",
    "early": "entries stood there before they were sent",
    "inserted": "entries appeared before others already shown",
    "vanished": "entries vanished",
    "swapped": "entries changed their place",
}


@check("LOAD-M01", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def no_confirmed_payment_is_lost(measurements: Measurements, evidence: Evidence) -> None:
    """A payment that the product confirmed stands on the statement. Nothing confirmed may disappear."""
    none_of(measurements, evidence, "lost", "confirmed payments are missing from the statement")


@check("LOAD-M02", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def no_payment_is_booked_twice(measurements: Measurements, evidence: Evidence) -> None:
    """A payment is booked once, however often its request arrives and however the connection ends."""
    none_of(measurements, evidence, "doubled", "payments are on the statement more than once")


@check("LOAD-M03", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def nothing_is_booked_that_was_never_sent(measurements: Measurements, evidence: Evidence) -> None:
    """Accounts used by this run alone hold no entry that belongs to none of its payments."""
    none_of(measurements, evidence, "ghost", "entries on the statement belong to no payment that was sent")


@check("LOAD-M04", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_refused_payment_stays_refused(measurements: Measurements, evidence: Evidence) -> None:
    """A payment that the product refused leaves no entry on any statement."""
    none_of(measurements, evidence, "rejectedBooked", "refused payments were booked nevertheless")
    found = measurements[PAYMENTS]
    made, refused = found["judged"]["uncovered"]["made"], found["reconciliation"]["rejected"]
    evidence.note("refused payments", refused)
    require_made(made, "payments from an empty account", "uncovered_every")
    require_share(refused, made, "payments from an empty account", "refused", failures(found))


@check("LOAD-M05", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def amounts_and_accounts_are_those_sent(measurements: Measurements, evidence: Evidence) -> None:
    """Amount, currency, debtor and creditor of every entry are those of the payment as it was sent."""
    none_of(measurements, evidence, "wrongAmount", "payments were booked with another amount, currency or account")


@check("LOAD-M06", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def both_legs_are_booked(measurements: Measurements, evidence: Evidence) -> None:
    """Every debit has its credit: a payment is booked on both accounts or on neither."""
    none_of(measurements, evidence, "halfBooked", "payments were booked on one account without the other")


@check("LOAD-M07", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def balances_follow_from_the_payments(measurements: Measurements, evidence: Evidence) -> None:
    """After the run each account holds its opening balance moved once by every confirmed payment."""
    off = {name: found["accountsOff"] for name, found in all_books(measurements).items()}
    evidence.note("accounts off", off)
    total = sum(off.values())
    expect(
        total == 0,
        f"{total} accounts do not hold what the confirmed payments leave them",
        expected="opening balance moved by confirmed payments",
        actual="; ".join(f"{name}: {count} accounts differ" for name, count in off.items() if count),
    )
    require_all_books(measurements, evidence)


@check("LOAD-M08", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def money_is_neither_made_nor_destroyed(measurements: Measurements, evidence: Evidence) -> None:
    """The sum over all accounts is the same before and after: payments move money, they do not make it."""
    drifts = {name: found["totalDrift"] for name, found in all_books(measurements).items()}
    evidence.note("total drift", drifts)
    moved = {name: drift for name, drift in drifts.items() if drift}
    expect(
        not moved,
        f"the total over all accounts moved by {' and '.join(map(str, moved.values()))} minor units",
        expected="0",
        actual="; ".join(f"{name}: {drift}" for name, drift in moved.items()),
    )
    require_all_books(measurements, evidence)


@check("LOAD-M09", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_statement_is_stable(measurements: Measurements, evidence: Evidence) -> None:
    """Two readings of all statements after the load has drained are identical: the books are final when confirmed."""
    statements = {scenario: measurements[scenario]["statement"] for scenario in all_books(measurements)}
    for scenario, found in statements.items():
        counts = f"{found['entriesFirst']} at first, {found['entriesSecond']} when read again"
        evidence.note(f"entries ({scenario})", counts)
    changed = {scenario: found for scenario, found in statements.items() if not found["stable"]}
    expect(
        not changed,
        "the statement changed between two readings although nothing was sent any more",
        expected="; ".join(f"{name}: {found['entriesFirst']} entries, unchanged" for name, found in changed.items()),
        actual="; ".join(f"{name}: {found['entriesSecond']} when read again" for name, found in changed.items()),
    )
    require_all_books(measurements, evidence)


@check("LOAD-M10", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_replay_gets_the_first_answer(measurements: Measurements, evidence: Evidence) -> None:
    """A request repeated with its idempotency key, even while the first is under way, names the same payment."""
    replays = everywhere(measurements, "replays")
    evidence.note("replays", replays)
    different = total_of(replays, "different")
    expect(
        different == 0,
        f"{different} repeated requests were answered with another payment than the first",
        expected="the payment of the first request",
        actual=f"{where(replays, 'different', 'made')} differ",
    )
    require_judged(carried(measurements, evidence), "replays", "repeated requests", "replay_every")


@check("LOAD-M11", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_replay_is_not_refused(measurements: Measurements, evidence: Evidence) -> None:
    """A request repeated after its payment was confirmed is confirmed again, so that a client can always ask twice.

    Neither is a server error such an answer. A single one, and those within the share of errors that is allowed, are
    judged as errors only.
    """
    found = valid(measurements, evidence)
    replays, known = found["replays"], found["judged"]["known"]
    evidence.note("replays", replays)
    evidence.note("of confirmed payments", known)
    expect(
        replays["refused"] == 0,
        f"{replays['refused']} repeated requests of confirmed payments were refused",
        expected="confirmed again",
        actual=f"{replays['refused']} of {replays['made']} refused",
    )
    most = max(1, known["made"] * found["slo"]["errorPermilleMax"] // 1000)
    expect(
        known["serverErrors"] <= most,
        f"{known['serverErrors']} repeated requests of confirmed payments were answered with a server error",
        expected="confirmed again",
        actual=f"{known['serverErrors']} of {known['made']}",
    )
    carried(measurements, evidence)
    require_made(replays["made"], "repeated requests", "replay_every")
    require_judged(found, "known", "requests repeated after their payment was confirmed", "replay_every")


@check("LOAD-M12", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def every_unknown_payment_can_be_decided(measurements: Measurements, evidence: Evidence) -> None:
    """When an answer was lost, asking again with the same key says what became of the payment."""
    decisions = everywhere(measurements, "decisions")
    evidence.note("decisions", decisions)
    undecided = total_of(decisions, "undecided")
    expect(
        undecided == 0,
        f"{undecided} payments with a lost answer stay undecided",
        expected="booked or refused",
        actual=f"{where(decisions, 'undecided', 'unknown')} undecided",
    )
    carried(measurements, evidence)
    require_made(int(decisions[PAYMENTS]["unknown"]), "payments with a lost answer", "cut_every")


@check("LOAD-M13", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def an_empty_account_cannot_pay(measurements: Measurements, evidence: Evidence) -> None:
    """Cover is checked for every payment, also under pressure: nothing is paid from an account that holds nothing."""
    uncovered = everywhere(measurements, "uncovered")
    evidence.note("payments without cover", uncovered)
    accepted = total_of(uncovered, "accepted")
    expect(
        accepted == 0,
        f"{accepted} payments from an empty account were accepted under load",
        expected="0",
        actual=where(uncovered, "accepted", "made"),
    )
    found = carried(measurements, evidence)
    require_judged(found, "uncovered", "payments from an empty account", "uncovered_every")


@check("LOAD-M14", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def statements_grow_only_at_their_end(measurements: Measurements, evidence: Evidence) -> None:
    """Statements read while payments pour in show all that was confirmed before, and later ones only add at the end.

    Nothing may stand there before it was sent, appear before entries already shown, vanish, or change its place.
    """
    samplings = {scenario: measurements[scenario].get("sampling") or {} for scenario in all_books(measurements)}
    read = {scenario: found for scenario, found in samplings.items() if found.get("readings")}
    for scenario, found in read.items():
        counts = f"{found['readings']}, {found['failed']} failed, {found['judged']} payments judged by their times"
        evidence.note(f"statements read during the load ({scenario})", counts)
    amiss = {kind: count for kind in _AMISS if (count := total_of(read, kind))}
    evidence.note("entries amiss", amiss or "none")
    said = ", ".join(f"{count} {_AMISS[kind]}" for kind, count in amiss.items())
    shown = ", ".join(name for found in read.values() for name in found["examples"].get("missing", []))
    expect(
        not amiss,
        f"statements read during the load were not in order: {said}",
        expected="every confirmed entry, in an order that stays",
        actual=f"{said}: {shown}" if shown else said,
    )
    booked(measurements, evidence)
    carried(measurements, evidence)
    if PAYMENTS not in read:
        raise Inconclusive("no statement could be read during the load", blame="PRODUCT")
    _require_sampled(read[PAYMENTS])


def _require_sampled(found: Mapping[str, Any]) -> None:
    """Raise Inconclusive where most readings failed, or none showed a payment whose times are known."""
    tried = found["readings"] + found["failed"]
    require_share(found["readings"], tried, "statements during the load", "shown", f"{found['failed']} times an error")
    if not found["judged"]:
        raise Inconclusive("no statement showed a confirmed payment of the load", blame="PRODUCT")


@check("LOAD-M15", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_key_does_not_serve_another_payment(measurements: Measurements, evidence: Evidence) -> None:
    """A key that comes back with another amount is refused, also while payments pour in."""
    altered = everywhere(measurements, "altered")
    evidence.note("keys with another amount", altered)
    accepted = total_of(altered, "accepted")
    expect(
        accepted == 0,
        f"{accepted} requests with a known key and another amount were accepted under load",
        expected="refused",
        actual=f"{where(altered, 'accepted', 'made')} accepted",
    )
    found = carried(measurements, evidence)
    require_judged(found, "altered", "requests with a known key and another amount", "altered_every")


@check("LOAD-M17", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def two_equal_requests_at_once_make_one_payment(measurements: Measurements, evidence: Evidence) -> None:
    """The same request sent twice at the same moment over two connections names one payment, or one is refused.

    Two payments are too many in any scenario. That both are refused is judged at the even rate only: beyond it, a
    product may turn payments away.
    """
    twins = everywhere(measurements, "twins")
    evidence.note("pairs of equal requests", twins)
    different, neither = total_of(twins, "different"), int(twins.get(PAYMENTS, {}).get("neither", 0))
    shown = [where(twins, "different", "made"), f"{PAYMENTS}: {neither} made none" if neither else ""]
    expect(
        different + neither == 0,
        f"{different} pairs of equal requests at the same moment made two payments, {neither} made none",
        expected="one payment for each pair",
        actual="; ".join(filter(None, shown)),
    )
    found = carried(measurements, evidence)
    require_judged(found, "twins", "pairs of equal requests at the same moment", "twin_every")


@check("LOAD-M18", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def no_payment_stays_pending(measurements: Measurements, evidence: Evidence) -> None:
    """A payment that the product is still deciding on when the load has drained is decided soon after."""
    decisions = everywhere(measurements, "decisions")
    evidence.note("decisions", decisions)
    stuck = total_of(decisions, "stuck")
    shown = [name for found in decisions.values() for name in found["examples"].get("stuck", [])]
    expect(
        stuck == 0,
        f"{stuck} payments were still pending long after the load",
        expected="booked or refused",
        actual=f"{where(decisions, 'stuck', 'pending')} pending: {', '.join(shown)}",
    )
    carried(measurements, evidence)
    if undecided := total_of(decisions, "undecided"):
        raise Inconclusive(
            f"{undecided} payments without an answer were never decided, so nobody knows whether they are pending: "
            f"{where(decisions, 'undecided', 'unknown')} undecided; let the product tell what became of a payment",
            blame="PRODUCT",
        )
