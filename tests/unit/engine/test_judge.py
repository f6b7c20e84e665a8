"""How the end of a check becomes an outcome; nothing but a clean end with evidence is a pass."""

from functools import partial

import pytest

from conformance.engine.judge import DeadlineExceeded, Traces, judge
from conformance.model.outcome import Blame, CheckOutcome, Outcome
from conformance.sdk.evidence import Evidence
from conformance.sdk.findings import Finding, Inconclusive, NotApplicable, NotTested


def outcome_of(error: BaseException | None, *, should: bool = False, exchanges: int = 1) -> CheckOutcome:
    traces = Traces()
    for seq in range(1, exchanges + 1):
        traces.add(seq, f"curl {seq}")
    evidence = Evidence("run", "X-1")
    return judge("X-1", error, should=should, evidence=evidence, traces=traces, elapsed_ms=5, attempt=1)


def test_a_clean_end_with_evidence_is_a_pass_and_shows_no_curl() -> None:
    outcome = outcome_of(None)
    assert (outcome.outcome, outcome.exchanges, outcome.curl) == (Outcome.PASSED, ((1, 1),), ())


def test_commands_are_composed_only_for_who_reads_them() -> None:
    composed: list[int] = []

    def command(seq: int) -> str:
        composed.append(seq)
        return f"curl {seq}"

    traces = Traces()
    for seq in range(1, 101):
        traces.add(seq, partial(command, seq))
    assert composed == []
    kept = [*range(1, 11), *range(61, 101)]  # the set-up, which fetches tokens, and the end
    assert traces.composed() == tuple((seq, f"curl {seq}") for seq in kept)
    assert traces.ranges() == ((1, 100),)


def test_a_clean_end_without_evidence_is_not_a_pass() -> None:
    outcome = outcome_of(None, exchanges=0)
    assert (outcome.outcome, outcome.blame) == (Outcome.INCONCLUSIVE, Blame.HARNESS)


@pytest.mark.parametrize(
    ("error", "outcome", "blame"),
    [
        (Finding("must debit once", expected="1", actual="2"), Outcome.FAILED, Blame.PRODUCT),
        (AssertionError("plain"), Outcome.FAILED, Blame.PRODUCT),
        (NotTested("no pool", blame="CONFIG"), Outcome.NOT_TESTED, Blame.CONFIG),
        (NotApplicable("no cards"), Outcome.NOT_APPLICABLE, None),
        (Inconclusive("twin refused", blame="PRODUCT"), Outcome.INCONCLUSIVE, Blame.PRODUCT),
        (DeadlineExceeded("30 s"), Outcome.INCONCLUSIVE, Blame.PRODUCT),
        (KeyError("amount"), Outcome.INCONCLUSIVE, Blame.HARNESS),
    ],
)
def test_each_end_has_its_outcome(error: BaseException, outcome: Outcome, blame: Blame | None) -> None:
    found = outcome_of(error)
    assert (found.outcome, found.blame) == (outcome, blame)
    assert found.reason


def test_a_finding_keeps_expected_actual_and_its_first_and_last_requests() -> None:
    outcome = outcome_of(Finding("must debit once", expected="1", actual="2"), exchanges=60)
    assert (outcome.expected, outcome.actual) == ("1", "2")
    kept = (*range(1, 11), *range(21, 61))
    assert outcome.curl == tuple(f"curl {number}" for number in kept)
    assert outcome.curl_exchanges == kept


def test_a_failed_should_only_warns() -> None:
    assert outcome_of(Finding("better"), should=True).outcome is Outcome.WARNED


def test_a_skip_is_never_a_pass() -> None:
    try:
        pytest.skip("not today")
    except BaseException as skipped:
        outcome = outcome_of(skipped)
    assert outcome.outcome is Outcome.INCONCLUSIVE
    assert "never a pass" in outcome.reason


def test_an_outcome_survives_its_json() -> None:
    outcome = outcome_of(Finding("must debit once", expected="1", actual="2"), exchanges=2)
    assert CheckOutcome.from_json(outcome.as_json()) == outcome
