"""Checks of shapes and published targets: limits, words, and that a scaled run establishes no target."""

import copy

import pytest

from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, NotTested, declaration_of
from conformance_load.checks import shapes, targets
from conformance_load.faults import FAULTS

SOUND = {
    "offered": {
        "ratePerSecond": 30, "peakPerSecond": 300, "durationS": 8, "due": 200, "scheduled": 220,
        "scalePermille": 1000, "scaledCounts": False,
    },
    "sent": 220,
    "confirmed": 200,
    "counts": {"broken": 0, "unsent": 0},
    "latencyUs": {"response": {"p50": 4000, "p99": 20_000, "max": 30_000, "count": 220}},
    "slo": {
        "p50MsMax": 500, "p99MsMax": 1000, "longestMsMax": 10_000, "errorPermilleMax": 10, "confirmedPermilleMin": 990,
        "ratePerSecondMin": 100,
    },
    "burst": {"fromS": 2, "endS": 4, "limitMs": 3000, "recoveredMs": 1000},
    "ramp": {"cliff": None},
    "soak": {"firstUs": 5000, "lastUs": 6000, "silentFromS": None, "decayPermilleMax": 2000, "decayFloorMs": 100},
    "search": {
        "best": 100, "failed": 110, "highest": 400, "exact": True,
        "trials": [{"ratePerSecond": 100, "met": True, "reasons": []}],
    },
    "statement": {"unread": ""},
    "streams": [
        {
            "operation": "payments.read", "absent": "", "ratePerSecond": 8180, "sent": 200, "due": 200,
            "confirmed": 200, "counts": {"broken": 0, "unsent": 0, "refused": 0}, "slo": {"p99MsMax": 10_000},
            "latencyUs": {"response": {"max": 9_000}},
        },
    ],
    "validity": "valid",
    "reasons": [],
}  # fmt: skip
#: What every target claims and more, so that only what a test changes falls short.
WHOLE = SOUND["offered"] | {
    "ratePerSecond": 92_000, "peakPerSecond": 92_000, "durationS": 3600, "scheduled": 400_000_000, "due": 200,
}  # fmt: skip
FALL = {"s": 3, "offered": 60, "answered": 10, "p99Us": 900}
DEFECTS = {
    "LOAD-P01": ("burst.recoveredMs", None, "the old rate of 30 was not carried again within 3000 ms"),
    "LOAD-P02": ("search.best", 0, "the highest rate within the limits is 0 per second, below 100"),
    "LOAD-P04": ("soak.lastUs", 100_001, "payments took 100.0 ms in the last quarter of the run and 5.0 ms before"),
    "LOAD-P05": ("ramp.cliff", FALL, "falls off a cliff in second 3 of the ramp: 10 of 60 answered"),
    "LOAD-P06": ("confirmed", 197, "independent arrivals at 30 per second are not carried: 197 of 200"),
    "LOAD-T01": ("latencyUs.response.p99", 1_000_001, "the figures of Mojaloop are missed: p99 1000.0 ms"),
    "LOAD-T02": ("latencyUs.response.p99", 1_000_001, "the figures of TIPS are missed: p99 1000.0 ms"),
    "LOAD-T03": ("latencyUs.response.max", 10_000_001, "the time limit of SCT Inst is missed: max 10000.0 ms"),
    "LOAD-T04": ("latencyUs.response.p50", 500_001, "the time limits of Pix are missed: p50 500.0 ms"),
    "LOAD-T05": ("latencyUs.response.max", 10_000_001, "the figures of UPI are missed: max 10000.0 ms"),
    "LOAD-T06": ("confirmed", 197, "the published peak of NetsUnion is missed: 197 of 200 confirmed"),
}
#: Those that claim a rate, which a scaled run does not try.
OF_A_RATE = [check for check in DEFECTS if check.startswith("LOAD-T") or check == "LOAD-P02"]
CHECKS = {
    declaration.id: value
    for module in (shapes, targets)
    for value in vars(module).values()
    if (declaration := declaration_of(value)) is not None
}


def decide(check, measurement):
    evidence = Evidence("run", check)
    (scenario,) = declaration_of(CHECKS[check]).scenarios
    CHECKS[check](measurements=Measurements({scenario: measurement}), evidence=evidence)
    return evidence


def sound(check):
    """What passes a check; targets want their whole rate and length."""
    made = copy.deepcopy(SOUND)
    if check.startswith("LOAD-T"):
        made["offered"] = dict(WHOLE)
        made["slo"] |= {"confirmedPermilleMin": 1000 if check == "LOAD-T06" else 990}
    return made


