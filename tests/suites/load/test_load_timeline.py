"""What seconds show: recovery, cliffs and decay."""

from hypothesis import given
from hypothesis import strategies as st

from conformance_load.timeline import CARRIED_PERMILLE, cliff, quarters, recovered_ms, silent_from

LIMIT_US = 100_000


def row(second, good=True, offered=100, p99=5_000):
    answered = offered if good else offered // 2
    return {
        "s": second, "offered": offered, "sent": offered, "confirmed": answered, "replayed": 0, "expected": 0,
        "refused": 0, "broken": 0, "p99Us": p99,
    }  # fmt: skip


def rows(goods):
    """Seconds, and the row behind them that collects what came late."""
    return [*(row(second, good) for second, good in enumerate(goods)), row(len(goods), False, 0)]


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 12))
def test_recovery_is_the_first_second_from_which_all_are_carried(goods, start):
    found = recovered_ms(rows(goods), start, LIMIT_US)
    ends = [second for second in range(start, len(goods)) if all(goods[second:])]
    assert found == ((ends[0] + 1 - start) * 1000 if ends else None)


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_a_cliff_is_the_first_of_two_seconds_that_are_not_carried_or_the_last(goods):
    found = cliff(rows(goods), LIMIT_US)
    falls = [
        place for place, good in enumerate(goods) if not good and (place + 1 == len(goods) or not goods[place + 1])
    ]
    assert (found["s"] if found else None) == (falls[0] if falls else None)


def test_a_second_is_not_carried_when_it_is_slow_or_broken_or_unanswered():
    few = 100 * CARRIED_PERMILLE // 1000
    assert recovered_ms([row(0) | {"confirmed": few}, row(1)], 0, LIMIT_US) == 1000
    for bad in ({"confirmed": few - 1}, {"p99Us": LIMIT_US + 1}, {"broken": 6}):
        assert recovered_ms([row(0) | bad, row(1)], 0, LIMIT_US) is None


def test_only_a_refusal_that_is_right_carries_a_second():
    turned_away = row(0) | {"confirmed": 0, "refused": 100}
    assert recovered_ms([turned_away, row(1)], 0, LIMIT_US) is None
    fall = cliff([turned_away, row(1)], LIMIT_US)
    assert fall == {"s": 0, "offered": 100, "answered": 0, "p99Us": 5_000}
    rightly = row(0) | {"confirmed": 50, "replayed": 20, "expected": 30}
    assert recovered_ms([rightly, row(1)], 0, LIMIT_US) == 1000


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_silence_is_two_or_more_seconds_at_the_end_that_are_not_carried(goods):
    ends = [second for second in range(len(goods) - 1) if not any(goods[second:])]
    assert silent_from(rows(goods), LIMIT_US) == (ends[0] if ends else None)


def test_quarters_are_typical_seconds_at_both_ends():
    seconds = [row(second, p99=1000 * (1 + second // 2)) for second in range(8)]
    assert quarters([*seconds, row(8, p99=10**9)]) == (1000, 4000)
    assert quarters([row(0, p99=7), row(1)]) == (7, 7)
    assert quarters([row(0)]) == (0, 0)
