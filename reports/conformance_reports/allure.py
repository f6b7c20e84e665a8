"""Allure results: one file per check, with labels, links to clauses and the cited exchanges as steps.

The files follow Allure's own result model. Their identifiers derive from the run and the check, so that rendering
twice gives the same files, and Allure's history recognises the same check in the next run.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from allure_commons import model2
from attr import asdict

from conformance.model.outcome import Outcome
from conformance.model.requirement import Severity
from conformance_reports import EvidenceReader, Statement
from conformance_reports.exchanges import Message, Shown, cited
from conformance_reports.files import write_json, write_text
from conformance_reports.reading import COMMANDS_SHOWN, Report, Row, clause_url, exchange_ranges, instant_ms
from conformance_reports.visible import one_line, visible

NAME = "allure"
FILES = ("allure-results/",)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:fintech-conformance:allure")
_STATUS = {
    Outcome.PASSED: model2.Status.PASSED,
    Outcome.WARNED: model2.Status.PASSED,
    Outcome.FAILED: model2.Status.FAILED,
    Outcome.INCONCLUSIVE: model2.Status.BROKEN,
    Outcome.NOT_APPLICABLE: model2.Status.SKIPPED,
    Outcome.NOT_TESTED: model2.Status.SKIPPED,
    Outcome.WAIVED: model2.Status.SKIPPED,
}
_SEVERITY = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "normal",
    Severity.LOW: "minor",
}


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``allure-results/``; with ``evidence`` the cited exchanges are attached as redacted text."""
    report = Report.of(statement)
    folder = directory / FILES[0]
    written = [write_text(folder / "environment.properties", _environment(report))]
    for row in report.outcomes:
        written += _write_check(report, row, folder, evidence)
    for requirement in report.gaps():
        written.append(_write_result(folder, _gap(report, requirement)))
    return written


def _write_check(report: Report, row: Row, folder: Path, evidence: EvidenceReader | None) -> list[Path]:
    result = _result(report, row)
    exchanges, _more = cited(row, evidence)
    attached = [_attach(folder, result.uuid, item) for item in exchanges if not item.missing]
    result.steps = [_step(report, row, item, result.uuid) for item in exchanges]
    return [*attached, _write_result(folder, result)]


def _write_result(folder: Path, result: model2.TestResult) -> Path:
    name = model2.TEST_CASE_PATTERN.format(prefix=result.uuid)
    return write_json(folder / name, asdict(result, filter=lambda _attribute, value: bool(value) or value is False))


def _result(report: Report, row: Row) -> model2.TestResult:
    requirement = report.requirement(row["requirement"])
    outcome = Outcome(row["outcome"])
    result = _blank(report, requirement, row["check"], row["title"]["en"])
    result.status = _STATUS[outcome]
    result.stop = result.start + row["durationMs"]
    result.statusDetails = _details(report, row)
    result.labels += [model2.Label("tag", outcome.value)]
    facts = [("outcome", outcome.value), ("exchanges", exchange_ranges(row)), ("attempts", str(row["attempts"]))]
    facts += [(one_line(name), visible(value)) for name, value in row.get("notes", ())]
    result.parameters = [model2.Parameter(name, value) for name, value in facts if value]
    return result


def _gap(report: Report, requirement: Row) -> model2.TestResult:
    result = _blank(report, requirement, requirement["id"], requirement["title"]["en"])
    result.status = model2.Status.SKIPPED
    result.statusDetails = model2.StatusDetails(message=visible(f"{requirement['outcome']}: {requirement['reason']}"))
    result.stop = result.start
    return result


