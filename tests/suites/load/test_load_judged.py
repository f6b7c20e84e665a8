"""What was judged: answers that show something are told from those that do not, and those are named."""

import pytest

from conformance.sdk import Accepted, Broken, Exchange, Refused
from conformance_load.arrivals import Kind
from conformance_load.crew.joining import summed
from conformance_load.ids import Book
from conformance_load.judged import KINDS_MAX, OTHERS, Judged, with_late, word_of
from conformance_load.making import Shot
from conformance_load.repeats import Repeats

BOOK = Book("run", 5, 100)
FAILED = Broken("server-error", "500", Exchange(1, 500))
GONE = Broken("connection", "reset", Exchange(1))
REFUSED = Refused("no", Exchange(1, 409))


def accepted(identifier):
    return Accepted({"id": identifier, "state": "accepted"}, Exchange(1, 201))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (FAILED, "HTTP 500"),
        (GONE, "connection"),
        (Broken("throttled", "", Exchange(1, 429)), "throttled"),
        (REFUSED, "refused (HTTP 409, code no)"),
        (accepted("p"), "accepted (HTTP 201)"),
        (Accepted({"state": "pending"}, Exchange(1, 202)), "pending (HTTP 202)"),
    ],
)
def test_an_answer_has_the_same_words_as_all_of_its_kind(answer, word):
    assert word_of(answer) == word


def test_what_came_instead_is_kept_by_kind_and_bounded():
    found = Judged()
    found.take(True, "good")
    for number in range(KINDS_MAX + 3):
        found.take(False, f"kind {number}")
    assert (found.made, found.judged, len(found.instead)) == (KINDS_MAX + 4, 1, KINDS_MAX + 1)
    assert found.instead[OTHERS] == 3


def test_answers_of_several_generators_are_added_up():
    parts = [
        {"judged": {"known": {"made": 2, "judged": 1, "instead": {"HTTP 500": 1}, "serverErrors": 1}}},
        {"judged": {"known": {"made": 3, "judged": 1, "instead": {"connection": 2}, "serverErrors": 0}}},
    ]
    assert summed(parts)["judged"]["known"] == {
        "made": 5, "judged": 2, "instead": {"HTTP 500": 1, "connection": 2}, "serverErrors": 1,
    }  # fmt: skip


def test_what_was_decided_afterwards_counts_but_never_more_than_was_made():
    found = {"made": 5, "judged": 2, "instead": {}}
    assert (with_late(found, 2)["judged"], with_late(found, 9)["judged"]) == (4, 5)


def judged_of(*answers):
    """Return what was judged of one key, of answers given with their kinds in order."""
    repeats = Repeats([Shot(kind, 0, b"") for kind, *_ in answers], BOOK)
    for kind, answer, *known in answers:
        repeats.note(kind, 0, answer, after_confirmation=bool(known))
    return repeats.judged()


def test_a_repetition_is_judged_by_the_payment_of_another_answer():
    named = judged_of((Kind.PAYMENT, accepted("p")), (Kind.REPLAY, accepted("p")), (Kind.REPLAY, GONE))["replays"]
    assert (named["made"], named["judged"], named["instead"]) == (2, 1, {"connection": 1})
    alone = judged_of((Kind.PAYMENT, FAILED), (Kind.REPLAY, accepted("p")))["replays"]
    assert (alone["made"], alone["judged"]) == (1, 0)


def test_only_repetitions_of_what_was_known_to_be_confirmed_must_be_answered():
    first = (Kind.PAYMENT, accepted("p"))
    known = judged_of(first, (Kind.REPLAY, FAILED), (Kind.REPLAY, REFUSED, 1), (Kind.REPLAY, FAILED, 1))["known"]
    assert known == {"made": 2, "judged": 1, "instead": {"HTTP 500": 1}, "serverErrors": 1}
    assert judged_of(first, (Kind.REPLAY, GONE, 1))["known"]["serverErrors"] == 0


def test_a_pair_is_judged_where_both_were_answered():
    assert judged_of((Kind.PAYMENT, accepted("p")), (Kind.TWIN, REFUSED))["twins"]["judged"] == 1
    pair = judged_of((Kind.PAYMENT, GONE), (Kind.TWIN, FAILED))["twins"]
    assert pair == {"made": 1, "judged": 0, "instead": {"connection": 1, "HTTP 500": 1}}
    assert judged_of((Kind.PAYMENT, GONE))["twins"]["made"] == 0
