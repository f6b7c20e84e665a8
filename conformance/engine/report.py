"""The report statement: what was tested and found, made from the plan and the outcomes.

ISO/IEC 17025 7.8.2 names what a test report holds: identification, item, method, dates, results, the note that
results relate to the item tested only, and the decision rule (7.8.6).
"""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import conformance
from conformance.engine.matrix import SuiteCalibration, matrix_digest
from conformance.engine.plan import plan_digest
from conformance.engine.world import SuiteContents, World
from conformance.files.profile_file import profile_digest
from conformance.files.waiver_file import Waiver
from conformance.model.candidate import CandidateFile
from conformance.model.outcome import Blame, CheckOutcome, Outcome, worst
from conformance.model.plan import Plan
from conformance.model.profile import Profile
from conformance.model.requirement import Requirement
from conformance.model.verdict import Judged, decide
from conformance.plugins import PluginSource

PREDICATE_TYPE = "urn:fintech-conformance:report:v1"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True)
class ReportInput:
    """Everything a report is made from."""

    plan: Plan
    world: World
    profile: Profile
    candidate: CandidateFile
    candidate_digest: str
    outcomes: Mapping[str, CheckOutcome]
    load: tuple[Mapping[str, Any], ...]
    calibrations: tuple[SuiteCalibration, ...]
    evidence: Mapping[str, Any]
    plugins: tuple[PluginSource, ...]
    waivers: tuple[Waiver, ...]
    issuer: Mapping[str, Any]
    mode: str
    started_at: float
    finished_at: float
    attempts: int
    limitations: tuple[str, ...] = ()


def make_statement(source: ReportInput) -> dict[str, Any]:
    """Return the in-toto statement whose canonical bytes are signed."""
    outcomes = {item.id: _calibrated(source, item.id, _settled(source, item.id)) for item in source.plan.checks}
    rows = [
        _row(source, contents, item, outcomes)
        for contents in source.world.suites
        for item in contents.catalogue.requirements
    ]
    verdict, reasons = decide(source.profile.rule, [_judged(row) for row in rows])
    predicate = {
        **_identification(source),
        "plan": _plan_part(source),
        "chapters": _chapters(source.world),
        "standards": _standards(source.world),
        "requirements": rows,
        "outcomes": [_outcome_row(source, outcomes[item.id], item.suite) for item in source.plan.checks],
        "load": [dict(item) for item in source.load],
        "calibration": {
            "digest": matrix_digest(list(source.calibrations)),
            "suites": [item.as_json() for item in source.calibrations],
        },
        "evidence": dict(source.evidence),
        "waivers": [item.as_json() for item in source.waivers],
        "counts": _counts(rows),
        "verdict": {"value": verdict.value, "reasons": list(reasons)},
        "limitations": _limitations(source, rows),
    }
    subject = f"{source.candidate.name} {source.candidate.version}"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject, "digest": {"sha256": source.candidate_digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def _identification(source: ReportInput) -> dict[str, Any]:
    file, profile = source.candidate, source.profile
    return {
        "schema": "conformance/report/v1",
        "critical": [],
        "id": source.plan.run,
        "issuedAt": instant(source.finished_at),
        "mode": source.mode,
        "selfDeclared": source.mode == "self-test",
        "issuer": dict(source.issuer),
        "harness": {"name": "fintech-conformance", "version": conformance.__version__},
        "plugins": [item.as_json() for item in source.plugins],
        "candidate": {
            "name": file.name,
            "version": file.version,
            "vendor": file.vendor,
            "baseUrl": file.base_url,
            "driver": file.driver,
            "supports": list(file.supports),
            "digest": source.candidate_digest,
        },
        "profile": {
            "id": profile.id,
            "version": profile.version,
            "title": profile.title.as_json(),
            "digest": profile_digest(profile),
            "parameters": {key: dict(value) for key, value in source.plan.parameters.items()},
        },
        "decisionRule": profile.rule.as_json(),
        "environment": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cpus": os.cpu_count() or 0,
            "startedAt": instant(source.started_at),
            "finishedAt": instant(source.finished_at),
            "attempts": source.attempts,
        },
    }


