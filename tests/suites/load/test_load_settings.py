"""Parameters: wrong ones are refused with their place and remedy before anything is sent."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import ConfigError
from conformance_load.arrivals import FRESH, Arrival, Kind, arrange, simultaneous
from conformance_load.calibrating import CALIBRATION
from conformance_load.parameters import DEFAULTS
from conformance_load.recipes import SCENARIOS, parameters_of, published
from conformance_load.settings import Settings, check_parameters, require_memory
from conformance_load.shapes import schedule_of
from conformance_load.shares import shares_of
from conformance_load.shop_day import require_ahead


def test_the_defaults_are_good_and_calibration_only_changes_what_exists():
    made = Settings.of({}, 1000)
    assert made.length_s == DEFAULTS["duration_s"] + DEFAULTS["warmup_s"]
    assert {name: getattr(made, name) for name in DEFAULTS} == DEFAULTS
    assert CALIBRATION.keys() <= DEFAULTS.keys() | {"scenarios"}
    own = {item.id: item.parameters.keys() for item in SCENARIOS}
    for name, changes in CALIBRATION["scenarios"].items():
        assert changes.keys() <= DEFAULTS.keys() | own[name]
    assert Settings.of(CALIBRATION, 1000).rate_per_s == CALIBRATION["rate_per_s"]


@pytest.mark.parametrize(
    "parameters",
    [{"rate_per_s": 0}, {"rate_per_s": "100"}, {"duration_s": 1.5}, {"connections": True}, {"accounts": 1}],
)
def test_a_wrong_parameter_is_refused_with_its_place(parameters):
    with pytest.raises(ConfigError) as refusal:
        Settings.of(parameters, 1000)
    assert refusal.value.where == f"load.{next(iter(parameters))}"
    assert refusal.value.remedy


def test_a_rate_beyond_what_the_candidate_allows_is_refused():
    with pytest.raises(ConfigError, match="the candidate allows 50"):
        Settings.of({"rate_per_s": 51}, 50)
    with pytest.raises(ConfigError, match="the load reaches 60 per second"):
        Settings.of({"rate_per_s": 6, "shape": "burst", "burst_factor": 10}, 50)


def test_a_trace_beyond_what_the_candidate_allows_is_refused_before_anything_is_sent(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("0\n" * 50_000)
    candidate = SimpleNamespace(limits=SimpleNamespace(load_per_second_max=1000))
    with pytest.raises(ConfigError, match=r"the load reaches 500\d\d per second") as refusal:
        check_parameters({"shape": "trace", "trace": str(path), "rate_per_s": 10}, candidate)
    assert refusal.value.where == "load.trace"
    assert "slower trace" in refusal.value.remedy
    with pytest.raises(ConfigError, match="cannot be read"):
        check_parameters({"shape": "trace", "trace": str(tmp_path / "none")}, candidate)


def test_only_a_calibration_lets_a_part_decide_as_the_whole_does():
    candidate = SimpleNamespace(limits=SimpleNamespace(load_per_second_max=1000))
    with pytest.raises(ConfigError, match="only a calibration may"):
        check_parameters({"scaled_counts": 1}, candidate)
    check_parameters({}, candidate)


def test_a_shape_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="no shape of load") as refusal:
        Settings.of({"shape": "zigzag"}, 1000)
    assert "square" in refusal.value.remedy
    with pytest.raises(ConfigError, match="a trace needs a file"):
        Settings.of({"shape": "trace"}, 1000)
    with pytest.raises(ConfigError, match="not an absolute path") as refusal:
        Settings.of({"shape": "trace", "trace": "trace.txt"}, 1000)
    assert str(Path.cwd() / "trace.txt") in refusal.value.remedy
    with pytest.raises(ConfigError, match="would begin above it"):
        Settings.of({"shape": "ramp", "ramp_from_permille": 1001}, 100_000)
    with pytest.raises(ConfigError, match="leaves nothing of 8 s to recover"):
        Settings.of({"shape": "burst", "burst_at_s": 4, "burst_s": 4}, 10_000)


def test_one_factor_scales_rates_and_lengths_and_none_falls_below_one():
    large = {"rate_per_s": 1000, "duration_s": 3600, "scale_permille": 10, "rate_per_s_min": 1000, "p99_ms_max": 1000}
    made = Settings.of(large, 1000)
    assert (made.rate_per_s, made.duration_s, made.rate_per_s_min, made.p99_ms_max) == (10, 36, 10, 1000)
    tiny = Settings.of(large | {"scale_permille": 1}, 1000)
    assert (tiny.rate_per_s, tiny.duration_s) == (1, 3)


def test_a_run_that_would_not_fit_into_memory_is_refused():
    require_memory(3_600_000)
    with pytest.raises(ConfigError, match="holds in memory"):
        require_memory(10_000_001)


def test_parameters_of_others_are_left_alone():
    assert Settings.of({"something_else": "x", "calibration": {}}, 1000).connections == DEFAULTS["connections"]


@given(st.integers(1, 2000), st.integers(0, 70), st.integers(0, 70), st.integers(0, 70))
def test_arrivals_are_payments_once_each_plus_repetitions_of_earlier_ones(count, replay, cut, altered):
    settings = Settings.of({"replay_every": replay, "cut_every": cut, "altered_every": altered}, 1000)
    arrivals = arrange(settings, count)
    assert len(arrivals) == count
    fresh = [arrival.number for arrival in arrivals if arrival.kind in FRESH]
    assert fresh == list(range(len(fresh)))
    for kind, every in ((Kind.REPLAY, replay), (Kind.ALTERED, altered), (Kind.CUT, cut)):
        found = sum(arrival.kind is kind for arrival in arrivals)
        assert found <= -(-count // every) if every else found == 0
    for before, arrival in itertools.pairwise(arrivals):
        if arrival.kind is Kind.TWIN:
            assert before == Arrival(Kind.PAYMENT, arrival.number)
    seen = -1
    for arrival in arrivals:
        assert arrival.number == seen + 1 if arrival.kind in FRESH else 0 <= arrival.number <= seen
        seen = max(seen, arrival.number)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300), st.integers(1, 20))
def test_twins_are_due_at_the_moment_of_their_payment_and_all_others_when_they_were(steps, every):
    offsets = sorted(steps)
    arrivals = arrange(Settings.of({"twin_every": every}, 1000), len(offsets))
    moments = list(simultaneous(offsets, arrivals))
    assert moments == sorted(moments)
    for place, arrival in enumerate(arrivals):
        assert moments[place] == (moments[place - 1] if arrival.kind is Kind.TWIN else offsets[place])


TARGETS = [item.id for item in SCENARIOS if item.id.startswith("target-")]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_claims_what_its_own_parameters_offer(target):
    claim, own = published(target), Settings.of(parameters_of(target, {}), 10**6)
    share = parameters_of(target, {}).get("pay_permille", 1000)
    assert (claim.rate_per_s, claim.duration_s) == (own.rate_per_s * share // 1000, own.duration_s)
    assert claim.limits == {name: own.slo().get(name, 0) for name in ("p50MsMax", "p99MsMax", "longestMsMax")}
    if own.rate_per_s * own.duration_s <= 100_000:
        assert sum(1 for _ in schedule_of(own, 1)) == claim.payments + own.warmup_s * own.rate_per_s


def test_the_burst_of_a_target_is_among_the_payments_that_it_claims():
    assert published("target-tips").payments == 500 * 3000 + 2000 * 600


def test_the_published_figures_of_upi_fit_into_memory_as_they_are():
    given = parameters_of("target-upi", {})
    pay, read = shares_of(given)
    assert (pay.name, read.name) == ("pay", "read")
    require_ahead(Settings.of(given, 10**6), read, 1)


def test_streams_that_do_not_fit_into_memory_are_refused_with_the_length_that_does():
    given = {"rate_per_s": 100, "duration_s": 60, "warmup_s": 2}
    (read,) = [share for share in shares_of({"read_permille": 500, "pay_permille": 50}) if share.name == "read"]
    with pytest.raises(ConfigError, match=r"more than the 1,000 requests of payments\.read") as refusal:
        require_ahead(Settings.of(given, 1000), read, 1, most=1000)
    assert "Set duration_s to 17 or less" in refusal.value.remedy
    assert "Workers would not help" in refusal.value.remedy
    require_ahead(Settings.of(given | {"duration_s": 17}, 1000), read, 1, most=1000)
    with pytest.raises(ConfigError) as refusal:
        require_ahead(Settings.of(given, 1000), read, 1, most=40)
    assert refusal.value.remedy.startswith("Lower rate_per_s")
