"""The tally: from the intended start, warm-up apart, nothing unsent forgotten."""

import pytest

from conformance_load.tally import Tally

MS = 1_000_000
S = 1000 * MS


def tally(seconds=3, start=10 * S):
    made = Tally(seconds)
    made.start_ns = start
    return made


def test_response_runs_from_the_intended_start_and_service_from_sending():
    made = tally()
    made.sending(10 * S, 10 * S + 40 * MS, None)
    made.ended("confirmed", 10 * S, 10 * S + 40 * MS, 10 * S + 50 * MS)
    assert (made.response.largest, made.service.largest, made.lag.largest) == (50_000, 10_000, 40_000)


def test_the_generators_own_lag_ends_where_the_wait_for_a_connection_begins():
    made = tally()
    made.waiting(10 * S, 10 * S + 1 * MS)
    made.sending(10 * S, 10 * S + 40 * MS, None)
    made.sending(11 * S, 11 * S + 2 * MS, 2 * MS)
    made.waiting(9 * S, 11 * S)
    assert (made.lag.count, made.own_lag.count, made.own_lag.largest) == (2, 2, 2_000)
    assert [line["lagP99Us"] for line in made.timeline()] == pytest.approx([1_000, 2_000, 0, 0], rel=0.004)


@pytest.mark.parametrize("outcome", ["broken", "refused", "denied", "unsent"])
def test_an_error_at_once_never_makes_a_percentile_look_better(outcome):
    made = tally()
    for number in range(100):
        took = number + 1 if number >= 2 else 0
        made.ended("confirmed" if took else outcome, 10 * S, 10 * S, 10 * S + took * MS)
    # Two of a hundred failed at once: the 99th is one of them, and nobody waited longer than 100 ms.
    assert made.late(9900) == made.response.largest == 100_000
    assert made.late(5000) == pytest.approx(52_000, rel=0.004)
    assert made.late(5000) > made.response.quantile(5000)
    assert made.latency()["response"]["late"] == {"p50": made.late(5000), "p99": 100_000}
    other = tally()
    other.add(made.share())
    assert other.late(5000) == made.late(5000)


def test_where_nothing_failed_percentiles_are_those_of_all():
    made = tally()
    for took in range(1, 200):
        made.ended("confirmed", 10 * S, 10 * S, 10 * S + took * MS)
    assert [made.late(share) for share in (5000, 9900)] == [made.response.quantile(share) for share in (5000, 9900)]
    assert tally().late(9900) == 0


def test_the_warm_up_is_not_measured():
    made = tally()
    made.sending(9 * S, 9 * S, 0)
    made.ended("confirmed", 9 * S, 9 * S, 11 * S)
    assert (made.sent, made.response.count, sum(made.counts.values())) == (0, 0, 0)


def test_what_was_never_sent_counts_with_the_time_it_waited_in_vain():
    made = tally()
    made.ended("unsent", 10 * S, 15 * S, 15 * S)
    assert made.response.largest == 5_000_000
    assert (made.service.count, made.sent, made.counts["unsent"]) == (0, 0, 1)


def test_what_was_not_due_when_the_pressure_ended_has_no_response_time_at_all():
    """A run that breaks its limit early must not look fast because most of it was never tried."""
    made = tally()
    for _number in range(100):
        made.sending(10 * S, 10 * S, 0)
        made.ended("confirmed", 10 * S, 10 * S, 10 * S + 3_000 * MS)
    for number in range(900):
        made.ended("unsent", 12 * S + number * MS, 11 * S, 11 * S)
    assert made.response.quantile(9900) == pytest.approx(3_000_000, rel=0.004)
    assert (made.response.count, made.counts["unsent"]) == (100, 900)
    assert sum(line["broken"] for line in made.timeline()) == 0


def test_a_cut_request_has_no_response_time():
    made = tally()
    made.sending(10 * S, 10 * S, 0)
    made.ended("cut", 10 * S, 10 * S, 10 * S + MS)
    assert (made.counts["cut"], made.response.count, made.sent) == (1, 0, 1)


def test_the_timeline_counts_by_second_and_keeps_what_came_late_in_its_last():
    made = tally()
    for second, outcome in ((10, "confirmed"), (10, "expected"), (11, "broken"), (12, "replayed"), (30, "confirmed")):
        made.sending(second * S, second * S, 0)
        made.ended(outcome, second * S, second * S, second * S + 5 * MS)
    lines = made.timeline()
    assert [line["s"] for line in lines] == [0, 1, 2, 3]
    assert [line["sent"] for line in lines] == [2, 1, 1, 1]
    assert [line["confirmed"] for line in lines] == [1, 0, 0, 1]
    assert [line["expected"] for line in lines] == [1, 0, 0, 0]
    assert [line["refused"] for line in lines] == [0, 0, 0, 0]
    assert [line["broken"] for line in lines] == [0, 1, 0, 0]
    assert [line["replayed"] for line in lines] == [0, 0, 1, 0]
    assert lines[0]["p99Us"] == pytest.approx(5_000, rel=0.004)
