"""What the HTML page shows, worked out before any markup: groups, gaps, findings, tallies and comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.model.outcome import Outcome
from conformance.model.requirement import Method, Severity
from conformance.model.text import Text
from conformance_reports import EvidenceReader
from conformance_reports.exchanges import Shown, cited
from conformance_reports.reading import Report, Row, worst_first
from conformance_reports.words import outcome_text, scale_text, word

#: How each outcome is marked besides its colour.
MARKS = {
    "passed": "✓",
    "failed": "✗",
    "warned": "!",
    "inconclusive": "?",
    "not tested": "○",
    "not applicable": "–",
    "waived": "§",
}


@dataclass(frozen=True, slots=True)
class FindingCard:
    """A check outcome that asks somebody to act, with the exchanges it cites.

    ``missing`` names those of the last few that the evidence at hand does not hold; ``more`` came before these.
    """

    row: Row
    requirement: Row
    severity: str
    remedy: Text
    exchanges: tuple[Shown, ...]
    missing: str
    more: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A requirement with its check outcomes; without any it is a gap."""

    requirement: Row
    outcomes: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one chapter of one suite."""

    suite: str
    title: Text
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """One outcome with its numbers; ``start`` and ``width`` place it on the bar, in thousandths."""

    outcome: str
    requirements: int
    checks: int
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Facet:
    """One kind of filter and the values that occur, each with how it is said."""

    name: str
    values: tuple[tuple[str, Text], ...]


def finding_cards(report: Report, evidence: EvidenceReader | None) -> list[FindingCard]:
    """Return the findings, worst first."""
    return [_card(report, row, evidence) for row in report.findings()]


def _card(report: Report, row: Row, evidence: EvidenceReader | None) -> FindingCard:
    exchanges, more = cited(row, evidence)
    severity = report.severity(row).value
    requirement = report.requirement(row["requirement"])
    shown = tuple(item for item in exchanges if not item.missing)
    missing = ", ".join(str(item.number) for item in exchanges if item.missing)
    return FindingCard(row, requirement, severity, report.remedy(row), shown, missing, more)


def groups(report: Report) -> list[Group]:
    """Return every selected requirement, grouped by suite and chapter in the order of the statement."""
    found: dict[tuple[str, str], list[MatrixRow]] = {}
    for item in report.requirements:
        row = MatrixRow(item, tuple(report.outcomes_of(item)))
        found.setdefault((item["suite"], item["chapter"]), []).append(row)
    return [Group(suite, report.chapter(suite, chapter), tuple(rows)) for (suite, chapter), rows in found.items()]


def tallies(report: Report) -> list[Tally]:
    """Return the seven outcomes, worst first, with their place on a bar of a thousand units."""
    checks = report.check_counts()
    total = max(1, len(report.requirements))
    result: list[Tally] = []
    seen = 0
    for outcome, number in worst_first(report.requirement_counts()):
        start, end = seen * 1000 // total, (seen + number) * 1000 // total
        result.append(Tally(outcome, number, checks[outcome], start, end - start))
        seen += number
    return result


def facets(report: Report) -> list[Facet]:
    """Return the filters that make sense for this report."""
    rows = report.requirements
    suites = dict.fromkeys(item["suite"] for item in rows)
    return [
        Facet("outcome", _said((item.value for item in Outcome), rows, "outcome")),
        Facet("suite", tuple((name, Text(name)) for name in suites)),
        Facet("severity", _said((item.value for item in Severity), rows, "severity")),
        Facet("method", _said((item.value for item in Method), rows, "method")),
    ]


def _said(values: Iterable[str], rows: Iterable[Row], key: str) -> tuple[tuple[str, Text], ...]:
    present = {item[key] for item in rows}
    return tuple((value, _say(key, value)) for value in values if value in present)


def _say(key: str, value: str) -> Text:
    return outcome_text(value) if key == "outcome" else scale_text(value)


def decision_rule(report: Report) -> Text:
    """Return the decision rule as sentences."""
    rule = report.predicate["decisionRule"]
    sentence = word("rule_long")
    fail_at = scale_text(rule["failAt"])
    numbers = {"inconclusive": rule["inconclusiveMax"], "not_tested": rule["notTestedMax"]}
    en = sentence.en.format(fail=fail_at.en, **numbers)
    zh = sentence.zh.format(fail=fail_at.zh, **numbers)
    if rule["calibrationRequired"]:
        en, zh = f"{en} {word('rule_calibration').en}", zh + word("rule_calibration").zh
    return Text(en, zh)


def flat_parameters(parameters: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested parameters as pairs of a dotted name and a value."""
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        path = f"{prefix}{name}"
        pairs += flat_parameters(value, f"{path}.") if isinstance(value, Mapping) else [(path, str(value))]
    return pairs


def anchor(kind: str, name: str) -> str:
    """Return an id for an element: letters, digits, dots and hyphens only."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9.-]+', '-', name)}"


def moment(instant: str) -> str:
    """Return an RFC 3339 instant as people write it: ``2026-01-02 03:04:05 UTC``."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z", instant)
    return f"{match[1]} {match[2]} UTC" if match else instant


def fingerprint(digest: str) -> str:
    """Return a digest in groups of eight, so that two people can compare it aloud."""
    head, _colon, tail = digest.rpartition(":")
    grouped = " ".join(tail[index : index + 8] for index in range(0, len(tail), 8))
    return f"{head}: {grouped}" if head else grouped
