"""No check passes where nothing, or nearly nothing, was judged: it says what came instead, and who is to blame."""

import copy

import pytest
from test_load_checks import CHECKS, SOUND, changed, decide
from test_load_checks_disturbed import CHECKS as DISTURBED_CHECKS
from test_load_checks_shapes import CHECKS as SHAPES_CHECKS
from test_load_endpoints import CHECKS as DAY_CHECKS

from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, NotTested, declaration_of

#: Which answers each check judges, by their name under ``judged``.
KINDS = {
    "LOAD-M10": "replays",
    "LOAD-M11": "known",
    "LOAD-M13": "uncovered",
    "LOAD-M15": "altered",
    "LOAD-M17": "twins",
}


def answered(kind, made, judged, **instead):
    part = SOUND["judged"][kind] | {"made": made, "judged": judged, "instead": {"HTTP 500": made - judged} | instead}
    return changed(f"judged.{kind}", part)


@pytest.mark.parametrize(("check", "kind"), KINDS.items())
def test_where_less_than_half_was_judged_it_is_inconclusive_and_says_what_came_instead(check, kind):
    for judged in (0, 4):
        with pytest.raises(Inconclusive, match=rf"^only {judged} of 9 .*{9 - judged} times HTTP 500") as reason:
            decide(check, answered(kind, 9, judged))
        assert reason.value.blame == "PRODUCT"
    decide(check, answered(kind, 9, 5))


def test_no_payment_of_a_kind_that_was_repeated_after_its_confirmation_judges_nothing():
    with pytest.raises(NotTested, match="0 requests repeated after their payment was confirmed") as reason:
        decide("LOAD-M11", answered("known", 0, 0))
    assert reason.value.blame == "CONFIG"


def test_known_keys_answered_with_server_errors_fail_and_a_single_one_is_an_error_only():
    for made, errors, most in ((5, 5, 1), (9, 2, 1), (1000, 11, 10)):
        failing = answered("known", made, made - errors)
        failing["judged"]["known"]["serverErrors"] = errors
        words = f"^{errors} repeated requests of confirmed payments were answered with a server error"
        with pytest.raises(Finding, match=words):
            decide("LOAD-M11", failing)
        failing["judged"]["known"] |= {"serverErrors": most, "judged": made - most}
        decide("LOAD-M11", failing)


#: Checks that say something only of a load of which payments were confirmed at all; S06 is about what comes after.
CARRIED = [check for check in CHECKS if check not in ("LOAD-S01", "LOAD-S06", "LOAD-S04")]


@pytest.mark.parametrize("check", CARRIED)
def test_where_nothing_was_confirmed_nothing_passes(check):
    failing = changed("confirmed", 0)
    failing["counts"] |= {"confirmed": 0, "broken": 700}
    with pytest.raises(Inconclusive, match="700 without a proper answer") as reason:
        decide(check, failing)
    assert reason.value.blame == "PRODUCT"


def test_where_nothing_was_confirmed_rate_and_errors_fail():
    failing = changed("confirmed", 0)
    failing["counts"] |= {"confirmed": 0, "broken": 700}
    for check in ("LOAD-S01", "LOAD-S04"):
        with pytest.raises(Finding):
            decide(check, failing)


@pytest.mark.parametrize("check", CHECKS)
def test_a_load_in_which_nothing_was_due_tests_nothing(check):
    with pytest.raises(NotTested, match="no payment was due") as reason:
        decide(check, changed("offered.due", 0) | {"confirmed": 0})
    assert reason.value.blame == "CONFIG"


def test_without_a_refused_payment_nothing_is_known_of_refused_ones():
    with pytest.raises(Inconclusive, match="only 3 of 14 payments from an empty account were refused"):
        decide("LOAD-M04", changed("reconciliation.rejected", 3))


@pytest.mark.parametrize("check", ["LOAD-S02", "LOAD-S03"])
@pytest.mark.parametrize("word", ["broken", "unsent", "refused", "denied"])
def test_times_of_errors_are_not_judged_as_times_of_answers(check, word):
    failing = changed(f"counts.{word}", 9)
    with pytest.raises(Inconclusive, match=r"says nothing: of 80\d requests 9 .* at most 1 % may fail") as reason:
        decide(check, failing)
    assert reason.value.blame == "PRODUCT"
    decide(check, changed(f"counts.{word}", 8))


@pytest.mark.parametrize(("check", "quantile"), [("LOAD-S02", "p99"), ("LOAD-S03", "p50")])
def test_a_percentile_counts_failures_as_the_latest(check, quantile):
    hidden = changed("latencyUs.response.late", {"p50": 4000, "p99": 20_000} | {quantile: 1_000_001})
    with pytest.raises(Finding, match=r"of the response time is 1000\.0 ms, above"):
        decide(check, hidden)


def test_payments_that_nobody_could_decide_may_be_pending():
    with pytest.raises(Inconclusive, match="398 payments without an answer were never decided") as reason:
        decide("LOAD-M18", changed("decisions.undecided", 398))
    assert reason.value.blame == "PRODUCT"


@pytest.mark.parametrize(("place", "value"), [("sampling.failed", 17), ("sampling.judged", 0)])
def test_statements_that_were_hardly_shown_during_the_load_decide_nothing(place, value):
    with pytest.raises(Inconclusive, match=r"17 times an error|no statement showed a confirmed payment"):
        decide("LOAD-M14", changed(place, value))


# -- scenarios that were not run ------------------------------------------------------------------------------

ALL = {**CHECKS, **DISTURBED_CHECKS, **SHAPES_CHECKS, **DAY_CHECKS}


@pytest.mark.parametrize("check", ALL)
@pytest.mark.parametrize("blame", ["PRODUCT", "CONFIG", ""])
def test_a_scenario_that_could_not_be_run_is_blamed_on_who_stood_in_its_way(check, blame):
    not_run = {"validity": "invalid", "reasons": ["no account"], "notRun": "no account", "blame": blame}
    scenarios = Measurements(dict.fromkeys(declaration_of(ALL[check]).scenarios, not_run))
    with pytest.raises(NotTested, match="was not run: no account") as reason:
        ALL[check](measurements=scenarios, evidence=Evidence("run", check))
    assert reason.value.blame == (blame or None)


def test_an_invalid_measurement_blames_whom_it_names():
    cut_short = copy.deepcopy(SOUND) | {"validity": "invalid", "reasons": ["gone"], "blame": "PRODUCT"}
    with pytest.raises(Inconclusive, match="gone") as reason:
        decide("LOAD-S01", cut_short)
    assert reason.value.blame == "PRODUCT"
