"""The checks of single operations: sound streams pass, each defect fails its check in its own words."""

import copy

import pytest

from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, NotTested, declaration_of
from conformance_load.checks import endpoints
from conformance_load.faults import FAULTS
from conformance_load.shares import OPERATIONS

MONEY = {"confirmed": 40, "undecided": 1, "accounts": 4, "accountsOff": 0, "totalDrift": 0, "moved": 900, "unread": ""}
RACED = MONEY | {
    "payments": 40,
    "beyond": 0,
    "neither": 0,
    "exceeded": 0,
    "lost": 0,
    "ghost": 0,
    "half": 0,
    "untied": 0,
    "judged": 39,
}
RACED |= {"examples": []}
COUNTS = {"confirmed": 100, "refused": 0, "broken": 0, "unsent": 0}
STREAMS = {
    name: {
        "name": name,
        "operation": operation,
        "ratePerSecond": 10,
        "absent": "",
        "scheduled": 100,
        "due": 100,
        "sent": 100,
        "confirmed": 100,
        "counts": COUNTS,
        "latencyUs": {"response": {"p99": 20_000, "count": 100}},
        "slo": {"p99MsMax": 500, "errorPermilleMax": 10, "confirmedPermilleMin": 950},
        **({"money": MONEY} if name in ("refund", "code_pay") else {"money": RACED} if name == "refund_race" else {}),
    }
    for name, operation in OPERATIONS.items()
}
STREAM_OF = {
    "LOAD-E01": "read",
    "LOAD-E02": "refund",
    "LOAD-E03": "balance",
    "LOAD-E04": "code",
    "LOAD-E05": "code_pay",
    "LOAD-E06": "token",
}
CHECKS = {
    declaration.id: value
    for value in vars(endpoints).values()
    if (declaration := declaration_of(value)) is not None and "shop-day" in declaration.scenarios
}


def day(**changes):
    """A sound day with members of streams changed, by the stream's name."""
    streams = copy.deepcopy(STREAMS)
    for name, members in changes.items():
        streams[name] |= members
    return {
        "offered": {"ratePerSecond": 40, "durationS": 10},
        "sent": 100,
        "validity": "valid",
        "reasons": [],
        "streams": list(streams.values()),
    }


def decide(check, measurement):
    evidence = Evidence("run", check)
    CHECKS[check](measurements=Measurements({"shop-day": measurement}), evidence=evidence)
    return evidence


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_day_passes_and_leaves_evidence(check):
    assert decide(check, day()).notes


@pytest.mark.parametrize(("check", "name"), STREAM_OF.items())
def test_a_slow_stream_fails_its_check_and_no_other(check, name):
    slow = day(**{name: {"latencyUs": {"response": {"p99": 500_001, "count": 100}}}})
    operation = OPERATIONS[name]
    with pytest.raises(Finding, match=f"99th percentile of {operation} is 500.0 ms, above 500 ms"):
        decide(check, slow)
    for other in STREAM_OF.keys() - {check}:
        decide(other, slow)


@pytest.mark.parametrize(("check", "name"), STREAM_OF.items())
@pytest.mark.parametrize("word", ["broken", "refused", "unsent"])
def test_requests_without_a_proper_answer_fail_their_check(check, name, word):
    with pytest.raises(Finding, match=f"2 of 100 requests of {OPERATIONS[name]} were refused or got no proper answer"):
        decide(check, day(**{name: {"counts": COUNTS | {word: 2}}}))
    decide(check, day(**{name: {"counts": COUNTS | {word: 1}}}))


