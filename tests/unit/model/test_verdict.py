"""The decision rule: failures decide, the undecided is never passed over."""

from hypothesis import given
from hypothesis import strategies as st

from conformance.model.outcome import Outcome, worst
from conformance.model.requirement import Level, Severity
from conformance.model.verdict import DecisionRule, Judged, Verdict, decide


def judged(
    outcome: Outcome, severity: Severity = Severity.HIGH, level: Level = Level.MUST, selected: bool = True
) -> Judged:
    return Judged(f"X-{outcome.value}", level, severity, outcome, selected)


judgements = st.builds(
    Judged,
    id=st.text("ABC", min_size=1, max_size=3),
    level=st.sampled_from(Level),
    severity=st.sampled_from(Severity),
    outcome=st.sampled_from(Outcome),
    selected=st.booleans(),
)


def test_all_passed_is_conformant() -> None:
    assert decide(DecisionRule(), [judged(Outcome.PASSED)]) == (Verdict.CONFORMANT, ())


def test_a_failure_at_or_above_the_rule_is_not_conformant() -> None:
    verdict, reasons = decide(DecisionRule(fail_at=Severity.HIGH), [judged(Outcome.FAILED), judged(Outcome.PASSED)])
    assert verdict is Verdict.NOT_CONFORMANT
    assert reasons == ("X-failed failed (high)",)


def test_a_failure_below_the_rule_does_not_decide() -> None:
    rule = DecisionRule(fail_at=Severity.HIGH)
    assert decide(rule, [judged(Outcome.FAILED, Severity.LOW), judged(Outcome.PASSED)])[0] is Verdict.CONFORMANT


def test_nothing_passed_is_inconclusive() -> None:
    assert decide(DecisionRule(), [])[0] is Verdict.INCONCLUSIVE
    assert decide(DecisionRule(), [judged(Outcome.NOT_APPLICABLE)])[0] is Verdict.INCONCLUSIVE


def test_undecided_requirements_make_the_verdict_inconclusive() -> None:
    for outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_TESTED):
        verdict, reasons = decide(DecisionRule(), [judged(outcome), judged(Outcome.PASSED)])
        assert verdict is Verdict.INCONCLUSIVE
        assert reasons == (f"1 {outcome.value}, at most 0 allowed: X-{outcome.value}",)


def test_an_unselected_requirement_does_not_count() -> None:
    rows = [judged(Outcome.FAILED, selected=False), judged(Outcome.PASSED)]
    assert decide(DecisionRule(), rows)[0] is Verdict.CONFORMANT


@given(st.lists(judgements))
def test_conformant_means_no_failure_and_nothing_undecided(rows: list[Judged]) -> None:
    rule = DecisionRule(fail_at=Severity.LOW)
    counted = [row for row in rows if row.selected]
    if decide(rule, rows)[0] is Verdict.CONFORMANT:
        assert not any(row.outcome is Outcome.FAILED for row in counted)
        undecided = (Outcome.INCONCLUSIVE, Outcome.NOT_TESTED)
        assert not any(row.outcome in undecided and row.level is Level.MUST for row in counted)
        assert any(row.outcome is Outcome.PASSED for row in counted)


@given(st.lists(judgements), st.integers(0, 5))
def test_a_failure_can_never_improve_the_verdict(rows: list[Judged], place: int) -> None:
    order = [Verdict.CONFORMANT, Verdict.INCONCLUSIVE, Verdict.NOT_CONFORMANT]
    rule = DecisionRule()
    worse = [*rows[:place], judged(Outcome.FAILED, Severity.CRITICAL), *rows[place:]]
    assert order.index(decide(rule, worse)[0]) >= order.index(decide(rule, rows)[0])


def test_the_worst_outcome_wins_and_none_is_not_tested() -> None:
    assert worst([]) is Outcome.NOT_TESTED
    assert worst([Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE]) is Outcome.FAILED
    assert worst([Outcome.PASSED, Outcome.NOT_TESTED]) is Outcome.NOT_TESTED
    assert worst([Outcome.NOT_APPLICABLE, Outcome.PASSED]) is Outcome.PASSED


@given(st.builds(DecisionRule, st.sampled_from(Severity), st.integers(0, 9), st.integers(0, 9), st.booleans()))
def test_a_rule_survives_its_json(rule: DecisionRule) -> None:
    assert DecisionRule.from_json(rule.as_json()) == rule
