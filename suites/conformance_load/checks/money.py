"""Money under load: after the pressure, every payment that was sent is looked up in the candidate's own books."""

from __future__ import annotations

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, check, expect
from conformance_load.checks.reading import PAYMENTS, all_books, booked, none_of, valid

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
    off = {name: found["accountsOff"] for name, found in all_books(measurements, evidence).items()}
    evidence.note("accounts off", off)
    total = sum(off.values())
    expect(
        total == 0,
        f"{total} accounts do not hold what the confirmed payments leave them",
        expected="opening balance moved by confirmed payments",
        actual="; ".join(f"{name}: {count} accounts differ" for name, count in off.items() if count),
    )


@check("LOAD-M08", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def money_is_neither_made_nor_destroyed(measurements: Measurements, evidence: Evidence) -> None:
    """The sum over all accounts is the same before and after: payments move money, they do not make it."""
    drifts = {name: found["totalDrift"] for name, found in all_books(measurements, evidence).items()}
    evidence.note("total drift", drifts)
    moved = {name: drift for name, drift in drifts.items() if drift}
    expect(
        not moved,
        f"the total over all accounts moved by {' and '.join(map(str, moved.values()))} minor units",
        expected="0",
        actual="; ".join(f"{name}: {drift}" for name, drift in moved.items()),
    )


@check("LOAD-M09", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def the_statement_is_stable(measurements: Measurements, evidence: Evidence) -> None:
    """Two readings of all statements after the load has drained are identical: the books are final when confirmed."""
    statement = booked(measurements, evidence)["statement"]
    evidence.note("entries", f"{statement['entriesFirst']} at first, {statement['entriesSecond']} when read again")
    expect(
        bool(statement["stable"]),
        "the statement changed between two readings although nothing was sent any more",
        expected=f"{statement['entriesFirst']} entries, unchanged",
        actual=f"{statement['entriesSecond']} entries when read again",
    )


@check("LOAD-M10", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_replay_gets_the_first_answer(measurements: Measurements, evidence: Evidence) -> None:
    """A request repeated with its idempotency key, even while the first is under way, names the same payment."""
    replays = valid(measurements, evidence)["replays"]
    evidence.note("replays", replays)
    expect(
        replays["different"] == 0,
        f"{replays['different']} repeated requests were answered with another payment than the first",
        expected="the payment of the first request",
        actual=f"{replays['different']} of {replays['made']} differ",
    )


@check("LOAD-M11", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_replay_is_not_refused(measurements: Measurements, evidence: Evidence) -> None:
    """A request repeated after its payment was confirmed is confirmed again, so that a client can always ask twice."""
    replays = valid(measurements, evidence)["replays"]
    evidence.note("replays", replays)
    expect(
        replays["refused"] == 0,
        f"{replays['refused']} repeated requests of confirmed payments were refused",
        expected="confirmed again",
        actual=f"{replays['refused']} of {replays['made']} refused",
    )


@check("LOAD-M12", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def every_unknown_payment_can_be_decided(measurements: Measurements, evidence: Evidence) -> None:
    """When an answer was lost, asking again with the same key says what became of the payment."""
    decisions = valid(measurements, evidence)["decisions"]
    evidence.note("decisions", decisions)
    expect(
        decisions["undecided"] == 0,
        f"{decisions['undecided']} payments with a lost answer stay undecided",
        expected="booked or refused",
        actual=f"{decisions['undecided']} of {decisions['unknown']} undecided",
    )


@check("LOAD-M13", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def an_empty_account_cannot_pay(measurements: Measurements, evidence: Evidence) -> None:
    """Cover is checked for every payment, also under pressure: nothing is paid from an account that holds nothing."""
    uncovered = valid(measurements, evidence)["uncovered"]
    evidence.note("payments without cover", uncovered)
    expect(
        uncovered["accepted"] == 0,
        f"{uncovered['accepted']} payments from an empty account were accepted under load",
        expected="0",
        actual=f"{uncovered['accepted']} of {uncovered['made']}",
    )


@check("LOAD-M14", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def statements_grow_only_at_their_end(measurements: Measurements, evidence: Evidence) -> None:
    """Statements read while payments pour in show all that was confirmed before, and later ones only add at the end.

    Nothing may stand there before it was sent, appear before entries already shown, vanish, or change its place.
    """
    sampling = booked(measurements, evidence)["sampling"]
    evidence.note("statements read during the load", f"{sampling['readings']}, {sampling['failed']} failed")
    evidence.note("payments judged by their times", sampling["judged"])
    if sampling["readings"] == 0:
        raise Inconclusive("no statement could be read during the load", blame="PRODUCT")
    kinds = ("missing", "early", "inserted", "vanished", "swapped")
    found = {kind: sampling[kind] for kind in kinds if sampling[kind]}
    evidence.note("entries amiss", found or "none")
    said = ", ".join(f"{count} {_AMISS[kind]}" for kind, count in found.items())
    shown = ", ".join(sampling["examples"].get("missing", []))
    expect(
        not found,
        f"statements read during the load were not in order: {said}",
        expected="every confirmed entry, in an order that stays",
        actual=f"{said}: {shown}" if shown else said,
    )


@check("LOAD-M15", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def a_key_does_not_serve_another_payment(measurements: Measurements, evidence: Evidence) -> None:
    """A key that comes back with another amount is refused, also while payments pour in."""
    altered = valid(measurements, evidence)["altered"]
    evidence.note("keys with another amount", altered)
    expect(
        altered["accepted"] == 0,
        f"{altered['accepted']} requests with a known key and another amount were accepted under load",
        expected="refused",
        actual=f"{altered['accepted']} of {altered['made']} accepted",
    )


@check("LOAD-M17", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def two_equal_requests_at_once_make_one_payment(measurements: Measurements, evidence: Evidence) -> None:
    """The same request sent twice at the same moment over two connections names one payment, or one is refused."""
    twins = valid(measurements, evidence)["twins"]
    evidence.note("pairs of equal requests", twins)
    wrong = twins["different"] + twins["neither"]
    expect(
        wrong == 0,
        f"{twins['different']} pairs of equal requests at the same moment made two payments,"
        f" {twins['neither']} made none",
        expected="one payment for each pair",
        actual=f"{wrong} of {twins['made']} pairs did not",
    )


@check("LOAD-M18", scenarios=(PAYMENTS,), effects=Effect.MONEY)
def no_payment_stays_pending(measurements: Measurements, evidence: Evidence) -> None:
    """A payment that the product is still deciding on when the load has drained is decided soon after."""
    decisions = valid(measurements, evidence)["decisions"]
    evidence.note("decisions", decisions)
    shown = ", ".join(decisions["examples"].get("stuck", []))
    expect(
        decisions["stuck"] == 0,
        f"{decisions['stuck']} payments were still pending long after the load",
        expected="booked or refused",
        actual=f"{decisions['stuck']} of {decisions['pending']} pending: {shown}",
    )
