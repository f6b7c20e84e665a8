"""The report on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance_reports import terminal


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def is_unbroken(line: str) -> bool:
    return line.startswith(("    curl ", ".conformance/"))


@pytest.mark.parametrize(("language", "width"), [("en", 60), ("en", 100), ("zh-CN", 80)])
def test_terminal_golden(statement, golden, language, width):
    golden(f"terminal-{language}-{width}.txt", terminal.render_text(statement, width, color=False, language=language))


@pytest.mark.parametrize("width", [40, 60, 72, 80, 120, 200])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_line_is_wider_than_the_screen_but_commands_and_paths(statement, width, language):
    text = terminal.render_text(statement, width, color=False, language=language)
    assert [line for line in text.splitlines() if columns(line) > width and not is_unbroken(line)] == []


def test_the_verdict_comes_first_and_failures_come_last(statement):
    text = terminal.render_text(statement, 100, color=False)
    assert text.startswith("NOT CONFORMANT\n")
    assert text.index("! warned") < text.index("? inconclusive") < text.index("✗ failed SEC-V06")
    assert "SELF-DECLARED" in text.splitlines()[2]


def test_what_was_not_run_is_counted_and_named(statement):
    text = terminal.render_text(statement, 100, color=False)
    assert "Requirements 13: 3 failed · 1 inconclusive · 2 not tested" in text
    assert "LED-07\n    hook 'partition' is not declared" in text


def test_a_command_stays_on_one_line_to_be_copied(statement):
    command = statement["predicate"]["outcomes"][0]["curl"][0]
    assert f"    {command}\n" in terminal.render_text(statement, 60, color=False)


def test_a_product_cannot_write_escape_sequences_or_reorder_text(statement):
    text = terminal.render_text(statement, 80, color=False)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31mTraceback" in text.replace("\n", "")


def test_rich_markup_in_the_statement_is_plain_text(statement):
    statement["predicate"]["outcomes"][0]["reason"] = "[bold]x[/bold] [link=https://example.com]y[/link] :smile:"
    assert "[bold]x[/bold] [link=https://example.com]y[/link] :smile:" in terminal.render_text(statement, 120, False)


def test_colour_is_used_when_asked_for(statement, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31mNOT CONFORMANT\x1b[0m" in terminal.render_text(statement, 80, color=True)


def test_no_color_is_honoured(statement, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in terminal.render_text(statement, 80, color=True)


def test_many_checks_undecided_for_one_reason_are_told_together(statement):
    for row in statement["predicate"]["outcomes"][1:4]:
        row |= {"outcome": "inconclusive", "reason": "no current calibration"}
    text = terminal.render_text(statement, 100, color=False)
    assert "? inconclusive SEC-V07, SEC-T01, SEC-T01-ALPN\n    Finding: no current calibration" in text
    assert text.count("no current calibration") == 1


def test_a_report_without_load_and_calibration_says_so(statement):
    statement["predicate"]["load"] = []
    statement["predicate"]["calibration"] = None
    text = terminal.render_text(statement, 80, color=False)
    assert "No calibration was recorded." in text
    assert "\nLoad\n" not in text


@given(reason=st.text(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_of_a_product_is_harmless_on_a_terminal(statement, reason):
    statement["predicate"]["outcomes"][0]["reason"] = reason
    text = terminal.render_text(statement, 60, color=False)
    assert not [char for char in text if unicodedata.category(char) == "Cc" and char != "\n"]
    assert text.encode("utf-8")
