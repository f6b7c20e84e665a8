"""Disturbances during load: killed, paused, cut off or on a slow disk, a product keeps its books and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Effect, Evidence, Inconclusive, Measurements, check, expect
from conformance_load.checks.reading import booked, run

#: What must not be found in the books, each with the words that follow its number.
_CLASSES = {
    "lost": "confirmed payments are missing",
    "doubled": "payments are booked more than once",
    "ghost": "entries belong to no payment that was sent",
    "rejectedBooked": "refused payments are booked nevertheless",
    "wrongAmount": "payments are booked with another amount, currency or account",
    "halfBooked": "payments are booked on one account without the other",
}


@check("LOAD-F01", scenarios=("payments-killed",), hooks=("kill", "start"), effects=Effect.DISRUPTIVE)
def a_kill_loses_nothing(measurements: Measurements, evidence: Evidence) -> None:
    """Killed under load and started again, the product has every payment that it confirmed, once, and comes back."""
    _survived(measurements, evidence, "payments-killed", "after the product was killed under load")


@check("LOAD-F02", scenarios=("payments-paused",), hooks=("pause", "resume"), effects=Effect.DISRUPTIVE)
def a_pause_doubles_nothing(measurements: Measurements, evidence: Evidence) -> None:
    """Paused under load and resumed, the product books what was under way once, and comes back."""
    _survived(measurements, evidence, "payments-paused", "after the product was paused under load")


@check("LOAD-F03", scenarios=("payments-reset",), effects=Effect.MONEY)
def resets_leave_no_doubt(measurements: Measurements, evidence: Evidence) -> None:
    """Where connections are reset before, during or after a request, its payment is made once or not, and can be told.

    A proxy of the harness resets them, on the way to the product.
    """
    found = _survived(measurements, evidence, "payments-reset", "after connections were reset under load")
    resets = found["disturbance"]["resets"]
    if not sum(resets.get(way, 0) for way in ("before", "after", "middle")):
        raise Inconclusive("no connection was reset: too few requests came while they were to be", blame="HARNESS")


@check("LOAD-F04", scenarios=("payments-slow-disk",), hooks=("slow_disk",), effects=Effect.DISRUPTIVE)
def a_slow_disk_corrupts_nothing(measurements: Measurements, evidence: Evidence) -> None:
    """While commits take longer, payments are slow and right, and afterwards the product is as fast as before."""
    _survived(measurements, evidence, "payments-slow-disk", "after the disk was slow under load")


def _survived(measurements: Measurements, evidence: Evidence, scenario: str, when: str) -> Mapping[str, Any]:
    disturbance = run(measurements, scenario)["disturbance"]
    if failure := disturbance["failure"]:
        raise Inconclusive(f"the disturbance could not be made: {failure}", blame="CONFIG")
    found = booked(measurements, evidence, scenario)
    evidence.note("disturbances", found["marks"])
    _require_books(found, evidence, when)
    _require_decided(found, evidence, when)
    _require_balances(found, evidence, when)
    _require_back(disturbance, evidence, when)
    return found


def _require_books(found: Mapping[str, Any], evidence: Evidence, when: str) -> None:
    books = found["reconciliation"]
    evidence.note("reconciled", {name: books[name] for name in ("sent", "acknowledged", "booked", *_CLASSES)})
    wrong = {name: words for name, words in _CLASSES.items() if books[name]}
    examples = ", ".join(item for name in wrong for item in books.get("examples", {}).get(name, []))
    said = "; ".join(f"{books[name]} {words}" for name, words in wrong.items())
    expect(not wrong, f"{when}, {said}", expected="every payment once, as it was sent", actual=f"{said}: {examples}")


def _require_decided(found: Mapping[str, Any], evidence: Evidence, when: str) -> None:
    decisions = found["decisions"]
    evidence.note("decisions", decisions)
    expect(
        decisions["undecided"] == 0,
        f"{when}, {decisions['undecided']} payments with a lost answer stay undecided",
        expected="booked or refused",
        actual=f"{decisions['undecided']} of {decisions['unknown']} undecided",
    )
    expect(
        decisions["stuck"] == 0,
        f"{when}, {decisions['stuck']} payments stay pending for good",
        expected="decided in the end",
        actual=f"{decisions['stuck']} of {decisions['pending']} pending",
    )


def _require_balances(found: Mapping[str, Any], evidence: Evidence, when: str) -> None:
    """Only once every payment is decided: what is undecided may have moved money or not."""
    off = found["reconciliation"]["accountsOff"]
    evidence.note("accounts off", off)
    expect(
        off == 0,
        f"{when}, {off} accounts do not hold what the confirmed payments leave them",
        expected="opening balance moved by confirmed payments",
        actual=f"{off} accounts differ",
    )


def _require_back(disturbance: Mapping[str, Any], evidence: Evidence, when: str) -> None:
    took, most = disturbance["recoveredMs"], disturbance["recoveryMsMax"]
    evidence.note("recovery", disturbance)
    expect(
        took is not None and took <= most,
        f"{when}, payments were not served as before within {most} ms",
        expected=f"at most {most} ms until 95 of 100 are served in time again",
        actual="not before the load ended" if took is None else f"{took} ms",
    )
