"""Step 11: what was planned is what is reported, and the verdict follows from it.

Nothing the engine computed is believed: the plan's digest, each requirement's outcome, the counts and the verdict are
computed again from the signed outcomes and the signed decision rule.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import rfc8785

from conformance.attest.refusal import Refused, demand
from conformance.attest.statement import Statement, counts, judged
from conformance.model.outcome import Outcome, worst
from conformance.model.verdict import decide


def check_completeness(statement: Statement, now: datetime.datetime) -> str:
    """Return what was recomputed, in words; raises :class:`Refused`."""
    _plan(statement)
    _outcomes_match_plan(statement)
    _rows_match_plan(statement)
    _load(statement)
    _calibration(statement)
    proven = proven_checks(statement)
    for outcome in statement.outcomes:
        _outcome(statement, outcome, proven)
    for row in statement.requirements:
        _requirement(statement, row, now)
    _conclusion(statement)
    return f"{len(statement.outcomes)} planned checks, each with its outcome; verdict recomputed: {statement.verdict}"


# -- the plan --------------------------------------------------------------------------------------------------


def _plan(statement: Statement) -> None:
    plan = statement.predicate["plan"]
    document = plan["document"]
    demand(_digest(document) == plan["digest"], "PLAN_DIGEST", "the plan is not the one whose digest is signed")
    demand(document["run"] == statement.run, "PLAN_OTHER_RUN", f"the plan is of run {document['run']}")
    _unique((item["id"] for item in document["checks"]), "PLAN_DUPLICATE", "planned twice")
    listed = [(item["id"], item["requirement"], item["suite"]) for item in plan["checks"]]
    planned = [(item["id"], item["requirement"], item["suite"]) for item in document["checks"]]
    demand(listed == planned, "PLAN_MISMATCH", "the listed checks are not those of the plan")
    demand(plan["requirements"] == document["requirements"], "PLAN_MISMATCH", "the requirements are not the plan's")
    scenarios = [item["id"] for item in document["scenarios"]]
    demand(plan["scenarios"] == scenarios, "PLAN_MISMATCH", "the load scenarios are not the plan's")
    _inputs(statement.predicate, document)


def _inputs(predicate: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Demand that candidate, profile and parameters are those that the plan was made from."""
    for name in ("candidate", "profile"):
        same = document["inputs"].get(name) == predicate[name]["digest"]
        demand(same, "PLAN_INPUTS", f"the {name} file is not the one that the run was planned from")
    parameters = predicate["profile"]["parameters"]
    demand(parameters == document["parameters"], "PLAN_INPUTS", "the parameters are not those of the plan")


def _outcomes_match_plan(statement: Statement) -> None:
    planned = {item["id"]: item for item in statement.planned}
    reported = {item["check"]: item for item in statement.outcomes}
    _unique((item["check"] for item in statement.outcomes), "OUTCOME_DUPLICATE", "reported twice")
    _none(planned.keys() - reported.keys(), "OUTCOME_MISSING", "planned, but without an outcome")
    _none(reported.keys() - planned.keys(), "OUTCOME_UNPLANNED", "reported, but never planned")
    for name, plan in planned.items():
        labels = ("requirement", "suite")
        same = all(plan[label] == reported[name][label] for label in labels)
        demand(same, "OUTCOME_MISLABELLED", f"{name} is reported for another requirement or suite than planned")
        settled = plan["settled"]
        kept = settled is None or settled == [reported[name]["outcome"], reported[name]["reason"]]
        demand(kept, "SETTLED_CHANGED", f"{name} was settled in the plan as {settled and settled[0]!r}")


def _rows_match_plan(statement: Statement) -> None:
    rows = {row["id"]: row for row in statement.requirements}
    selected = set(statement.predicate["plan"]["requirements"])
    _unique((row["id"] for row in statement.requirements), "REQUIREMENT_DUPLICATE", "listed twice")
    _none(selected - rows.keys(), "REQUIREMENT_MISSING", "selected by the profile, but not listed")
    _none(
        {item["requirement"] for item in statement.planned} - rows.keys(),
        "REQUIREMENT_MISSING",
        "checked, but not listed",
    )
    for name, row in rows.items():
        demand(row["selected"] == (name in selected), "REQUIREMENT_SELECTION", f"{name}: not as the plan selects it")
        mine = [item["id"] for item in statement.planned if item["requirement"] == name]
        demand(row["checks"] == mine, "REQUIREMENT_CHECKS", f"{name} does not list the checks planned for it")