def instant(seconds: float) -> str:
    """Return a UTC instant as ``2026-01-02T03:04:05Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _plan_part(source: ReportInput) -> dict[str, Any]:
    return {
        "digest": plan_digest(source.plan),
        "document": source.plan.as_json(),
        "requirements": list(source.plan.requirements),
        "checks": [
            {"id": item.id, "requirement": item.requirement, "suite": item.suite, "scenarios": list(item.scenarios)}
            for item in source.plan.checks
        ],
        "scenarios": [item.id for item in source.plan.scenarios],
    }


def _settled(source: ReportInput, check: str) -> CheckOutcome:
    planned = next(item for item in source.plan.checks if item.id == check)
    if planned.settled:
        return CheckOutcome(check, Outcome(planned.settled[0]), planned.settled[1], attempts=0)
    found = source.outcomes.get(check)
    if found is None:
        reason = "planned, but it left no outcome"
        return CheckOutcome(check, Outcome.INCONCLUSIVE, reason, Blame.HARNESS, attempts=0)
    return found


def _calibrated(source: ReportInput, check: str, outcome: CheckOutcome) -> CheckOutcome:
    """Turn a pass that no current calibration backs into an inconclusive one, if the rule asks for it."""
    if outcome.outcome is not Outcome.PASSED or not source.profile.rule.calibration_required:
        return outcome
    proven = {name for item in source.calibrations if item.current for name in item.calibrated()}
    if check in proven:
        return outcome
    reason = "passed, but no current calibration proves that this check can fail; run `conformance calibrate`"
    return replace(outcome, outcome=Outcome.INCONCLUSIVE, reason=reason, blame=Blame.HARNESS)


def _row(
    source: ReportInput, contents: SuiteContents, requirement: Requirement, outcomes: Mapping[str, CheckOutcome]
) -> dict[str, Any]:
    mine = [outcomes[item.id] for item in source.plan.checks if item.requirement == requirement.id]
    outcome, reason = _requirement_outcome(source, requirement, mine)
    return {
        "id": requirement.id,
        "suite": contents.id,
        "chapter": requirement.chapter,
        "title": requirement.title.as_json(),
        "level": requirement.level.value,
        "severity": requirement.severity.value,
        "method": requirement.method.value,
        "clauses": [clause.as_json() for clause in requirement.clauses],
        "why": requirement.why.as_json(),
        "fix": requirement.fix.as_json(),
        "selected": requirement.id in source.plan.requirements,
        "outcome": outcome.value,
        "reason": reason,
        "checks": [item.check for item in mine],
    }


def _requirement_outcome(
    source: ReportInput, requirement: Requirement, mine: list[CheckOutcome]
) -> tuple[Outcome, str]:
    if not mine:
        if requirement.not_tested:
            return Outcome.NOT_TESTED, requirement.not_tested.en
        if requirement.id not in source.plan.requirements:
            return Outcome.NOT_TESTED, f"not selected by profile {source.profile.id}"
        return Outcome.NOT_TESTED, "no installed check decides it"
    outcome = worst([item.outcome for item in mine])
    reason = next((item.reason for item in mine if item.outcome is outcome), "")
    waiver = next((item for item in source.waivers if item.requirement == requirement.id), None)
    if waiver and outcome is Outcome.FAILED:
        text = (
            f"waived until {waiver.expires.isoformat()} by {waiver.approver}: {waiver.justification}; it was: {reason}"
        )
        return Outcome.WAIVED, text
    return outcome, reason


def _judged(row: Mapping[str, Any]) -> Judged:
    from conformance.model.requirement import Level, Severity

    return Judged(row["id"], Level(row["level"]), Severity(row["severity"]), Outcome(row["outcome"]), row["selected"])


def _outcome_row(source: ReportInput, outcome: CheckOutcome, suite: str) -> dict[str, Any]:
    planned = next(item for item in source.plan.checks if item.id == outcome.check)
    contents = source.world.suite(suite)
    requirement = contents.catalogue.find(planned.requirement) if contents else None
    title = requirement.title.as_json() if requirement else {"en": outcome.check, "zh-CN": outcome.check}
    remedy = requirement.fix.as_json() if requirement and outcome.outcome is not Outcome.PASSED else None
    return {**outcome.as_json(), "requirement": planned.requirement, "suite": suite, "title": title, "remedy": remedy}


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    found = Counter(row["outcome"] for row in rows if row["selected"])
    return {item.value: found.get(item.value, 0) for item in Outcome}


def _chapters(world: World) -> list[dict[str, Any]]:
    return [
        {"suite": contents.id, "id": key, "title": title.as_json()}
        for contents in world.suites
        for key, title in contents.catalogue.chapters.items()
    ]


def _standards(world: World) -> list[dict[str, Any]]:
    found = {item.id: item for contents in world.suites for item in contents.catalogue.standards}
    return [{"id": item.id, "name": item.name, "title": item.title.as_json()} for item in found.values()]


def _limitations(source: ReportInput, rows: list[dict[str, Any]]) -> list[str]:
    unselected = sum(1 for row in rows if not row["selected"])
    notes = [
        "Results relate only to the item tested, in the configuration described here.",
        "This report may be copied only in full.",
    ]
    if unselected:
        notes.append(
            f"{unselected} requirements of the installed catalogues are not part of profile {source.profile.id} "
            f"{source.profile.version}; they are listed as not tested and the verdict does not cover them."
        )
    stale = [item.suite for item in source.calibrations if not item.current]
    if stale:
        notes.append(f"The calibration of {', '.join(stale)} is not of the code that ran.")
    return [*notes, *source.limitations]
