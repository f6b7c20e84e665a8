"""Repetitions: what they show does not depend on the order in which their answers come."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.sdk import Accepted, Broken, Exchange, Refused
from conformance_load.arrivals import Kind
from conformance_load.ids import Book
from conformance_load.making import Shot
from conformance_load.repeats import Repeats

BOOK = Book("run", 5, 100, uncovered_every=10)
EXCHANGE = Exchange(1, 422)
BROKEN = Broken("timeout", "", EXCHANGE)
REFUSED = Refused("no", EXCHANGE)


def accepted(identifier):
    return Accepted({"id": identifier}, EXCHANGE)


def repeats_of(*kinds, number=0):
    return Repeats([Shot(kind, number, b"") for kind in kinds], BOOK)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (accepted("p"), accepted("p"), "same"),
        (accepted("p"), accepted("q"), "different"),
        (accepted("p"), REFUSED, "oneRefused"),
        (REFUSED, accepted("p"), "oneRefused"),
        (REFUSED, REFUSED, "neither"),
        (BROKEN, accepted("p"), "broken"),
        (REFUSED, BROKEN, "broken"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_pair_is_judged_by_both_answers(first, second, expected, turned):
    repeats = repeats_of(Kind.PAYMENT, Kind.TWIN)
    answers = [(Kind.PAYMENT, first), (Kind.TWIN, second)]
    for kind, answer in reversed(answers) if turned else answers:
        assert repeats.twins().made == 0
        repeats.note(kind, 0, answer)
    zero = dict.fromkeys(("same", "different", "oneRefused", "neither", "broken"), 0)
    assert repeats.twins().as_json() == zero | {"made": 1, expected: 1}
    assert repeats.replays().made == 0


def test_a_pair_without_cover_is_rightly_refused_twice():
    repeats = repeats_of(Kind.PAYMENT, Kind.TWIN, number=9)
    for kind in (Kind.PAYMENT, Kind.TWIN):
        repeats.note(kind, 9, REFUSED)
    assert (repeats.twins().refused, repeats.twins().neither) == (1, 0)


def test_one_of_a_pair_counts_as_confirmed_and_one_as_repeated():
    repeats = repeats_of(Kind.PAYMENT, Kind.TWIN)
    repeats.note(Kind.TWIN, 0, accepted("p"))
    assert repeats.is_first(0)
    repeats.note(Kind.PAYMENT, 0, accepted("p"))
    assert not repeats.is_first(0)
    assert repeats.is_first(1)


def test_a_first_request_may_be_refused_only_where_its_twin_was_taken_or_is_under_way():
    repeats = repeats_of(Kind.PAYMENT, Kind.TWIN)
    assert not repeats.may_refuse(0, REFUSED)
    assert repeats.may_refuse(0, Refused("busy", Exchange(1, 409)))
    repeats.note(Kind.TWIN, 0, accepted("p"))
    assert repeats.may_refuse(0, REFUSED)
    assert not repeats.may_refuse(1, REFUSED)


ANSWERS = st.sampled_from([accepted("p"), accepted("q"), REFUSED, BROKEN])


@given(ANSWERS, st.lists(st.tuples(ANSWERS, st.booleans()), min_size=1, max_size=4), st.randoms())
def test_replays_are_judged_alike_in_any_order(first, replays, chance):
    noted = [(Kind.REPLAY, answer, known) for answer, known in replays]
    repeats = repeats_of(Kind.PAYMENT, *(Kind.REPLAY for _ in replays))
    together = [*noted]
    together.insert(chance.randint(0, len(noted)), (Kind.PAYMENT, first, False))
    for kind, answer, known in together:
        repeats.note(kind, 0, answer, after_confirmation=known)
    found = repeats.replays()
    ids = [
        answer.value["id"]
        for _, answer, _ in itertools.chain([(None, first, None)], noted)
        if isinstance(answer, Accepted)
    ]
    named = ids[1:] if isinstance(first, Accepted) else ids
    assert found.made == len(replays)
    assert found.same == sum(name == ids[0] for name in named)
    assert found.different == sum(name != ids[0] for name in named)
    assert found.refused == sum(known and isinstance(answer, Refused) for answer, known in replays)


def test_only_covered_payments_that_nothing_repeats_are_plain():
    shots = [Shot(Kind.PAYMENT, 0, b""), Shot(Kind.PAYMENT, 1, b""), Shot(Kind.REPLAY, 1, b""), Shot(Kind.CUT, 2, b"")]
    shots.append(Shot(Kind.PAYMENT, 9, b""))
    repeats = Repeats(shots, BOOK)
    assert [repeats.is_plain(shot) for shot in shots] == [True, False, False, False, False]
