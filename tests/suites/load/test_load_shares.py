"""Shares of a rate: defaults fit together, wrong ones are named with their remedy."""

import pytest

from conformance.errors import ConfigError
from conformance_load.calibrating import CALIBRATION
from conformance_load.shares import DEFAULTS, OPERATIONS, require_rates, shares_of


def test_the_defaults_make_one_whole_of_all_operations():
    shares = shares_of({})
    assert [share.operation for share in shares] == list(OPERATIONS.values())
    assert sum(share.permille for share in shares) == 1000


def test_calibration_names_limits_that_exist():
    assert DEFAULTS.keys() >= {name for name in CALIBRATION["scenarios"]["shop-day"] if name.endswith("_p99_ms_max")}


def test_a_share_of_nothing_leaves_the_stream_out():
    assert [share.name for share in shares_of({"token_permille": 0, "code_permille": 0})] == [
        "pay",
        "read",
        "balance",
        "refund",
        "refund_race",
        "code_pay",
    ]


def test_a_share_becomes_a_rate_of_at_least_one():
    first, *_, last = shares_of({"pay_permille": 400, "token_permille": 1})
    assert first.rate_of(1000) == 400
    assert last.rate_of(100) == 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"read_permille": 151}, "the shares of the streams make 1001"),
        ({"pay_permille": 0}, "0 is not a whole number of 1 or more"),
        ({"read_p99_ms_max": 0}, "0 is not a whole number of 1 or more"),
        ({"read_permille": "many"}, "'many' is not a whole number of 0 or more"),
        ({"token_error_permille_max": True}, "True is not a whole number"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(parameters, words):
    with pytest.raises(ConfigError, match=words) as error:
        shares_of(parameters)
    assert error.value.remedy


def test_streams_may_reach_what_is_allowed_together_and_no_more():
    shares = shares_of({})
    require_rates(shares, 100, 2, "burst", 200)
    with pytest.raises(ConfigError, match="the streams reach 200 per second together, but the candidate allows 199"):
        require_rates(shares, 100, 2, "burst", 199)


def test_small_shares_count_with_the_rate_that_they_become():
    with pytest.raises(ConfigError, match="the streams reach 8 per second together, but the candidate allows 3"):
        require_rates(shares_of({}), 3, 1, "constant", 3)


def test_a_trace_has_no_shares():
    with pytest.raises(ConfigError, match="a trace has no rate"):
        require_rates(shares_of({}), 100, 1, "trace", 1000)
