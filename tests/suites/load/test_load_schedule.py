"""Laws of schedules: counts, order, rates, and merging."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import ConfigError
from conformance_load.schedule import (
    NS,
    busiest_second,
    constant,
    merged,
    poisson,
    ramp,
    replayed,
    share,
    square,
    step,
)
from conformance_load.settings import Settings
from conformance_load.shapes import per_second, schedule_of

rates = st.integers(1, 2000)
lengths = st.integers(1, 5)


@given(rates, lengths)
def test_constant_puts_the_rate_into_every_second_evenly(rate, length):
    times = list(constant(rate, length))
    assert len(times) == rate * length
    assert all(sum(second * NS <= at < (second + 1) * NS for at in times) == rate for second in range(length))
    gaps = {after - before for before, after in itertools.pairwise(times)}
    assert not gaps or max(gaps) - min(gaps) <= 1


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_poisson_is_ordered_reproducible_and_near_its_rate(seed):
    times = list(poisson(500, 4, seed))
    assert times == sorted(times) == list(poisson(500, 4, seed))
    assert all(0 <= at < 4 * NS for at in times)
    assert abs(len(times) - 2000) < 6 * 2000**0.5


@given(rates, rates, lengths)
def test_a_ramp_has_the_area_under_its_line(start, end, length):
    times = list(ramp(start, end, length))
    assert len(times) == (start + end) * length // 2
    assert times == sorted(times)
    assert all(0 <= at <= length * NS for at in times)


def test_a_ramp_reaches_half_of_its_rate_half_way():
    times = list(ramp(1, 1999, 2))
    first_half = sum(at < NS for at in times)
    assert abs(first_half - 500) <= 2


def test_a_step_bursts_where_it_says():
    times = list(step(10, 100, 2, 1, 2))
    seconds = [sum(second * NS <= at < (second + 1) * NS for at in times) for second in range(5)]
    assert seconds == [10, 10, 100, 10, 10]
    assert times == sorted(times)


@given(st.lists(st.tuples(rates, lengths), min_size=1, max_size=4))
def test_merged_streams_keep_every_arrival_and_its_stream(streams):
    found = list(merged(*(constant(rate, length) for rate, length in streams)))
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    for label, (rate, length) in enumerate(streams):
        assert [at for at, stream in found if stream == label] == list(constant(rate, length))


@given(rates, st.integers(1, 7))
def test_workers_share_a_stream_without_loss_or_overlap(rate, workers):
    parts = [list(share(constant(rate, 2), worker, workers)) for worker in range(workers)]
    assert sorted(itertools.chain(*parts)) == list(constant(rate, 2))


def test_a_square_wave_is_low_in_the_first_half_of_each_period_and_high_in_the_second():
    times = list(square(10, 100, 2, 5))
    assert [sum(second * NS <= at < (second + 1) * NS for at in times) for second in range(5)] == [10, 100, 10, 100, 10]
    assert times == sorted(times)


def test_a_trace_is_replayed_as_it_was_recorded(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("# offsets in microseconds\n\n0\n1500\n1500\n2000000\n9000000\n")
    assert list(replayed(path, 3)) == [0, 1_500_000, 1_500_000, 2 * NS]


@pytest.mark.parametrize("bad", ["2.5", "-1", "abc", "5\n4", "٣"])
def test_a_wrong_line_of_a_trace_is_named(tmp_path, bad):
    path = tmp_path / "trace.txt"
    path.write_text(bad + "\n")
    with pytest.raises(ConfigError) as refusal:
        list(replayed(path, 3))
    assert str(refusal.value.where).endswith(f"line {1 + bad.count(chr(10))}")


def test_a_missing_trace_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        replayed(tmp_path / "none", 3)


@pytest.mark.parametrize("shape", ["constant", "poisson", "ramp", "burst", "square"])
def test_every_shape_comes_after_its_warm_up_and_keeps_order(shape):
    made = Settings.of({"shape": shape, "rate_per_s": 40, "warmup_s": 2, "duration_s": 6}, 1000)
    times = list(schedule_of(made, 1))
    assert times == sorted(times)
    assert sum(at < 2 * NS for at in times) == 2 * (4 if shape == "ramp" else 40)
    assert sum(per_second(times, 2, 6)) == sum(at >= 2 * NS for at in times)


def test_a_burst_multiplies_its_seconds():
    made = Settings.of({"shape": "burst", "rate_per_s": 5, "warmup_s": 1, "duration_s": 6}, 1000)
    assert per_second(schedule_of(made, 1), 1, 6) == [5, 5, 50, 50, 5, 5]


@settings(max_examples=60)
@given(
    st.sampled_from(["constant", "ramp", "burst", "square"]),
    st.integers(1, 300),
    st.integers(0, 3),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_no_second_of_a_shape_exceeds_the_peak_that_is_compared_with_the_limit(shape, rate, warmup, period, start):
    given_ = {"shape": shape, "rate_per_s": rate, "warmup_s": warmup, "period_s": period, "ramp_from_permille": start}
    made = Settings.of(given_, 10_000)
    # A ramp's times are rounded: two of them a second apart may be a nanosecond nearer.
    assert busiest_second(schedule_of(made, 1)) <= made.peak_per_s + (shape == "ramp")


@given(st.lists(st.integers(0, 5 * NS), max_size=60))
def test_the_busiest_second_may_begin_anywhere(times):
    times.sort()
    expected = max((sum(start <= at < start + NS for at in times) for start in times), default=0)
    assert busiest_second(times) == expected


def test_the_peak_of_a_trace_is_that_of_its_file_and_its_warm_up(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("".join(f"{at}\n" for at in [*range(0, 2000, 2), 3_000_000]))
    trace = {"shape": "trace", "trace": str(path), "rate_per_s": 5}
    assert Settings.of(trace | {"warmup_s": 0}, 2000).peak_per_s == 1000
    # The last second of the warm-up and the first moments of the trace are one second, too.
    assert Settings.of(trace | {"warmup_s": 1}, 2000).peak_per_s == 1004