@pytest.mark.parametrize(("check", "name"), [("LOAD-E02", "refund"), ("LOAD-E05", "code_pay")])
def test_money_that_did_not_move_as_confirmed_fails(check, name):
    with pytest.raises(Finding, match=r"1 of 4 accounts do not hold .* moved by -3 minor units"):
        decide(check, day(**{name: {"money": MONEY | {"accountsOff": 1, "totalDrift": -3}}}))
    with pytest.raises(Inconclusive, match="cannot be compared: gone"):
        decide(check, day(**{name: {"money": MONEY | {"unread": "gone"}}}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exceeded": 3, "beyond": 4, "examples": ["pay-1"]}, "3 payments gave back more than was paid, by 4 refunds"),
        ({"neither": 2}, r"refunds of 2 payments are not as they were answered: \{'neither': 2\}"),
        ({"lost": 1, "half": 1}, "refunds of 2 payments are not as they were answered"),
        ({"ghost": 1}, "refunds of 1 payments are not as they were answered"),
        ({"accountsOff": 1}, "1 of 4 accounts do not hold"),
    ],
)
def test_refunds_that_exceed_or_contradict_their_answers_fail(changes, words):
    with pytest.raises(Finding, match=words):
        decide("LOAD-M16", day(refund_race={"money": RACED | changes}))


def test_refunds_that_hardly_raced_show_nothing():
    broken = {"counts": COUNTS | {"broken": 70}}
    with pytest.raises(Inconclusive, match=r"only 19 of 40 payments with several .* 70 without a proper") as reason:
        decide("LOAD-M16", day(refund_race={"money": RACED | {"judged": 19}} | broken))
    assert reason.value.blame == "PRODUCT"


@pytest.mark.parametrize(("check", "name"), STREAM_OF.items())
def test_a_stream_of_which_hardly_anything_was_confirmed_meets_no_limit(check, name):
    lax = {"slo": {"p99MsMax": 500, "errorPermilleMax": 1000, "confirmedPermilleMin": 0}}
    failing = day(**{name: lax | {"confirmed": 49, "counts": COUNTS | {"confirmed": 49, "broken": 51}}})
    with pytest.raises(Inconclusive, match=r"only 49 of 100 requests of .* instead 51 without a proper answer"):
        decide(check, failing)


@pytest.mark.parametrize(("check", "name"), [*STREAM_OF.items(), ("LOAD-P03", "read")])
def test_errors_at_once_do_not_make_a_stream_fast(check, name):
    late = {"p99": 20_000, "count": 100, "late": {"p50": 4000, "p99": 500_001}}
    with pytest.raises(Finding, match=r"500\.0 ms"):
        decide(check, day(**{name: {"latencyUs": {"response": late}}}))


def test_a_stream_that_got_too_little_or_waited_too_long_is_starved():
    with pytest.raises(Finding, match=r"1 of 8 streams starved .* only 94 of 100 of accounts\.balance were confirmed"):
        decide("LOAD-P03", day(balance={"confirmed": 94}))
    with pytest.raises(Finding, match=r"payments\.create took 501\.0 ms"):
        decide("LOAD-P03", day(pay={"latencyUs": {"response": {"p99": 501_000, "count": 100}}}))
    decide("LOAD-P03", day(balance={"confirmed": 95}))


@pytest.mark.parametrize("check", STREAM_OF)
def test_a_day_that_ended_early_tried_no_limit_to_its_end(check):
    ended = day() | {"aborted": "stream read, the 99th percentile is above 500 ms for certain"}
    with pytest.raises(Inconclusive, match="ended early: stream read"):
        decide(check, ended)


@pytest.mark.parametrize(("check", "name"), STREAM_OF.items())
def test_an_absent_stream_is_not_tested_and_says_why(check, name):
    with pytest.raises(NotTested, match="no such thing here"):
        decide(check, day(**{name: {"absent": "no such thing here"}}))


def test_a_stream_without_a_share_is_not_tested():
    measurement = day()
    measurement["streams"] = [item for item in measurement["streams"] if item["name"] != "read"]
    with pytest.raises(NotTested, match="read_permille = 0"):
        decide("LOAD-E01", measurement)


def test_starving_takes_two_streams():
    with pytest.raises(NotTested, match="only one stream"):
        decide("LOAD-P03", day(**{name: {"absent": "no"} for name in OPERATIONS if name != "pay"}))


@pytest.mark.parametrize("check", CHECKS)
def test_an_invalid_day_decides_nothing(check):
    with pytest.raises(Inconclusive, match="too late"):
        decide(check, day() | {"validity": "invalid", "reasons": ["too late"]})


def test_every_check_is_tripped_by_a_fault():
    tripped = {trip.check for fault in FAULTS for trip in fault.trips}
    assert CHECKS.keys() <= tripped
