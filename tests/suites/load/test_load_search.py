"""The search for the highest rate: it finds the limit, says how well, and blames the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_load.search import Search, Trial, capacity_of
from conformance_load.settings import Settings


def searched(lowest, highest, carries, generator=10**9):
    def trial(rate):
        reasons = ("the generator was late",) if rate > generator else ()
        return Trial(rate, rate <= carries, reasons)

    search = Search(lowest, highest, trial)
    search.run()
    return search


@given(st.integers(1, 200), st.integers(200, 5000), st.integers(1, 6000))
def test_the_best_rate_is_carried_and_within_a_tenth_of_the_limit(lowest, highest, carries):
    search = searched(lowest, highest, carries)
    assert search.best <= carries
    if carries >= highest:
        assert (search.best, search.exact) == (highest, True)
    elif carries < lowest:
        assert (search.best, search.failed) == (0, lowest)
    else:
        assert search.exact
        assert search.best < search.failed
        assert carries <= search.best * 1.1 + 1


@given(st.integers(1, 200), st.integers(200, 5000), st.integers(1, 6000))
def test_a_search_never_sends_more_than_it_made_room_for(lowest, highest, carries):
    search = searched(lowest, highest, carries)
    settings = Settings.of(
        {"rate_per_s": highest, "search_from_per_s": lowest, "search_step_s": 2, "warmup_s": 1}, 10_000
    )
    assert sum(trial.rate_per_s * 3 for trial in search.trials) <= capacity_of(settings)


def test_a_generator_at_its_own_limit_ends_the_search_without_a_verdict_on_the_product():
    search = searched(10, 1000, carries=5000, generator=100)
    assert (search.best, search.failed) == (80, 0)
    assert not search.exact
    assert search.trials[-1].reasons


@given(st.integers(1, 200), st.integers(200, 5000), st.integers(1, 6000), st.integers(1, 6000))
def test_a_search_that_the_generator_ended_is_never_exact(lowest, highest, carries, generator):
    search = searched(lowest, highest, carries, generator)
    assert search.exact <= (not search.trials[-1].reasons)
    assert not search.failed or carries < search.failed <= generator


@pytest.mark.parametrize("carries", [1, 9])
def test_a_product_that_carries_nothing_ends_the_search_at_once(carries):
    search = searched(10, 1000, carries)
    assert (search.best, len(search.trials)) == (0, 1)
