"""Checks of disturbed loads: the sound pass, each defect fails in its own words, and no blame where a hook failed."""

import copy
import importlib

import pytest
from test_load_checks import SOUND

from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, declaration_of
from conformance_load.checks import disturbed
from conformance_load.faults_disturbed import FAULTS

DISTURBED = SOUND | {
    "marks": [{"atMs": 1000, "endMs": 2000, "kind": "kill", "label": "killed, started again after 1 s"}],
    "disturbance": {
        "kind": "kill",
        "times": 1,
        "recoveredMs": 400,
        "resumed": True,
        "recoveryMsMax": 2000,
        "resets": {"connections": 40, "exchanges": 30, "before": 2, "after": 3, "middle": 1},
        "failure": "",
    },
}
CHECKS = {declaration_of(value).id: value for value in vars(disturbed).values() if declaration_of(value) is not None}
#: A place in the measurement, the value there, and words of the finding.
DEFECTS = [
    ("reconciliation.lost", 3, "3 confirmed payments are missing"),
    ("reconciliation.doubled", 2, "2 payments are booked more than once"),
    ("reconciliation.ghost", 1, "1 entries belong to no payment that was sent"),
    ("reconciliation.rejectedBooked", 4, "4 refused payments are booked nevertheless"),
    ("reconciliation.wrongAmount", 5, "5 payments are booked with another amount"),
    ("reconciliation.halfBooked", 6, "6 payments are booked on one account without the other"),
    ("reconciliation.accountsOff", 2, "2 accounts do not hold"),
    ("decisions.undecided", 3, "3 payments with a lost answer stay undecided"),
    ("decisions.stuck", 2, "2 payments stay pending for good"),
    ("disturbance.recoveredMs", None, "payments were not served as before within 2000 ms"),
    ("disturbance.recoveredMs", 2100, "payments were not served as before within 2000 ms"),
]


def changed(place, value):
    made = copy.deepcopy(DISTURBED)
    *path, name = place.split(".")
    room = made
    for step in path:
        room = room[step]
    room[name] = value
    return made


def run(check, measurement):
    scenario = declaration_of(CHECKS[check]).scenarios[0]
    CHECKS[check](Measurements({scenario: measurement}), Evidence("run", check))


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_measurement_passes(check):
    run(check, DISTURBED)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("place", "value", "words"), DEFECTS)
def test_each_defect_fails_in_its_own_words(check, place, value, words):
    with pytest.raises(Finding, match=words):
        run(check, changed(place, value))


def test_several_defects_are_all_told():
    measurement = changed("reconciliation.lost", 1)
    measurement["reconciliation"]["doubled"] = 2
    with pytest.raises(Finding, match="under load, 1 confirmed payments are missing; 2 payments are booked more"):
        run("LOAD-F01", measurement)


@pytest.mark.parametrize("check", CHECKS)
def test_a_hook_that_failed_blames_the_environment(check):
    measurement = changed("disturbance.failure", "kill: hook 'kill' answered HTTP 500")
    measurement |= {"validity": "invalid", "reasons": ["…"]}
    with pytest.raises(Inconclusive, match="could not be made: kill: hook 'kill' answered HTTP 500") as found:
        run(check, measurement)
    assert found.value.blame == "CONFIG"


def test_without_a_single_reset_nothing_was_shown():
    with pytest.raises(Inconclusive, match="no connection was reset"):
        run("LOAD-F03", changed("disturbance.resets", {"connections": 3, "before": 0, "after": 0, "middle": 0}))


def test_what_each_check_needs_of_the_environment_is_declared():
    hooks = {check: declaration_of(function).hooks for check, function in CHECKS.items()}
    assert hooks == {
        "LOAD-F01": ("kill", "start"),
        "LOAD-F02": ("pause", "resume"),
        "LOAD-F03": (),
        "LOAD-F04": ("slow_disk",),
    }


def test_faults_trip_on_words_that_the_checks_say():
    words = " ".join(text for _, _, text in DEFECTS)
    assert all(trip.says in words for fault in FAULTS for trip in fault.trips if trip.check in CHECKS)
    assert {trip.check for fault in FAULTS for trip in fault.trips} >= set(CHECKS)
    assert importlib.import_module("conformance_load").SUITE.checks[-1] == "conformance_load.checks.disturbed"