def _blank(report: Report, requirement: Row, name: str, title: str) -> model2.TestResult:
    chapter = report.chapter(requirement["suite"], requirement["chapter"]).en
    result = model2.TestResult(
        uuid=_id(report.predicate["id"], name),
        historyId=_id("history", name),
        testCaseId=_id("check", name),
        name=one_line(f"{name} {title}"),
        fullName=one_line(f"{requirement['suite']}.{requirement['chapter']}.{name}"),
        stage="finished",
        start=instant_ms(report.predicate["environment"]["startedAt"]),
        description=_description(requirement),
    )
    result.labels = [
        model2.Label("parentSuite", one_line(requirement["suite"])),
        model2.Label("suite", one_line(chapter)),
        model2.Label("severity", _SEVERITY[Severity(requirement["severity"])]),
        model2.Label("framework", report.predicate["harness"]["name"]),
        *(model2.Label("clause", one_line(item["text"])) for item in requirement["clauses"]),
    ]
    result.links = [
        model2.Link("link", url, one_line(item["text"])) for item in requirement["clauses"] if (url := clause_url(item))
    ]
    result.titlePath = [one_line(requirement["suite"]), one_line(chapter)]
    return result


def _description(requirement: Row) -> str:
    parts = [requirement["title"]["zh-CN"], requirement["why"]["en"], requirement["fix"]["en"]]
    return "\n\n".join(visible(item) for item in parts if item)


def _details(report: Report, row: Row) -> model2.StatusDetails | None:
    if row["outcome"] == Outcome.PASSED:
        return None
    fields = (("Expected", row["expected"]), ("Actual", row["actual"]), ("Remedy", report.remedy(row).en or None))
    lines = [f"{name}: {value}" for name, value in fields if value is not None] + list(row.get("curl", ()))[
        -COMMANDS_SHOWN:
    ]
    message = f"{row['outcome']}: {row['reason']}"
    return model2.StatusDetails(message=visible(message), trace=visible("\n".join(lines)))


def _step(report: Report, row: Row, item: Shown, owner: str) -> model2.TestStepResult:
    start = instant_ms(report.predicate["environment"]["startedAt"]) + item.started_us // 1000
    step = model2.TestStepResult(
        name=f"exchange {item.number}" + (f": {item.title()}" if not item.missing else ": not in the evidence at hand"),
        status=model2.Status.PASSED if row["outcome"] == Outcome.PASSED else model2.Status.UNKNOWN,
        stage="finished",
        start=start,
        stop=start + item.duration_us // 1000,
    )
    if not item.missing:
        step.attachments = [model2.Attachment(f"exchange {item.number}", _source(owner, item.number), "text/plain")]
    return step


def _attach(folder: Path, owner: str, item: Shown) -> Path:
    parts = [_message("request", item.request), _message("response", item.response)]
    return write_text(folder / _source(owner, item.number), "\n\n".join(parts) + "\n")


def _message(side: str, message: Message | None) -> str:
    if message is None:
        return f"[{side}]\nnone"
    headers = "".join(f"\n{name}: {value}" for name, value in message.headers)
    tail = f"\n[{message.omitted} characters not shown]" if message.omitted else ""
    return f"[{side}]\n{message.start}{headers}\n\n{message.body}{tail}"


def _source(owner: str, number: int) -> str:
    return model2.ATTACHMENT_PATTERN.format(prefix=_id(owner, str(number)), ext="txt")


def _environment(report: Report) -> str:
    predicate = report.predicate
    facts: dict[str, Any] = {
        "Product": f"{predicate['candidate']['name']} {predicate['candidate']['version']}",
        "Profile": f"{predicate['profile']['id']} {predicate['profile']['version']}",
        "Harness": f"{predicate['harness']['name']} {predicate['harness']['version']}",
        "Run": predicate["id"],
        "Statement.sha256": report.digest(),
        "Verdict": predicate["verdict"]["value"],
        "SelfDeclared": str(predicate["selfDeclared"]).lower(),
    }
    return "".join(f"{name}={_property(value)}\n" for name, value in facts.items())


def _property(value: str) -> str:
    """Escape a value of a Java properties file: backslashes and everything outside ASCII."""
    return json.dumps(one_line(value))[1:-1].replace('\\"', '"')


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(part.encode("utf-8", "replace").decode() for part in parts)))
