"""INVALID: when the generator was the limit, and only then."""

from dataclasses import replace

import pytest

from conformance_load.verdict import GeneratorFacts, invalidities

GOOD = GeneratorFacts(
    scheduled=20_000,
    sent=20_000,
    rate_per_s=1000,
    connections=32,
    cpu_permille=400,
    lag_p99_us=200,
    lag_p999_us=900,
    lag_samples=20_000,
    service_mean_us=5_000,
    slo_p99_us=100_000,
)


def test_a_generator_that_kept_up_is_believed():
    assert invalidities(GOOD) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sent": 19_979}, "only 19979 of 20000 scheduled requests were sent"),
        ({"lag_p999_us": 10_001}, "lag p99.9 10001"),
        ({"scheduled": 0, "sent": 0, "lag_samples": 0}, "nothing was scheduled in the measured time"),
        ({"scheduled": 0, "sent": 0, "aborted": "why"}, "nothing was scheduled in the measured time"),
        ({"cpu_permille": 851}, "85.1 % of its core"),
        ({"late_us": 10_001}, "missed the agreed start by 10 ms"),
        ({"own_failures": 3, "own_failure": "OSError: Too many open files"}, "own side (OSError: Too many open files)"),
    ],
)
def test_each_limit_of_the_generator_is_said(change, says):
    reasons = invalidities(replace(GOOD, **change))
    assert len(reasons) == 1
    assert says in reasons[0]


@pytest.mark.parametrize(
    "change", [{"sent": 19_980}, {"lag_p999_us": 10_000}, {"cpu_permille": 850}, {"late_us": 10_000}]
)
def test_the_limits_themselves_are_still_valid(change):
    assert invalidities(replace(GOOD, **change)) == []


def test_with_few_samples_the_99th_percentile_is_judged():
    few = replace(GOOD, lag_samples=800, lag_p999_us=90_000)
    assert invalidities(few) == []
    assert "lag p99 10001" in invalidities(replace(few, lag_p99_us=10_001))[0]


def test_a_product_slower_than_its_limit_is_no_excuse():
    stuck = replace(GOOD, sent=10_000, service_mean_us=2_000_000)
    assert invalidities(stuck) == []


def test_too_few_connections_are_named_with_how_many_are_needed():
    reason = invalidities(replace(GOOD, sent=10_000, service_mean_us=90_000))[0]
    assert "about 182 are needed" in reason
