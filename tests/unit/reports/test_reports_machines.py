"""Renderings for machines: summary, JUnit, SARIF and Allure."""

from __future__ import annotations

import json
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance_reports import allure, html, json_report, junit, sarif, terminal

RENDERINGS = [json_report, html, junit, allure, sarif, terminal]


def files_in(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda module: module.NAME)
def test_rendering_twice_gives_the_same_bytes(rendering, statement, evidence, tmp_path):
    first = rendering.render(statement, tmp_path / "a", evidence)
    second = rendering.render(json.loads(json.dumps(statement)), tmp_path / "b", evidence)
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")
    assert sorted(map(str, first)) == sorted(str(tmp_path / "a" / name) for name in files_in(tmp_path / "a"))
    assert len(first) == len(second)


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda module: module.NAME)
def test_a_rendering_writes_only_the_files_it_announces(rendering, statement, tmp_path):
    written = rendering.render(statement, tmp_path)
    for path in written:
        assert str(path.relative_to(tmp_path)).startswith(rendering.FILES)


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda module: module.NAME)
def test_a_statement_that_is_not_understood_is_refused(rendering, statement, tmp_path):
    from conformance.errors import ConfigError

    statement["predicate"]["critical"] = ["conditions"]
    with pytest.raises(ConfigError, match="conditions"):
        rendering.render(statement, tmp_path)
    statement["predicate"] |= {"critical": [], "schema": "conformance/report/v2"}
    with pytest.raises(ConfigError, match="report/v2"):
        rendering.render(statement, tmp_path)
    assert files_in(tmp_path) == {}


def test_summary_golden(statement, golden, tmp_path):
    [path] = json_report.render(statement, tmp_path)
    golden("summary.json", path.read_text(encoding="utf-8"))


def test_junit_golden(statement, golden):
    golden("junit.xml", junit.document(statement))


def test_sarif_golden(statement, golden, tmp_path):
    [path] = sarif.render(statement, tmp_path)
    golden("report.sarif", path.read_text(encoding="utf-8"))


#: What the widespread JUnit schema allows where, with the properties that pytest and others write inside a testcase.
JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        {"properties", "testcase"},
    ),
    "testcase": ({"name", "classname", "time"}, {"properties", "failure", "error", "skipped", "system-out"}),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}


def test_junit_has_the_shape_that_its_readers_expect(statement):
    root = ET.fromstring(junit.document(statement))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag


def test_junit_totals_agree_with_the_cases(statement):
    root = ET.fromstring(junit.document(statement))
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == sum(case.find(tag) is not None for case in cases)
    assert int(root.get("tests")) == sum(int(suite.get("tests")) for suite in root)


def test_junit_says_each_outcome_in_its_own_way(statement):
    root = ET.fromstring(junit.document(statement))
    cases = {case.get("name").split()[0]: case for case in root.iter("testcase")}
    assert cases["SEC-V06"].find("failure").get("message") == "a replayed payment must debit once"
    assert cases["SEC-Z01"].find("error").get("type") == "CONFIG"
    assert cases["LED-07"].find("skipped").get("message") == "not tested: hook 'partition' is not declared"
    assert cases["BAR-40"].find("skipped").get("message").startswith("not applicable: ")
    assert cases["BAR-41"].find("skipped").get("message").startswith("waived: ")
    assert cases["SEC-T12"].find("system-out").text.startswith("warned: ")
    assert [child.tag for child in cases["SEC-V07"]] == ["properties"]


def test_junit_shows_requirements_without_a_check(statement):
    assert 'name="SEC-Q01 Key ceremonies are documented"' in junit.document(statement)


@pytest.mark.parametrize(
    ("verdict", "tag"), [("conformant", None), ("not conformant", "failure"), ("inconclusive", "error")]
)
def test_junit_is_never_green_when_the_verdict_is_not(statement, verdict, tag):
    statement["predicate"]["verdict"] = {"value": verdict, "reasons": ["2 not tested, at most 0 allowed"]}
    case = ET.fromstring(junit.document(statement)).find("testsuite[@name='verdict']/testcase")
    assert [child.tag for child in case] == ([tag] if tag else [])


@given(text=st.text(max_size=100))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junit_stays_well_formed_whatever_the_product_says(statement, text):
    statement["predicate"]["outcomes"][0] |= {"reason": text, "actual": text, "curl": [text]}
    statement["predicate"]["outcomes"][0]["title"]["en"] = text
    document = junit.document(statement)
    ET.fromstring(document.encode("utf-8"))


def test_sarif_reports_only_what_asks_for_action(statement):
    run = sarif.log(statement)["runs"][0]
    kinds = {item["properties"]["check"]: (item["kind"], item["level"]) for item in run["results"]}
    assert kinds == {
        "SEC-V06": ("fail", "error"),
        "LOAD-02": ("fail", "warning"),
        "SEC-D04": ("fail", "warning"),
        "SEC-Z01": ("open", "none"),
        "SEC-T12": ("fail", "warning"),
    }


def test_sarif_results_lie_in_the_candidate_file_and_name_their_rule(statement):
    run = sarif.log(statement)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for item in run["results"]:
        assert rules[item["ruleIndex"]]["id"] == item["ruleId"]
        assert item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "candidate.toml"
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_sarif_rules_link_to_standards_that_are_public(statement):
    rules = {rule["id"]: rule for rule in sarif.log(statement)["runs"][0]["tool"]["driver"]["rules"]}
    assert rules["SEC-T12"]["helpUri"] == "https://www.rfc-editor.org/rfc/rfc6797"
    assert "helpUri" not in rules["SEC-V06"]
    assert "Clauses: FAPI 2.0 5.3.2.1" in rules["SEC-V06"]["help"]["text"]


def allure_results(folder):
    paths = sorted((folder / "allure-results").glob("*-result.json"))
    return {item["name"].split()[0]: item for item in (json.loads(path.read_text("utf-8")) for path in paths)}


def test_allure_maps_the_seven_outcomes(statement, tmp_path):
    allure.render(statement, tmp_path)
    results = allure_results(tmp_path)
    assert Counter(item["status"] for item in results.values()) == {
        "passed": 6,
        "failed": 3,
        "broken": 1,
        "skipped": 4,
    }
    assert {"name": "tag", "value": "warned"} in results["SEC-T12"]["labels"]
    assert {"name": "severity", "value": "blocker"} in results["SEC-V06"]["labels"]
    assert results["SEC-T12"]["links"] == [
        {"type": "link", "url": "https://www.rfc-editor.org/rfc/rfc6797", "name": "RFC 6797 7.1"}
    ]


def test_allure_attaches_the_exchanges_it_was_given(statement, evidence, tmp_path):
    written = allure.render(statement, tmp_path, evidence)
    steps = allure_results(tmp_path)["SEC-V06"]["steps"]
    assert [step["name"] for step in steps][1] == "exchange 13: POST /payments → 201 Created"
    text = (tmp_path / "allure-results" / steps[1]["attachments"][0]["source"]).read_text(encoding="utf-8")
    assert "Authorization: ~sd:6b1f0a" in text
    assert '"id":"pay-1"' in text
    assert all(path.exists() for path in written)


def test_allure_knows_the_same_check_in_the_next_run(statement, tmp_path):
    allure.render(statement, tmp_path / "a")
    statement["predicate"]["id"] = "another"
    allure.render(statement, tmp_path / "b")
    first, second = allure_results(tmp_path / "a")["SEC-V06"], allure_results(tmp_path / "b")["SEC-V06"]
    assert first["historyId"] == second["historyId"]
    assert first["uuid"] != second["uuid"]
