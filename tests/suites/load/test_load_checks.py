"""The checks: sound measurements pass, each defect fails its check in its own words, an invalid one decides nothing."""

import contextlib
import copy
import importlib

import pytest

import conformance_load
from conformance.files.catalogue_file import read_catalogue
from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, NotTested, declaration_of
from conformance_load.checks import money, speed
from conformance_load.faults import FAULTS

SOUND = {
    "scenario": "payments-create",
    "offered": {"ratePerSecond": 100, "durationS": 8, "due": 700, "scheduled": 800},
    "sent": 800,
    "confirmed": 700,
    "counts": {"confirmed": 700, "refused": 0, "broken": 0, "unsent": 0},
    "latencyUs": {"response": {"p50": 4000, "p99": 20_000, "count": 800, "intervals": {"p99": [18_000, 23_000]}}},
    "slo": {
        "p50MsMax": 500,
        "p99MsMax": 1000,
        "errorPermilleMax": 10,
        "confirmedPermilleMin": 990,
        "recoverySMax": 10,
        "recoveredMsMax": 300,
    },
    "replays": {"made": 10, "same": 10, "different": 0, "refused": 0},
    "judged": {
        "replays": {"made": 10, "judged": 9, "instead": {"connection": 1}},
        "known": {"made": 8, "judged": 8, "instead": {}, "serverErrors": 0},
        "altered": {"made": 5, "judged": 5, "instead": {}},
        "uncovered": {"made": 14, "judged": 14, "instead": {}},
        "twins": {"made": 8, "judged": 8, "instead": {}},
    },
    "altered": {"made": 5, "accepted": 0},
    "uncovered": {"made": 14, "accepted": 0},
    "twins": {"made": 8, "same": 7, "different": 0, "oneRefused": 1, "neither": 0, "broken": 0},
    "decisions": {"unknown": 5, "undecided": 0, "pending": 2, "stuck": 0, "examples": {}},
    "sampling": {
        "readings": 16,
        "failed": 1,
        "entries": 900,
        "judged": 420,
        "missing": 0,
        "early": 0,
        "inserted": 0,
        "vanished": 0,
        "swapped": 0,
        "examples": {},
    },
    "recovery": {"beforeUs": 4000, "afterUs": 4100, "recoveredMs": 20},
    "statement": {"stable": True, "entriesFirst": 1400, "entriesSecond": 1400},
    "reconciliation": {
        "sent": 750,
        "acknowledged": 710,
        "rejected": 14,
        "booked": 710,
        "lost": 0,
        "doubled": 0,
        "ghost": 0,
        "rejectedBooked": 0,
        "wrongAmount": 0,
        "halfBooked": 0,
        "accountsOff": 0,
        "totalDrift": 0,
        "examples": {},
    },
    "validity": "valid",
    "reasons": [],
}
#: What each check must notice: a place in the measurement, the value there, and words of the finding.
DEFECTS = {
    "LOAD-M01": ("reconciliation.lost", 3, "3 confirmed payments are missing"),
    "LOAD-M02": ("reconciliation.doubled", 2, "2 payments are on the statement more than once"),
    "LOAD-M03": ("reconciliation.ghost", 1, "1 entries on the statement belong to no payment"),
    "LOAD-M04": ("reconciliation.rejectedBooked", 4, "4 refused payments were booked"),
    "LOAD-M05": ("reconciliation.wrongAmount", 5, "5 payments were booked with another amount"),
    "LOAD-M06": ("reconciliation.halfBooked", 6, "6 payments were booked on one account"),
    "LOAD-M07": ("reconciliation.accountsOff", 2, "2 accounts do not hold"),
    "LOAD-M08": ("reconciliation.totalDrift", -7, "moved by -7 minor units"),
    "LOAD-M09": ("statement.stable", False, "changed between two readings"),
    "LOAD-M10": ("replays.different", 1, "1 repeated requests were answered with another payment"),
    "LOAD-M11": ("replays.refused", 2, "2 repeated requests of confirmed payments were refused"),
    "LOAD-M12": ("decisions.undecided", 3, "3 payments with a lost answer stay undecided"),
    "LOAD-M13": ("uncovered.accepted", 14, "14 payments from an empty account were accepted"),
    "LOAD-M14": ("sampling.missing", 6, "not in order: 6 confirmed entries were missing"),
    "LOAD-M15": ("altered.accepted", 5, "5 requests with a known key and another amount"),
    "LOAD-M17": ("twins.different", 2, "2 pairs of equal requests at the same moment made two payments, 0 made none"),
    "LOAD-M18": ("decisions.stuck", 2, "2 payments were still pending long after the load"),
    "LOAD-S01": ("confirmed", 692, "only 692 of 700 payments were confirmed"),
    "LOAD-S02": ("latencyUs.response.p99", 1_000_001, "99th percentile of the response time is 1000.0 ms, above 1000"),
    "LOAD-S03": ("latencyUs.response.p50", 500_001, "the median of the response time is 500.0 ms, above 500"),
    "LOAD-S04": ("counts.broken", 9, "9 of 800 requests got no proper answer"),
    "LOAD-S05": ("counts.refused", 1, "1 correct payments were refused under load"),
    "LOAD-S06": ("recovery.recoveredMs", None, "were not back below 300 ms within 10 s"),
}
CHECKS = {
    declaration.id: value
    for module in (money, speed)
    for value in vars(module).values()
    if (declaration := declaration_of(value)) is not None
}