def changed(place, value, check=""):
    made = part = sound(check)
    *path, last = place.split(".")
    for name in path:
        part = part[name]
    part[last] = value
    return made


def test_each_check_has_a_defect_here():
    assert CHECKS.keys() == DEFECTS.keys()


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_measurement_passes_and_leaves_evidence(check):
    assert decide(check, sound(check)).notes


@pytest.mark.parametrize("check", CHECKS)
def test_its_defect_fails_it_in_its_own_words_and_at_any_scale(check):
    place, value, words = DEFECTS[check]
    defective = changed(place, value)
    with pytest.raises(Finding, match=words):
        decide(check, defective)
    defective["offered"]["scalePermille"] = 10
    expected = Inconclusive if check == "LOAD-P02" else Finding
    with pytest.raises(expected):
        decide(check, defective)


def searched(best, *, least=0, exact=False, failed=0, reasons=(), highest=400):
    """A search that ended with a trial of the given reasons; ``least``: the rate that is asked for."""
    made = sound("LOAD-P02")
    trials = [
        {"ratePerSecond": best, "met": True, "reasons": []},
        {"ratePerSecond": 2 * best, "met": not failed, "reasons": list(reasons)},
    ]
    made["search"] = {"best": best, "failed": failed, "highest": highest, "exact": exact, "trials": trials}
    made["slo"].pop("ratePerSecondMin")
    made["slo"] |= {"ratePerSecondMin": least} if least else {}
    return made


@pytest.mark.parametrize("least", [0, 60])
@pytest.mark.parametrize("reason", ["worker gen-1 was lost: killed", "the generator used 99.0 % of its core"])
def test_a_search_that_the_generator_ended_knows_no_highest_rate(least, reason):
    with pytest.raises(Inconclusive, match=f"not known: 50 per second .* the limit: {reason}") as refusal:
        decide("LOAD-P02", searched(50, least=least, reasons=[reason]))
    assert str(refusal.value.blame) == "HARNESS"


def test_a_search_that_ended_between_two_rates_knows_no_highest_rate():
    with pytest.raises(Inconclusive, match=r"between 50 and 90 per second, where the search ended after 2 trials$"):
        decide("LOAD-P02", searched(50, failed=90))
    with pytest.raises(Inconclusive, match=r"between 0 and 250 per second, .*: lower search_from_per_s") as refusal:
        decide("LOAD-P02", searched(0, failed=250, least=100))
    assert str(refusal.value.blame) == "CONFIG"


def test_a_rate_that_broke_a_limit_below_what_is_asked_for_fails_however_the_search_ended():
    with pytest.raises(Finding, match="the highest rate within the limits is 50 per second, below 100"):
        decide("LOAD-P02", searched(50, failed=90, least=100))
    with pytest.raises(Finding, match="the highest rate within the limits is 0 per second, below 1"):
        decide("LOAD-P02", searched(0, failed=50))


def test_a_rate_that_is_asked_for_and_was_carried_is_enough():
    decide("LOAD-P02", searched(50, least=50, reasons=["worker gen-1 was lost"]))
    decide("LOAD-P02", searched(50, least=40, failed=90))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("soak.silentFromS", 6, "from second 6 of the long run on, what was offered was not carried any more"),
        ("counts.broken", 3, "the limits do not hold for a long run: 3 requests got no proper answer"),
        ("confirmed", 197, "the limits do not hold for a long run: 197 of 200 payments were confirmed"),
        ("aborted", "6 of 100 broke", "the limits do not hold for a long run: the load ended early: 6 of 100 broke"),
    ],
)
def test_a_product_that_dies_during_a_long_run_has_decayed_however_fast_it_refuses(place, value, words):
    with pytest.raises(Finding, match=words):
        decide("LOAD-P04", changed(place, value))


def test_a_state_that_is_told_too_late_misses_the_figures_of_upi():
    slow = sound("LOAD-T05")
    slow["streams"][0]["latencyUs"]["response"]["max"] = 10_000_001
    with pytest.raises(Finding, match=r"a state was told after 10000\.0 ms, allowed 10000 ms"):
        decide("LOAD-T05", slow)


