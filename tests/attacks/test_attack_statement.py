"""Reports that contradict themselves or their policy, signed by the trusted key and still refused: steps 5 to 11."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import small_run
from small_run import SmallRun, refused

from conformance.attest.envelope import PAYLOAD_TYPE, sign
from conformance.attest.policy import MODES, Policy, Role, TrustedKey, trusting

Edit = Callable[[dict[str, Any]], object]


# -- (5) to (10): what the report says about itself ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "code", "step"),
    [
        (lambda p: p.pop("limitations"), "SCHEMA", 5),
        (lambda p: p.update(schema="conformance/report/v2"), "SCHEMA", 5),
        (lambda p: p.update(mode="certified"), "SCHEMA", 5),
        (lambda p: p["outcomes"][0].update(outcome="perfect"), "SCHEMA", 5),
        (lambda p: p["requirements"][0].update(reason=None), "SCHEMA", 5),
        (lambda p: p.update(critical=["quantum"]), "CRITICAL_UNKNOWN", 5),
        (lambda p: p.update(selfDeclared=False), "SELF_DECLARED", 5),
        (lambda p: p.update(mode="audit"), "SELF_DECLARED", 5),
        (lambda p: p["issuer"].update(keyid=small_run.DIGEST), "ISSUER", 5),
        (lambda p: p.update(issuedAt="2026-01-05T00:00:00Z"), "ISSUED_LATER", 6),
        (lambda p: p.update(issuedAt="2026-02-31T00:00:00Z"), "ISSUED_NEVER", 6),
        (lambda p: p["candidate"].update(version="4.2.1"), "SUBJECT_NAME", 10),
    ],
)
def test_what_a_report_says_about_itself(run: SmallRun, edit: Edit, code: str, step: int) -> None:
    refused(run, run.reseal(edit), code, step)


def test_a_payload_that_is_no_object(run: SmallRun) -> None:
    refused(run, sign(b"[]", run.key), "SCHEMA", 5)


def test_a_vendor_key_cannot_sign_an_audit(run: SmallRun) -> None:
    keys = (TrustedKey("vendor", ("vendor",), run.key.public),)
    policy = Policy(keys, (Role("vendor", 1, ("self-test",)), Role("lab", 1, ("audit",))))
    assert run.verify(policy=policy).statement.mode == "self-test"
    envelope = run.reseal(lambda p: p.update(mode="audit", selfDeclared=False))
    refused(run, envelope, "MODE", 5, policy=policy)


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC), None, "KEY_NOT_VALID_AT_ISSUE"),
        (None, datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC), "KEY_NOT_VALID_NOW"),
    ],
)
def test_keys_outside_their_validity(run: SmallRun, begins: Any, ends: Any, code: str) -> None:
    keys = (TrustedKey("lab", ("lab",), run.key.public, begins, ends),)
    refused(run, None, code, 6, policy=Policy(keys, (Role("lab", 1, MODES),)))


@pytest.mark.parametrize(
    ("name", "step"), [("certificates", 6), ("timestamp", 7), ("registry", 8), ("status", 9), ("subject", 10)]
)
def test_a_demanded_proof_that_is_not_there(run: SmallRun, name: str, step: int) -> None:
    policy = Policy(run.policy.keys, run.policy.roles, frozenset({name}))
    refused(run, None, f"{name.upper()}_MISSING", step, policy=policy)


def test_demanded_evidence_that_was_not_given(run: SmallRun) -> None:
    refused(run, None, "EVIDENCE_MISSING", 12, policy=trusting(run.key.public, evidence=True), evidence_dir=None)


def test_another_product(run: SmallRun) -> None:
    assert run.verify(subject_digest="0" * 64).steps[9].status == "passed"
    refused(run, None, "SUBJECT", 10, subject_digest="1" * 64)


# -- (11) completeness: signed by the trusted key, and still refused ----------------------------------------------


def drop_outcome(p: dict[str, Any]) -> None:
    p["outcomes"].pop()
    p["requirements"][1].update(outcome="not tested")


def drop_from_plan_listing(p: dict[str, Any]) -> None:
    p["plan"]["checks"].pop()


def add_outcome(p: dict[str, Any]) -> None:
    p["outcomes"].append(small_run.outcome("SEC-3", "passed", 2))


def waive(p: dict[str, Any], expires: str | None) -> None:
    p["requirements"][1].update(outcome="waived")
    if expires:
        entry = {"requirement": "SEC-2", "justification": "known", "approver": "the certifier", "expires": expires}
        p["waivers"] = [entry]


def settle_in_plan(p: dict[str, Any]) -> None:
    p["plan"]["document"]["checks"][1]["settled"] = ["not tested", "no such operation"]


def plan_a_scenario(p: dict[str, Any]) -> None:
    p["plan"]["document"]["checks"][0]["scenarios"] = ["pay"]
    p["plan"]["document"]["scenarios"] = [{"id": "pay", "suite": "load"}]
    p["plan"]["scenarios"] = ["pay"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (drop_outcome, "OUTCOME_MISSING"),
        (drop_from_plan_listing, "PLAN_MISMATCH"),
        (lambda p: p["plan"]["document"]["checks"].pop(), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["requirements"].pop(), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["scenarios"].append("pay"), "PLAN_MISMATCH"),
        (lambda p: p["plan"]["document"].update(run="other"), "PLAN_OTHER_RUN"),
        (lambda p: p["plan"]["document"]["checks"].append(small_run.planned_check("SEC-1")), "PLAN_DUPLICATE"),
        (add_outcome, "OUTCOME_UNPLANNED"),
        (lambda p: p["outcomes"].append(p["outcomes"][0]), "OUTCOME_DUPLICATE"),
        (lambda p: p["outcomes"][0].update(requirement="SEC-2"), "OUTCOME_MISLABELLED"),
        (settle_in_plan, "SETTLED_CHANGED"),
        (lambda p: p["requirements"].pop(), "REQUIREMENT_MISSING"),
        (lambda p: p["requirements"].append(p["requirements"][0]), "REQUIREMENT_DUPLICATE"),
        (lambda p: p["requirements"][1].update(selected=False), "REQUIREMENT_SELECTION"),
        (lambda p: p["requirements"][1].update(checks=[]), "REQUIREMENT_CHECKS"),
        (lambda p: p["load"].append({"scenario": "pay"}), "LOAD_UNPLANNED"),
        (plan_a_scenario, "LOAD_MISSING"),
        (lambda p: p["outcomes"][0].update(exchanges=[]), "PASS_WITHOUT_EVIDENCE"),
        (lambda p: p["calibration"]["suites"][0]["matrix"][0].update(detected=False), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"]["suites"][0].update(current=False), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"]["suites"][0].update(sound={"SEC-1": "failed"}), "PASS_UNCALIBRATED"),
        (lambda p: p["calibration"].update(suites=[]), "PASS_UNCALIBRATED"),
        (lambda p: p["outcomes"][1].update(outcome="warned"), "MUST_ONLY_WARNED"),
        (lambda p: p["outcomes"][1].update(outcome="waived"), "CHECK_WAIVED"),
        (lambda p: p["outcomes"][1].update(attempts=2), "ATTEMPT_HIDDEN"),
        (lambda p: p["candidate"].update(digest=f"sha256:{'1' * 64}"), "PLAN_INPUTS"),
        (lambda p: p["profile"].update(digest=f"sha256:{'1' * 64}"), "PLAN_INPUTS"),
        (lambda p: p["profile"].update(parameters={"slo": 1}), "PLAN_INPUTS"),
        (lambda p: p["requirements"][1].update(outcome="passed"), "REQUIREMENT_OUTCOME"),
        (lambda p: p["requirements"][1].update(outcome="not applicable"), "REQUIREMENT_OUTCOME"),
        (lambda p: p["requirements"][0].update(outcome="waived"), "WAIVER_UNNEEDED"),
        (lambda p: waive(p, None), "WAIVER_MISSING"),
        (lambda p: waive(p, "2026-01-01"), "WAIVER_EXPIRED_AT_ISSUE"),
        (lambda p: waive(p, "2026-01-02"), "WAIVER_EXPIRED"),
        (lambda p: waive(p, "2026-02-31"), "WAIVER_DATE"),
    ],
)
def test_incomplete_or_inconsistent_reports(run: SmallRun, edit: Edit, code: str) -> None:
    refused(run, run.reseal(edit), code, 11)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda p: p["plan"].update(digest=small_run.DIGEST), "PLAN_DIGEST"),
        (lambda p: p["plan"]["document"]["parameters"].update(slo=1), "PLAN_DIGEST"),
        (lambda p: p["calibration"].update(digest=small_run.DIGEST), "CALIBRATION_DIGEST"),
        (lambda p: p["counts"].update(passed=2), "COUNTS_MISMATCH"),
        (lambda p: p["verdict"].update(value="conformant", reasons=[]), "VERDICT_MISMATCH"),
        (lambda p: p["verdict"].update(reasons=["a trifle"]), "VERDICT_REASONS"),
        (lambda p: p["decisionRule"].update(failAt="critical"), "VERDICT_MISMATCH"),
    ],
)
def test_what_was_computed_is_computed_again(run: SmallRun, edit: Edit, code: str) -> None:
    statement = run.changed()
    edit(statement["predicate"])
    refused(run, run.envelope(statement), code, 11)


def test_a_waiver_holds_through_its_last_day(run: SmallRun) -> None:
    envelope = run.reseal(lambda p: waive(p, "2026-01-03"))
    assert run.verify(envelope).statement.verdict == "conformant"
    refused(run, envelope, "WAIVER_EXPIRED", 11, now=small_run.NOW + datetime.timedelta(days=1))


def test_steps_that_nobody_demanded_say_so(run: SmallRun) -> None:
    statuses = {step.name: step.status for step in run.verify(evidence_dir=None).steps}
    silent = ["certificates", "timestamp", "registry", "status", "subject", "evidence", "renderings"]
    assert [name for name, status in statuses.items() if status == "not required by policy"] == silent
    assert PAYLOAD_TYPE in run.verify().steps[1].detail