def decide(check, measurement):
    evidence = Evidence("run", check)
    CHECKS[check](measurements=Measurements({"payments-create": measurement}), evidence=evidence)
    return evidence


def changed(place, value):
    made = copy.deepcopy(SOUND)
    *path, last = place.split(".")
    part = made
    for name in path:
        part = part[name]
    part[last] = value
    return made


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_measurement_passes_and_leaves_evidence(check):
    assert decide(check, SOUND).notes


@pytest.mark.parametrize("check", CHECKS)
def test_its_defect_fails_it_in_its_own_words(check):
    place, value, words = DEFECTS[check]
    with pytest.raises(Finding, match=words) as finding:
        decide(check, changed(place, value))
    assert finding.value.expected
    assert finding.value.actual


@pytest.mark.parametrize("check", CHECKS)
def test_only_its_own_defect_fails_it(check):
    for other, (place, value, _) in DEFECTS.items():
        if other != check:
            # What it leaves undecided may well be too much for another check to judge.
            with contextlib.suppress(Inconclusive):
                decide(check, changed(place, value))


@pytest.mark.parametrize("check", CHECKS)
def test_an_invalid_measurement_decides_nothing(check):
    invalid = copy.deepcopy(SOUND) | {"validity": "invalid", "reasons": ["the generator used 99.0 % of its core"]}
    with pytest.raises(Inconclusive, match="the generator used 99"):
        decide(check, invalid)


def test_unread_books_leave_money_undecided_and_speed_judged():
    unread = changed("statement.unread", "the statement cannot be read: broken")
    for check in CHECKS:
        if check in {f"LOAD-M{number:02}" for number in (*range(1, 10), 14)}:
            with pytest.raises(Inconclusive, match="the books cannot be compared"):
                decide(check, unread)
        else:
            decide(check, unread)


#: Checks of the books, and those that fail for what was found in any scenario.
OF_THE_BOOKS = [f"LOAD-M{number:02}" for number in range(1, 10)]
OF_EVERY_SCENARIO = [*OF_THE_BOOKS, *(f"LOAD-M{number}" for number in (10, 12, 13, 14, 15, 17, 18))]


@pytest.mark.parametrize("check", OF_EVERY_SCENARIO)
def test_money_counts_in_every_scenario_even_where_the_generator_was_the_limit(check):
    place, value, words = DEFECTS[check]
    burst = changed(place, value) | {"validity": "invalid", "reasons": ["too busy"]}
    both = Measurements({"payments-create": SOUND, "payments-burst": burst, "other": {"validity": "valid"}})
    with pytest.raises(Finding, match=words) as finding:
        CHECKS[check](measurements=both, evidence=Evidence("run", check))
    assert check == "LOAD-M14" or "payments-burst" in finding.value.actual


@pytest.mark.parametrize("check", OF_EVERY_SCENARIO)
def test_what_was_found_fails_also_where_the_even_rate_was_not_measured_or_books_are_unread(check):
    place, value, words = DEFECTS[check]
    invalid = SOUND | {"validity": "invalid", "reasons": ["too busy"]}
    unread = changed("statement.unread", "the statement cannot be read: broken")
    several = {"payments-create": invalid, "payments-soak": unread, "payments-burst": changed(place, value)}
    with pytest.raises(Finding, match=words):
        CHECKS[check](measurements=Measurements(several), evidence=Evidence("run", check))


@pytest.mark.parametrize("check", OF_THE_BOOKS)
def test_books_that_were_not_read_decide_nothing_in_any_scenario_and_are_named(check):
    unread = changed("statement.unread", "the statement cannot be read: server-error")
    several = Measurements({"payments-create": SOUND, "target-mojaloop": unread, "payments-soak": unread})
    with pytest.raises(Inconclusive, match=r"target-mojaloop: the statement .*; payments-soak: the st") as reason:
        CHECKS[check](measurements=several, evidence=Evidence("run", check))
    assert str(reason.value.blame) == "PRODUCT"
    lost = unread | {"validity": "invalid", "reasons": ["worker local-1 was lost: killed"]}
    with pytest.raises(Inconclusive) as reason:
        CHECKS[check](
            measurements=Measurements({"payments-create": SOUND, "target-mojaloop": lost}),
            evidence=Evidence("run", check),
        )
    assert str(reason.value.blame) == "HARNESS"


