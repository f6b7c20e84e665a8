"""Reading a statement, its cautions, exchanges, charts and hostile characters."""

from __future__ import annotations

import hashlib
import itertools
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from conformance_reports import charts, exchanges, page
from conformance_reports.cautions import cautions
from conformance_reports.reading import Report, clause_url, exchange_numbers, exchange_ranges
from conformance_reports.reasons import reason
from conformance_reports.visible import one_line, visible


def said(statement):
    return [item.en for item in cautions(Report.of(statement))]


def sound(statement):
    """Turn the sample into a report that nothing speaks against."""
    predicate = statement["predicate"]
    for row in predicate["outcomes"]:
        row |= {"blame": None, "attempts": 1}
    predicate["load"] = []
    predicate["calibration"]["suites"] = [
        {"suite": suite, "faults": 3, "detected": 3, "falseAlarms": 0, "uncalibrated": [], "current": True}
        for suite in ("security", "barcode", "ledger", "load")
    ]
    return statement


def test_the_digest_is_that_of_the_canonical_statement(statement):
    assert Report.of(statement).digest() == hashlib.sha256(rfc8785.dumps(statement)).hexdigest()


def test_findings_come_worst_first(statement):
    order = [row["check"] for row in Report.of(statement).findings()]
    assert order == ["SEC-V06", "LOAD-02", "SEC-D04", "SEC-Z01", "SEC-T12"]


def test_a_sound_report_has_no_cautions(statement):
    assert said(sound(statement)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p["counts"].update(passed=99), "do not agree with its rows"),
        (lambda p: p["verdict"].update(value="conformant"), "the decision rule gives “not conformant”"),
        (lambda p: p["outcomes"].pop(1), "Planned checks without an outcome: SEC-V07"),
        (lambda p: p["outcomes"][1].update(exchanges=[], notes=[]), "without citing any evidence: SEC-V07"),
        (lambda p: p["evidence"].update(size=0), "No exchange with the product"),
        (lambda p: p["calibration"]["suites"][0].update(detected=2), "overlooked 1 of 3 seeded faults"),
        (lambda p: p["calibration"]["suites"][0].update(falseAlarms=1), "1 false alarm"),
        (lambda p: p["calibration"]["suites"][0].update(current=False), "not of this version"),
        (lambda p: p["calibration"]["suites"].pop(), "Not calibrated at all: load"),
        (
            lambda p: p["outcomes"][0].update(blame="HARNESS"),
            "by the harness, not by the product: SEC-V06",
        ),
        (lambda p: p["environment"].update(attempts=3), "more than one attempt: the whole run"),
    ],
)
def test_what_could_void_a_pass_is_said(statement, change, words):
    change(sound(statement)["predicate"])
    assert any(words in line for line in said(statement)), said(statement)


def test_every_caution_is_said_in_chinese_too(statement):
    for item in cautions(Report.of(statement)):
        assert any("\u4e00" <= char <= "\u9fff" for char in item.zh)


def test_exchange_ranges_are_written_short():
    assert exchange_ranges({"exchanges": [[12, 15], [20, 20]]}) == "12–15, 20"
    assert exchange_ranges({"exchanges": []}) == ""


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), max_size=5), st.integers(0, 10))
def test_exchange_numbers_are_bounded_however_wide_the_ranges(pairs, limit):
    row = {"exchanges": [[first, first + length] for first, length in pairs]}
    numbers, total = exchange_numbers(row, limit)
    assert len(numbers) <= limit
    assert total == sum(length + 1 for _first, length in pairs)


def test_a_long_reason_is_cut_between_two_names_and_kept_whole():
    names = ", ".join(f"BAR-{number:02d}" for number in range(60))
    found = reason(f"60 not tested, at most 0 allowed: {names}")
    assert found.is_cut
    assert found.brief.en.endswith("BAR-14 …")
    assert found.whole.zh == f"未检测 60 项，至多允许 0 项：{names}"


