"""Comparing times: real differences are seen in few attempts, noise is not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.timing import FLOOR_US, compare

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
