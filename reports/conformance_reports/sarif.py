"""SARIF 2.1.0 for code scanning: what failed, warned or stayed inconclusive, located in the candidate file.

Code scanning accepts places in the repository only, so every result points at ``candidate.toml``, the file that
describes the product, never at an address of the product.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from conformance.model.outcome import Outcome
from conformance.model.requirement import Severity
from conformance_reports import EvidenceReader, Statement
from conformance_reports.files import write_json
from conformance_reports.reading import Report, Row, clause_url, clauses_text, exchange_ranges
from conformance_reports.visible import one_line, visible

NAME = "sarif"
FILES = ("report.sarif",)

#: The file that results are located in.
LOCATION = "candidate.toml"

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
#: What code scanning sorts by, 0 to 10; the middle of the bands it documents.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``report.sarif``; ``evidence`` is not used."""
    return [write_json(directory / FILES[0], log(statement))]


def log(statement: Statement) -> dict[str, Any]:
    """Return the SARIF log of ``statement``."""
    report = Report.of(statement)
    predicate = report.predicate
    findings = report.findings()
    rules = list(dict.fromkeys(item["requirement"] for item in findings))
    run = {
        "tool": {"driver": _driver(report, rules)},
        "automationDetails": {"id": one_line(f"conformance/{predicate['profile']['id']}/{predicate['id']}")},
        "invocations": [_invocation(report)],
        "artifacts": [{"location": {"uri": LOCATION}, "roles": ["analysisTarget"]}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, item, rules.index(item["requirement"])) for item in findings],
        "properties": {
            "verdict": predicate["verdict"]["value"],
            "selfDeclared": predicate["selfDeclared"],
            "statementSha256": report.digest(),
            "counts": report.check_counts(),
        },
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(report: Report) -> dict[str, Any]:
    environment = report.predicate["environment"]
    return {
        "executionSuccessful": True,
        "startTimeUtc": environment["startedAt"],
        "endTimeUtc": environment["finishedAt"],
    }


def _driver(report: Report, rules: list[str]) -> dict[str, Any]:
    harness = report.predicate["harness"]
    return {
        "name": harness["name"],
        "version": harness["version"],
        "semanticVersion": harness["version"],
        "rules": [_rule(report.requirement(item), item) for item in rules],
    }


def _rule(requirement: Row, rule_id: str) -> dict[str, Any]:
    severity = Severity(requirement.get("severity", Severity.CRITICAL.value))
    title = one_line((requirement.get("title") or {}).get("en") or rule_id)
    remedy = visible((requirement.get("fix") or {}).get("en", ""))
    rule: dict[str, Any] = {
        "id": rule_id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": visible((requirement.get("why") or {}).get("en") or title)},
        "help": {"text": _help(requirement, remedy or title)},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {
            "tags": [requirement.get("suite", ""), requirement.get("chapter", ""), severity.value],
            "security-severity": _SECURITY_SEVERITY[severity],
            "clauses": [dict(item) for item in requirement.get("clauses", ())],
        },
    }
    addresses = [url for clause in requirement.get("clauses", ()) if (url := clause_url(clause))]
    return rule | ({"helpUri": addresses[0]} if addresses else {})


def _help(requirement: Row, remedy: str) -> str:
    clauses = clauses_text(requirement)
    return visible(f"{remedy}\nClauses: {clauses}" if clauses else remedy)


def _result(report: Report, row: Row, index: int) -> dict[str, Any]:
    kind, level = _kind_and_level(report, row)
    return {
        "ruleId": row["requirement"],
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": _message(row)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": LOCATION, "index": 0}, "region": {"startLine": 1}}}
        ],
        "partialFingerprints": {"check/v1": hashlib.sha256(row["check"].encode("utf-8", "replace")).hexdigest()},
        "properties": {
            "check": row["check"],
            "outcome": row["outcome"],
            "exchanges": exchange_ranges(row),
            "blame": row.get("blame"),
            "remedy": visible(report.remedy(row).en),
        },
    }


def _kind_and_level(report: Report, row: Row) -> tuple[str, str]:
    """SARIF demands level "none" for every kind but "fail"; "open" is its word for not decided."""
    if row["outcome"] == Outcome.INCONCLUSIVE:
        return "open", "none"
    level = _LEVELS[report.severity(row)]
    warned = row["outcome"] == Outcome.WARNED
    return "fail", "warning" if warned and level == "error" else level


def _message(row: Row) -> str:
    parts = [row["reason"] or row["title"]["en"]]
    if row["expected"] is not None:
        parts.append(f"Expected: {row['expected']}.")
    if row["actual"] is not None:
        parts.append(f"Actual: {row['actual']}.")
    return visible(" ".join(parts))
