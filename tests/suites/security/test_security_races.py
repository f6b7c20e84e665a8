"""Races: a violation seen once fails, rounds that differ are undecided, and every round can be played again."""

import json
from collections.abc import Callable

import pytest

from conformance.sdk import Accepted, Broken, Evidence, Exchange, Finding, Inconclusive, Params, Refused
from conformance_security.races import _require_decided, rounds, shown, winners

PARAMS = Params({"race_rounds": 4})


def _play(endings: list[object]) -> Callable[[int], tuple[object, ...]]:
    left = iter(endings)

    def play(seed: int) -> tuple[object, ...]:
        ending = next(left)
        if isinstance(ending, Exception):
            raise ending
        return (ending,)

    return play


def _note(evidence: Evidence) -> dict[str, object]:
    [(_, text)] = evidence.notes
    noted: dict[str, object] = json.loads(text)
    return noted


def test_rounds_that_agree_pass_and_say_so() -> None:
    evidence = Evidence("run", "SEC-V09")
    rounds(evidence, PARAMS, "a race", _play([1, 1, 1, 1]))
    noted = _note(evidence)
    assert (noted["rounds"], noted["agreementPercent"], noted["result"]) == (4, 100, "no violation")


def test_rounds_that_differ_without_a_violation_are_undecided() -> None:
    evidence = Evidence("run", "SEC-V09")
    with pytest.raises(Inconclusive, match=r"3 × .*1.*1 × .*0"):
        rounds(evidence, PARAMS, "a race", _play([1, 1, 0, 1]))
    assert _note(evidence)["agreementPercent"] == 75


def test_a_violation_seen_once_fails_and_its_seed_is_kept() -> None:
    evidence = Evidence("run", "SEC-V09")
    with pytest.raises(Finding, match="twice"):
        rounds(evidence, PARAMS, "a race", _play([1, Finding("spent twice")]))
    noted = _note(evidence)
    assert len(noted["seeds"]) == 2  # type: ignore[arg-type]
    assert noted["result"] == "violated in the last round"


def test_the_seeds_are_the_runs_own_and_the_same_again() -> None:
    def seeds(run: str) -> object:
        evidence = Evidence(run, "SEC-V09")
        rounds(evidence, PARAMS, "a race", _play([1, 1, 1, 1]))
        return _note(evidence)["seeds"]

    assert seeds("one") == seeds("one") != seeds("two")


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Broken("throttled", "HTTP 429", Exchange(1, 429)), Inconclusive),
        (Broken("connection", "reset", Exchange(1)), Inconclusive),
        (Broken("server-error", "HTTP 500", Exchange(1, 500)), Finding),
        (Broken("timeout", "late", Exchange(1)), Finding),
    ],
)
def test_losing_a_race_is_a_refusal_and_nothing_else(answer: Broken, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        _require_decided(answer)


def test_answers_are_counted() -> None:
    answers = [Accepted({}, Exchange(1, 201)), Refused("a", Exchange(2, 409)), Refused("a", Exchange(3, 409))]
    assert winners(answers) == 1
    assert shown(answers) == "1 × accepted (HTTP 201), 2 × refused (HTTP 409, code a)"
