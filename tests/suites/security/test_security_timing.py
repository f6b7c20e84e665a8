"""Comparing times: real differences are seen in few attempts, noise is not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.timing import FLOOR_US, Rounds, compare, in_rounds

SAMPLES = st.lists(st.integers(1, 10**7), min_size=1, max_size=30)


def noisy(base_us: int, number: int, chance: random.Random) -> list[int]:
    """Return times as a busy machine gives them: a floor, jitter, and now and then a long pause."""
    return [base_us + int(chance.expovariate(1 / 2_000)) + chance.choice([0] * 9 + [40_000]) for _ in range(number)]


def test_hashing_or_not_is_seen_through_noise() -> None:
    chance = random.Random(1)
    verdicts = [compare(noisy(14_000, 12, chance), noisy(3_000, 12, chance)) for _ in range(300)]
    assert all(verdict.differs and verdict.slower == "first" for verdict in verdicts)


def test_equal_work_is_rarely_taken_for_a_difference_and_never_twice_again() -> None:
    """Three independent rounds must agree before a product is accused: the chance is the cube of this one."""
    chance = random.Random(2)
    called = sum(compare(noisy(14_000, 12, chance), noisy(14_000, 12, chance)).differs for _ in range(2_000))
    assert called <= 20


@given(SAMPLES, SAMPLES)
def test_the_sides_can_be_exchanged(first: list[int], second: list[int]) -> None:
    there, back = compare(first, second), compare(second, first)
    assert there.differs == back.differs
    assert (there.first_us, there.second_us) == (back.second_us, back.first_us)
    if there.differs:
        assert there.slower != back.slower


@given(SAMPLES)
def test_a_sample_does_not_differ_from_itself(sample: list[int]) -> None:
    assert not compare(sample, sample).differs


def test_differences_too_small_to_be_measured_are_none() -> None:
    assert not compare([1_000] * 12, [1_000 + FLOOR_US // 2] * 12).differs
    assert not compare([100_000] * 12, [110_000] * 12).differs
    assert compare([1_000] * 12, [4_000] * 12).differs


def test_an_empty_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        compare([], [1])


# -- rounds ---------------------------------------------------------------------------------------------------------

SIZES = (5, 12, 12)


def rounds(*gaps_us: int, spread_us: int = 0) -> Rounds:
    """Compare an attempt with one that is slower by so much, in one round after another."""
    gaps = iter([gap for gap, pairs in zip(gaps_us, SIZES, strict=False) for _ in range(pairs)])
    chance = random.Random(3)
    return in_rounds(lambda: 10_000, lambda: 10_000 + next(gaps) + chance.randint(0, spread_us), SIZES, chance)


def test_a_difference_counts_when_every_round_shows_it() -> None:
    found = rounds(9_000, 8_000, 7_000)
    assert (found.confirmed, found.number, found.last.slower) == (True, 3, "second")
    assert found.noted("here", "there") == {"here": 10_000, "there": 17_000, "rounds": 3}
    assert found.described("here", "there") == "here 10.0 ms, there 17.0 ms, in 3 rounds"


@pytest.mark.parametrize(
    ("gaps_us", "number"), [((0,), 1), ((9_000, 0), 2), ((9_000, 9_000, 0), 3), ((9_000, -9_000), 2)]
)
def test_a_round_that_does_not_bear_out_the_first_is_the_last(gaps_us: tuple[int, ...], number: int) -> None:
    found = rounds(*gaps_us)
    assert (found.confirmed, found.number) == (False, number)


def test_times_that_vary_widely_are_restless() -> None:
    assert rounds(0, 0, 0, spread_us=900_000).restless
    assert not rounds(0).restless


def test_no_round_is_an_error() -> None:
    with pytest.raises(ValueError, match="no round"):
        in_rounds(lambda: 1, lambda: 1, (), random.Random(3))


def test_either_of_a_pair_may_go_first() -> None:
    asked: list[str] = []

    def attempt(side: str) -> int:
        asked.append(side)
        return 1

    in_rounds(lambda: attempt("first"), lambda: attempt("second"), (20,), random.Random(3))
    pairs = set(zip(asked[::2], asked[1::2], strict=True))
    assert pairs == {("first", "second"), ("second", "first")}