def test_a_pair_that_is_turned_away_beyond_the_even_rate_made_no_payment_twice():
    burst = changed("twins.neither", 3)
    CHECKS["LOAD-M17"](
        measurements=Measurements({"payments-create": SOUND, "payments-burst": burst}), evidence=Evidence("run", "")
    )
    with pytest.raises(Finding, match="0 pairs of equal requests at the same moment made two payments, 3 made none"):
        decide("LOAD-M17", burst)


@pytest.mark.parametrize(
    ("check", "place", "parameter"),
    [
        ("LOAD-M10", "judged.replays.made", "replay_every"),
        ("LOAD-M11", "replays.made", "replay_every"),
        ("LOAD-M04", "judged.uncovered.made", "uncovered_every"),
        ("LOAD-M12", "decisions.unknown", "cut_every"),
        ("LOAD-M13", "judged.uncovered.made", "uncovered_every"),
        ("LOAD-M15", "judged.altered.made", "altered_every"),
        ("LOAD-M17", "judged.twins.made", "twin_every"),
    ],
)
def test_a_load_without_what_a_check_judges_tests_nothing_and_says_what_to_lower(check, place, parameter):
    with pytest.raises(NotTested, match=f"^0 .* lower {parameter}") as reason:
        decide(check, changed(place, 0))
    assert str(reason.value.blame) == "CONFIG"


def test_a_missing_measurement_is_not_tested():
    with pytest.raises(NotTested):
        CHECKS["LOAD-M01"](measurements=Measurements({}), evidence=Evidence("run", "LOAD-M01"))


AT_THE_LIMIT = [("confirmed", 693), ("counts.broken", 8)]


@pytest.mark.parametrize(("place", "value"), AT_THE_LIMIT)
def test_values_at_the_limit_pass(place, value):
    for check in CHECKS:
        decide(check, changed(place, value))


@pytest.mark.parametrize("scenario", ["payments-create", "payments-soak"])
def test_answers_that_nobody_asked_for_fail_in_any_scenario_whatever_else_was_measured(scenario):
    more = SOUND | {"generator": {"surplus": 3}, "validity": "invalid", "reasons": ["too busy"]}
    with pytest.raises(Finding, match="3 answers came that nobody had asked for") as finding:
        CHECKS["LOAD-S04"](
            measurements=Measurements({"payments-create": SOUND, scenario: more}), evidence=Evidence("run", "LOAD-S04")
        )
    assert finding.value.actual == f"{scenario}: 3 too many"
    decide("LOAD-S04", SOUND | {"generator": {"surplus": 0}})


@pytest.mark.parametrize("check", ["LOAD-S02", "LOAD-S03", "LOAD-S04"])
def test_what_ended_early_was_not_tried_to_its_end(check):
    ended = changed("aborted", "6 of 100 requests got no proper answer")
    with pytest.raises(Inconclusive, match="ended early: 6 of 100 requests") as reason:
        decide(check, ended)
    assert str(reason.value.blame) == "PRODUCT"
    place, value, words = DEFECTS[check]
    with pytest.raises(Finding, match=words):
        decide(check, changed(place, value) | {"aborted": "6 of 100 requests got no proper answer"})


def all_checks():
    modules = [importlib.import_module(name) for name in conformance_load.SUITE.checks]
    found = (declaration_of(value) for module in modules for value in vars(module).values())
    return {declaration.id: declaration for declaration in found if declaration is not None}


def test_every_check_has_a_requirement_and_every_other_requirement_says_why_it_has_none():
    catalogue = read_catalogue("load", "conformance_load")
    decided = {declaration.requirement for declaration in all_checks().values()}
    assert {item.id for item in catalogue.requirements if item.not_tested is None} == decided
    for item in catalogue.requirements:
        for text in (item.title, item.why, item.faulty, item.fix):
            assert text.en
            assert text.zh
    assert len({item.id for item in catalogue.requirements}) == len(catalogue.requirements) >= 45


def test_every_check_is_tripped_by_a_fault():
    assert {trip.check for fault in FAULTS for trip in fault.trips} == all_checks().keys()
    assert all(fault.id.startswith("load.") and fault.title.zh for fault in FAULTS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_fault_that_trips_a_check_knows_its_words(check):
    place, value, _ = DEFECTS[check]
    with pytest.raises(Finding) as finding:
        decide(check, changed(place, value))
    said = [trip.says for fault in FAULTS for trip in fault.trips if trip.check == check and fault.id not in OTHERWISE]
    assert said
    assert all(words in finding.value.message for words in said)


#: Faults of which a check speaks in other words than of its own defect above.
OTHERWISE = ("load.answered-twice", "load.replay-failed")