def test_reasons_of_the_decision_rule_are_said_in_chinese():
    assert reason("SEC-V06 failed (critical)").whole.zh == "SEC-V06 不通过（致命）"
    assert reason("no selected requirement passed").whole.zh == "没有任何所选要求通过"
    assert reason("something new").whole.zh == "something new"


def test_only_public_standards_get_an_address():
    assert clause_url({"text": "RFC 9325 3.1.1"}) == "https://www.rfc-editor.org/rfc/rfc9325"
    assert clause_url({"text": "RFC ../x"}) is None
    assert clause_url({"text": "JR/T 0185-2020"}) is None


def test_an_exchange_that_is_not_at_hand_is_said_to_be_missing(evidence):
    shown, more = exchanges.cited({"exchanges": [[3, 8], [12, 13], [900, 900]]}, evidence, limit=3)
    assert [(item.number, item.missing) for item in shown] == [(12, False), (13, False), (900, True)]
    assert more == 6


def test_a_long_body_is_cut_and_the_cut_is_counted(evidence):
    response = exchanges.read(22, evidence).response
    assert len(response.body) + response.omitted == 9000
    assert len(response.body) == exchanges.BODY_CHARACTERS_MAX


def test_headers_and_bodies_may_come_in_either_form():
    record = {"req": {"start": "GET / HTTP/1.1", "headers": {"A": "b"}, "body": {"x": 1}}, "resp": None}
    request = exchanges.read(1, lambda _number: record).request
    assert (request.headers, request.body) == ((("A", "b"),), '{\n "x": 1\n}')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        ({"base64": "AAEC"}, "[base64] AAEC"),
        ({"stored": "ab12", "size": 70000}, "[70000 bytes, kept as bodies/ab12]"),
    ],
)
def test_every_form_of_a_recorded_body_is_shown(body, text):
    record = {"req": {"start": "GET /", "headers": [], "body": body}, "resp": None, "error": "timed out"}
    shown = exchanges.read(1, lambda _number: record)
    assert (shown.request.body, shown.response, shown.error) == (text, None, "timed out")


def test_a_reader_may_also_answer_none():
    assert exchanges.read(1, lambda _number: None).missing


@given(st.text())
def test_visible_text_hides_nothing_and_can_always_be_written(text):
    shown = visible(text)
    assert not [char for char in shown if ord(char) < 32 and char not in "\n\t"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\x7f\x9b")
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "0 µs"), (142, "142 µs"), (14200, "14.2 ms"), (61000, "61 ms"), (812000, "812 ms"), (1430000, "1.43 s")],
)
def test_durations_are_said_with_their_unit(microseconds, text):
    assert charts.duration(microseconds) == text


def test_the_sample_is_a_statement_that_the_verifier_accepts(statement):
    from conformance.attest.statement import schema_problems

    assert schema_problems(statement) == []


def test_requirements_outside_the_profile_are_listed_apart_and_never_counted(statement):
    report = Report.of(statement)
    assert [row["id"] for row in report.unselected] == ["LED-31"]
    assert "LED-31" not in [row["id"] for row in report.requirements]
    assert sum(report.requirement_counts().values()) == len(report.requirements)


def test_a_failure_under_a_waiver_reads_waived_and_says_what_it_was(statement):
    row = Report.of(statement).outcome("BAR-41")
    assert row["outcome"] == "waived"
    assert row["reason"].endswith("it was: the name is not shown as given")


def test_a_measurement_that_states_nothing_counts_as_invalid(statement):
    statement["predicate"]["load"] = [{"scenario": "elsewhere"}]
    assert any("does not say whether it is valid" in line for line in said(statement))


def test_the_tally_bar_is_filled_exactly(statement):
    tallies = page.tallies(Report.of(statement))
    assert sum(item.width for item in tallies) == 1000
    for before, after in itertools.pairwise(tallies):
        assert before.start + before.width == after.start
    assert math.isclose(tallies[0].width, 3 / 13 * 1000, abs_tol=1)
