"""Summary for machines: the verdict, the counts and one line per check and requirement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance_reports import EvidenceReader, Statement
from conformance_reports.cautions import cautions
from conformance_reports.files import write_json
from conformance_reports.reading import Report, Row

NAME = "json"
FILES = ("summary.json",)

#: The schema of the summary; a new one gets a new name.
SCHEMA = "conformance/summary/v1"


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``summary.json``; ``evidence`` is not used."""
    return [write_json(directory / FILES[0], summary(statement))]


def summary(statement: Statement) -> dict[str, Any]:
    """Return the summary of ``statement``, in the schema ``conformance/summary/v1``."""
    report = Report.of(statement)
    predicate = report.predicate
    return {
        "schema": SCHEMA,
        "run": predicate["id"],
        "statement": {"sha256": report.digest()},
        "issuedAt": predicate["issuedAt"],
        "selfDeclared": predicate["selfDeclared"],
        "candidate": {key: predicate["candidate"][key] for key in ("name", "version", "vendor")},
        "profile": {key: predicate["profile"][key] for key in ("id", "version")},
        "verdict": dict(predicate["verdict"]),
        "cautions": [item.en for item in cautions(report)],
        "counts": {"requirements": report.requirement_counts(), "checks": report.check_counts()},
        "unselected": [item["id"] for item in report.unselected],
        "requirements": [_requirement(item) for item in report.requirements],
        "checks": [_check(report, item) for item in report.outcomes],
    }


def _requirement(row: Row) -> dict[str, Any]:
    keys = ("id", "suite", "level", "severity", "method", "outcome", "reason", "checks")
    return {key: row[key] for key in keys}


def _check(report: Report, row: Row) -> dict[str, Any]:
    keys = ("check", "requirement", "suite", "outcome", "reason", "blame", "expected", "actual", "exchanges")
    return {key: row[key] for key in keys} | {"severity": report.severity(row).value}