def _load(statement: Statement) -> None:
    planned = set(statement.predicate["plan"]["scenarios"])
    measured = [item["scenario"] for item in statement.predicate["load"]]
    _unique(measured, "LOAD_DUPLICATE", "measured twice")
    _none(set(measured) - planned, "LOAD_UNPLANNED", "measured, but never planned")
    passed = {item["check"] for item in statement.outcomes if item["outcome"] == Outcome.PASSED}
    for item in statement.planned:
        missing = set(item["scenarios"]) - set(measured)
        demand(
            not missing or item["id"] not in passed,
            "LOAD_MISSING",
            f"{item['id']} passed without the measurement of {', '.join(sorted(missing))}",
        )


def _calibration(statement: Statement) -> None:
    calibration = statement.predicate["calibration"]
    demand(_digest(calibration["suites"]) == calibration["digest"], "CALIBRATION_DIGEST", "the matrix was changed")


# -- outcomes --------------------------------------------------------------------------------------------------


def _outcome(statement: Statement, outcome: Mapping[str, Any], proven: frozenset[str]) -> None:
    """Demand that a pass has evidence and a proven check, and that a *must* cannot merely warn."""
    name, value = outcome["check"], outcome["outcome"]
    if value == Outcome.PASSED:
        backed = bool(outcome["exchanges"] or outcome["notes"])
        demand(backed, "PASS_WITHOUT_EVIDENCE", f"{name} passed without an exchange or a note")
        calibrated = not statement.rule.calibration_required or name in proven
        demand(calibrated, "PASS_UNCALIBRATED", f"{name} passed, but no current calibration proves that it can fail")
    row = next(row for row in statement.requirements if row["id"] == outcome["requirement"])
    demand(value != Outcome.WARNED or row["level"] != "must", "MUST_ONLY_WARNED", f"{name} decides a must")
    attempts = statement.predicate["environment"]["attempts"]
    demand(
        outcome["attempts"] <= attempts, "ATTEMPT_HIDDEN", f"{name} says attempt {outcome['attempts']} of {attempts}"
    )
    demand(value != Outcome.WAIVED, "CHECK_WAIVED", f"{name}: requirements are waived, never checks")


def proven_checks(statement: Statement) -> frozenset[str]:
    """Return the checks that passed the sound reference and failed a fault for their own reason, with current code."""
    return frozenset(
        row["check"]
        for suite in statement.predicate["calibration"]["suites"]
        if suite["current"]
        for row in suite["matrix"]
        if row["detected"] and suite["sound"].get(row["check"]) == Outcome.PASSED
    )


def _requirement(statement: Statement, row: Mapping[str, Any], now: datetime.datetime) -> None:
    """Demand that a requirement's outcome is the worst of its checks', or a waiver's of a failure."""
    mine = [Outcome(item["outcome"]) for item in statement.outcomes if item["check"] in row["checks"]]
    computed, stated = worst(mine), Outcome(row["outcome"])
    if stated is not Outcome.WAIVED:
        text = f"{row['id']} is reported as {stated}, its checks came to {computed}"
        return demand(stated is computed, "REQUIREMENT_OUTCOME", text)
    demand(computed is Outcome.FAILED, "WAIVER_UNNEEDED", f"{row['id']} is waived, but came to {computed}")
    ends = [item["expires"] for item in statement.predicate["waivers"] if item["requirement"] == row["id"]]
    demand(bool(ends), "WAIVER_MISSING", f"{row['id']} is waived by nobody")
    last = _last_day(max(ends))
    demand(last >= statement.issued_at.date(), "WAIVER_EXPIRED_AT_ISSUE", f"{row['id']}: waiver ended {last}")
    return demand(last >= now.date(), "WAIVER_EXPIRED", f"{row['id']}: the waiver ended on {last}")


def _last_day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise Refused("WAIVER_DATE", f"{text} is no date") from None


# -- the conclusion --------------------------------------------------------------------------------------------


def _conclusion(statement: Statement) -> None:
    rows, stated = statement.requirements, statement.predicate["verdict"]
    demand(counts(rows) == statement.predicate["counts"], "COUNTS_MISMATCH", "the counts are not those of the rows")
    verdict, reasons = decide(statement.rule, [judged(row) for row in rows])
    demand(
        stated["value"] == verdict.value,
        "VERDICT_MISMATCH",
        f"the report says {stated['value']!r}, its outcomes and decision rule say {verdict.value!r}",
    )
    demand(stated["reasons"] == list(reasons), "VERDICT_REASONS", "the verdict's reasons do not follow from the rows")


def _digest(value: Any) -> str:
    return f"sha256:{hashlib.sha256(rfc8785.dumps(value)).hexdigest()}"


def _unique(names: Iterable[str], code: str, what: str) -> None:
    listed = list(names)
    _none({name for name in listed if listed.count(name) > 1} if len(set(listed)) < len(listed) else set(), code, what)


def _none(names: set[str], code: str, what: str) -> None:
    demand(not names, code, f"{what}: {', '.join(sorted(names)[:5])}")
