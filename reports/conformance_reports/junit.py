"""JUnit XML for continuous integration: one testcase per check, and one for the verdict.

Failed is a failure and inconclusive an error. Not tested, not applicable and waived are skipped, with the reason, and
so is each requirement that no check decides. Where too much was skipped the last testcase, the verdict, is red.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from conformance.model.outcome import Outcome
from conformance.model.verdict import Verdict
from conformance_reports import EvidenceReader, Statement
from conformance_reports.files import write_text
from conformance_reports.reading import COMMANDS_SHOWN, Report, Row, clauses_text, exchange_ranges
from conformance_reports.visible import visible

NAME = "junit"
FILES = ("junit.xml",)

_SKIPPED = (Outcome.NOT_TESTED, Outcome.NOT_APPLICABLE, Outcome.WAIVED)


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``junit.xml``; ``evidence`` is not used."""
    return [write_text(directory / FILES[0], document(statement))]


def document(statement: Statement) -> str:
    """Return the XML document of ``statement``."""
    report = Report.of(statement)
    root = ET.Element("testsuites", name=visible(report.predicate["candidate"]["name"]))
    for suite in dict.fromkeys(item["suite"] for item in report.requirements):
        root.append(_suite(report, suite))
    root.append(_closed(_open("verdict", report), [_verdict(report)]))
    _add_totals(root, list(root))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(report: Report, suite: str) -> ET.Element:
    cases = [_check_case(report, item) for item in report.outcomes if item["suite"] == suite]
    cases += [_gap_case(item) for item in report.gaps() if item["suite"] == suite]
    return _closed(_open(suite, report), cases)


def _open(name: str, report: Report) -> ET.Element:
    environment = report.predicate["environment"]
    element = ET.Element("testsuite", name=visible(name), timestamp=environment["startedAt"], hostname="localhost")
    harness, profile = report.predicate["harness"], report.predicate["profile"]
    facts = {
        "run": report.predicate["id"],
        "statement.sha256": report.digest(),
        "harness": f"{harness['name']} {harness['version']}",
        "profile": f"{profile['id']} {profile['version']}",
        "selfDeclared": str(report.predicate["selfDeclared"]).lower(),
    }
    element.append(_properties(facts.items()))
    return element


def _closed(suite: ET.Element, cases: list[ET.Element]) -> ET.Element:
    suite.extend(cases)
    _set_totals(suite, cases)
    return suite


def _set_totals(suite: ET.Element, cases: list[ET.Element]) -> None:
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(sum(round(float(case.get("time", "0")) * 1000) for case in cases)))


def _add_totals(root: ET.Element, suites: list[ET.Element]) -> None:
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in suites)))


def _check_case(report: Report, row: Row) -> ET.Element:
    requirement = report.requirement(row["requirement"])
    case = _case(row["suite"], requirement.get("chapter", ""), row["check"], row["title"]["en"], row["durationMs"])
    case.append(_properties(_facts(report, row, requirement)))
    message = visible(row["reason"])
    outcome = Outcome(row["outcome"])
    if outcome is Outcome.FAILED:
        ET.SubElement(case, "failure", message=message, type="failed").text = _detail(report, row)
    elif outcome is Outcome.INCONCLUSIVE:
        kind = row.get("blame") or "inconclusive"
        ET.SubElement(case, "error", message=message, type=kind).text = _detail(report, row)
    elif outcome in _SKIPPED:
        ET.SubElement(case, "skipped", message=f"{outcome.value}: {message}")
    elif outcome is Outcome.WARNED:
        ET.SubElement(case, "system-out").text = f"warned: {message}\n{_detail(report, row)}"
    return case


def _gap_case(requirement: Row) -> ET.Element:
    case = _case(requirement["suite"], requirement["chapter"], requirement["id"], requirement["title"]["en"], 0)
    facts = {
        "requirement": requirement["id"],
        "clause": clauses_text(requirement),
        "severity": requirement["severity"],
        "outcome": requirement["outcome"],
    }
    case.append(_properties(facts.items()))
    ET.SubElement(case, "skipped", message=visible(f"{requirement['outcome']}: {requirement['reason']}"))
    return case


def _verdict(report: Report) -> ET.Element:
    verdict = report.predicate["verdict"]
    case = _case("verdict", "", "verdict", verdict["value"], 0)
    reasons = visible("\n".join(verdict["reasons"]))
    if verdict["value"] == Verdict.NOT_CONFORMANT:
        ET.SubElement(case, "failure", message="not conformant", type="verdict").text = reasons
    elif verdict["value"] != Verdict.CONFORMANT:
        ET.SubElement(case, "error", message="inconclusive", type="verdict").text = reasons
    return case


def _case(suite: str, chapter: str, name: str, title: str, duration_ms: int) -> ET.Element:
    classname = f"{suite}.{chapter}" if chapter else suite
    return ET.Element(
        "testcase", name=visible(f"{name} {title}"), classname=visible(classname), time=_seconds(duration_ms)
    )


def _facts(report: Report, row: Row, requirement: Row) -> list[tuple[str, str]]:
    clauses = [("clause", item["text"]) for item in requirement.get("clauses", ())]
    return [
        ("requirement", row["requirement"]),
        *clauses,
        ("severity", report.severity(row).value),
        ("outcome", row["outcome"]),
        ("evidence", f"exchanges {exchange_ranges(row)}" if row["exchanges"] else "none"),
        ("attempts", str(row["attempts"])),
    ]


def _properties(facts: Iterable[tuple[str, str]]) -> ET.Element:
    element = ET.Element("properties")
    for name, value in facts:
        ET.SubElement(element, "property", name=name, value=visible(value))
    return element


def _detail(report: Report, row: Row) -> str:
    fields = (
        ("expected", row["expected"]),
        ("actual", row["actual"]),
        ("evidence", f"exchanges {exchange_ranges(row)}" if row["exchanges"] else None),
        ("remedy", report.remedy(row).en or None),
    )
    lines = [f"{name}: {value}" for name, value in fields if value is not None]
    return visible("\n".join([*lines, *row.get("curl", ())[-COMMANDS_SHOWN:]]))


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
