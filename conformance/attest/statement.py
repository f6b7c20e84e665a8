"""The report statement as a verifier reads it: an in-toto statement whose predicate is a report, version 1.

Nothing here makes a report; the engine does. The members are described in ``report.schema.json``, beside this file.
Members that the schema does not know are ignored, unless the report lists them under ``critical``.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from conformance.model.outcome import Outcome
from conformance.model.requirement import Level, Severity
from conformance.model.verdict import DecisionRule, Judged

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:fintech-conformance:report:v1"
SCHEMA = "conformance/report/v1"
#: Names that may stand under ``critical`` because this verifier understands them: none yet.
CRITICAL_KNOWN: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that has passed the schema; ``document`` is all of it."""

    document: Mapping[str, Any]

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Return the report itself."""
        predicate: Mapping[str, Any] = self.document["predicate"]
        return predicate

    @property
    def run(self) -> str:
        """Return the run's id, which every record of its evidence carries."""
        return str(self.predicate["id"])

    @property
    def subject(self) -> str:
        """Return the name of what was tested."""
        return str(self.document["subject"][0]["name"])

    @property
    def subject_digest(self) -> str:
        """Return the SHA-256 of what was tested, in hex."""
        return str(self.document["subject"][0]["digest"]["sha256"])

    @property
    def issued_at(self) -> datetime.datetime:
        """Return when the signer says the report was issued."""
        return datetime.datetime.strptime(self.predicate["issuedAt"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)

    @property
    def mode(self) -> str:
        """Return ``self-test`` or ``audit``."""
        return str(self.predicate["mode"])

    @property
    def verdict(self) -> str:
        """Return the verdict's value."""
        return str(self.predicate["verdict"]["value"])

    @property
    def rule(self) -> DecisionRule:
        """Return the decision rule."""
        return DecisionRule.from_json(self.predicate["decisionRule"])

    @property
    def planned(self) -> list[Mapping[str, Any]]:
        """Return the planned checks in full, settled ones included."""
        return list(self.predicate["plan"]["document"]["checks"])

    @property
    def outcomes(self) -> list[Mapping[str, Any]]:
        """Return the outcome of each check."""
        return list(self.predicate["outcomes"])

    @property
    def requirements(self) -> list[Mapping[str, Any]]:
        """Return the row of each requirement."""
        return list(self.predicate["requirements"])

    @property
    def evidence(self) -> Mapping[str, Any]:
        """Return the evidence's root and segments."""
        evidence: Mapping[str, Any] = self.predicate["evidence"]
        return evidence


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of a report statement."""
    text = files("conformance.attest").joinpath("report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def schema_problems(document: Any) -> list[str]:
    """Return how ``document`` breaks the schema, at most ten places."""
    import jsonschema  # heavy; only when a report is verified

    found: list[str] = []
    for error in jsonschema.Draft202012Validator(report_schema()).iter_errors(document):
        found.append(f"{error.json_path}: {error.message[:200]}")
        if len(found) == 10:
            break
    return found


def judged(row: Mapping[str, Any]) -> Judged:
    """Return a requirement's row as the decision rule sees it."""
    return Judged(row["id"], Level(row["level"]), Severity(row["severity"]), Outcome(row["outcome"]), row["selected"])


def counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many selected requirements came to each outcome, those that did not run included."""
    found = Counter(row["outcome"] for row in rows if row["selected"])
    return {item.value: found.get(item.value, 0) for item in Outcome}