@pytest.mark.parametrize(
    ("check", "place", "value", "words"),
    [
        ("LOAD-T01", "offered.ratePerSecond", 50, "50 payments per second instead of 1000"),
        ("LOAD-T01", "offered.durationS", 8, "8 seconds instead of 3600"),
        ("LOAD-T01", "offered.scheduled", 3_500_000, "3500000 payments in all instead of 3582000"),
        ("LOAD-T01", "slo.p99MsMax", 1001, "p99MsMax 1001 instead of 1000"),
        ("LOAD-T02", "offered.peakPerSecond", 500, "500 at the peak instead of 2000"),
        ("LOAD-T03", "slo.confirmedPermilleMin", 0, "0 parts per thousand that must be confirmed instead of 990"),
        ("LOAD-T04", "slo.longestMsMax", 0, "longestMsMax none instead of 10000"),
        ("LOAD-T05", "offered.ratePerSecond", 8179, "8179 payments per second instead of 8180"),
        ("LOAD-T06", "slo.confirmedPermilleMin", 990, "990 parts per thousand that must be confirmed instead of 1000"),
    ],
)
def test_less_than_what_was_published_establishes_no_target_and_says_so(check, place, value, words):
    smaller = changed(place, value, check)
    if value == 0 and place.endswith("longestMsMax"):
        del smaller["slo"]["longestMsMax"]
    with pytest.raises(Inconclusive, match=words) as reason:
        decide(check, smaller)
    assert str(reason.value.blame) == "CONFIG"
    smaller["offered"]["scaledCounts"] = True
    decide(check, smaller)


@pytest.mark.parametrize("check", [check for check in CHECKS if check.startswith("LOAD-T")])
def test_a_target_is_reached_by_payments_that_stand_in_the_books(check):
    with pytest.raises(Inconclusive, match="the books cannot be compared: gone"):
        decide(check, changed("statement.unread", "gone", check))


@pytest.mark.parametrize("check", ["LOAD-T03", "LOAD-T04", "LOAD-T05"])
@pytest.mark.parametrize("word", ["broken", "unsent"])
def test_where_every_payment_is_to_be_answered_none_may_be_left_out(check, word):
    with pytest.raises(Finding, match="1 of 220 got no proper answer, and every payment must be answered"):
        decide(check, changed(f"counts.{word}", 1, check))


def test_where_every_payment_was_confirmed_none_may_be_left_out():
    with pytest.raises(Finding, match="the published peak of NetsUnion is missed: 199 of 200 confirmed"):
        decide("LOAD-T06", changed("confirmed", 199, "LOAD-T06"))


@pytest.mark.parametrize("word", ["broken", "unsent", "refused"])
def test_states_that_are_not_told_miss_the_figures_of_upi_however_fast(word):
    silent = sound("LOAD-T05")
    silent["streams"][0]["counts"][word] = 200
    with pytest.raises(Finding, match="the figures of UPI are missed: 200 of 200 states were not told"):
        decide("LOAD-T05", silent)


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([], "read_permille = 0"),
        ([{"name": "read", "operation": "payments.read", "absent": "no payment could be made"}], "no payment could be"),
    ],
)
def test_without_queries_the_figures_of_upi_are_not_tested_unless_payments_miss_them(streams, words):
    with pytest.raises(NotTested, match=words):
        decide("LOAD-T05", sound("LOAD-T05") | {"streams": streams})
    with pytest.raises(Finding, match="the figures of UPI are missed: 197 of 200"):
        decide("LOAD-T05", changed("confirmed", 197, "LOAD-T05") | {"streams": streams})


def test_fewer_or_laxer_queries_do_not_establish_the_figures_of_upi():
    for member, value in (("ratePerSecond", 1), ("slo", {"p99MsMax": 20_000})):
        fewer = sound("LOAD-T05")
        fewer["streams"][0][member] = value
        with pytest.raises(Inconclusive, match=r"1 queries per second instead of 8180|20000 ms for a query"):
            decide("LOAD-T05", fewer)


@pytest.mark.parametrize("check", OF_A_RATE)
def test_a_scaled_run_establishes_no_rate(check):
    with pytest.raises(Inconclusive, match="scaled to 1 %") as reason:
        decide(check, changed("offered.scalePermille", 10, check))
    assert str(reason.value.blame) == "CONFIG"


@pytest.mark.parametrize("check", CHECKS)
def test_an_invalid_measurement_decides_nothing(check):
    with pytest.raises(Inconclusive, match="too busy"):
        decide(check, SOUND | {"validity": "invalid", "reasons": ["too busy"]})


@pytest.mark.parametrize("check", CHECKS)
def test_a_fault_that_trips_a_check_knows_its_words(check):
    place, value, _ = DEFECTS[check]
    with pytest.raises(Finding) as finding:
        decide(check, changed(place, value))
    said = [trip.says for fault in FAULTS for trip in fault.trips if trip.check == check]
    assert said
    assert all(words in finding.value.message for words in said)
