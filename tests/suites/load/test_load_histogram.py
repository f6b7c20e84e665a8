"""Laws of the histogram: bounded error, exact merging, intervals that cover."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_load.histogram import VALUE_MAX, Histogram, bounds_of, index_of

durations = st.lists(st.integers(0, VALUE_MAX), min_size=1, max_size=300)


@given(st.integers(0, VALUE_MAX))
def test_a_value_lies_in_its_bucket_and_the_middle_is_within_four_permille(value):
    low, high = bounds_of(index_of(value))
    assert low <= value <= high
    assert abs((low + high) // 2 - value) * 1000 <= 4 * value


@given(st.integers(0, 3000))
def test_buckets_follow_each_other_without_gap(index):
    assert bounds_of(index)[1] + 1 == bounds_of(index + 1)[0]
    assert index_of(bounds_of(index)[0]) == index_of(bounds_of(index)[1]) == index


@given(durations, durations)
def test_merged_is_the_histogram_of_the_union(first, second):
    merged = Histogram.of(first)
    merged.merge(Histogram.of(second))
    assert merged.as_json() == Histogram.of(first + second).as_json()


@given(st.lists(st.tuples(st.integers(0, 2), durations), max_size=12), st.randoms())
def test_deltas_of_any_workers_in_any_order_are_the_histogram_of_the_union(parts, shuffler):
    workers, deltas, values = [Histogram() for _ in range(3)], [], []
    for worker, durations in parts:
        for value in durations:
            workers[worker].record(value)
        values += durations
        # What crossed the network may have strings for keys.
        deltas.append(json.loads(json.dumps(workers[worker].delta())))
    shuffler.shuffle(deltas)
    master = Histogram()
    for delta in deltas:
        master.add(delta)
    assert master.as_json() == Histogram.of(values).as_json()


def test_a_delta_is_small_and_empty_when_nothing_came():
    made = Histogram.of([5, 5, 7_000_000])
    assert made.delta()["buckets"] == {5: 2, index_of(7_000_000): 1}
    assert (made.delta()["buckets"], made.delta()["total"]) == ({}, 0)


@given(durations, durations)
def test_merging_does_not_depend_on_order(first, second):
    one, other = Histogram.of(first), Histogram.of(second)
    one.merge(Histogram.of(second))
    other.merge(Histogram.of(first))
    assert one.as_json() == other.as_json()


@given(durations, st.integers(1, 10_000))
def test_a_quantile_is_within_four_permille_of_the_exact_one(values, share):
    exact = sorted(values)[max(1, -(-len(values) * share // 10_000)) - 1]
    assert abs(Histogram.of(values).quantile(share) - exact) * 1000 <= 4 * exact


@given(durations)
def test_nothing_is_lost_and_the_extremes_are_exact(values):
    made = Histogram.of(values).as_json()
    assert made["count"] == sum(count for _, _, count in made["buckets"]) == len(values)
    assert (made["min"], made["max"]) == (min(values), max(values))


@given(durations)
def test_written_buckets_can_be_read_back_and_merged(values):
    again = Histogram.from_json(Histogram.of(values).as_json())
    assert again.buckets() == Histogram.of(values).buckets()
    assert (again.count, again.largest) == (len(values), max(values))


def test_an_empty_histogram_says_nothing():
    empty = Histogram()
    assert (empty.count, empty.quantile(9900), empty.mean, empty.interval(5000)) == (0, 0, 0, None)
    assert empty.as_json()["buckets"] == []


def test_values_outside_of_the_range_are_kept_at_its_ends():
    made = Histogram.of([-5, VALUE_MAX * 2])
    assert (made.smallest, made.largest, made.count) == (0, VALUE_MAX, 2)


@pytest.mark.parametrize("share", [5000, 9000, 9900])
def test_intervals_cover_the_true_quantile_about_as_often_as_they_say(share):
    source = random.Random(7)
    covered = 0
    for _ in range(200):
        low, high = Histogram.of(source.randrange(100_000) for _ in range(2000)).interval(share)
        covered += low * 0.996 <= share * 10 <= high * 1.004
    assert covered >= 0.92 * 200


def test_too_few_values_have_no_interval_for_the_far_tail():
    assert Histogram.of(range(100)).interval(9990) is None
