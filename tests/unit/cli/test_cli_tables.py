"""Tables of the command line: no word is broken, however narrow the terminal is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.cli.tables import print_table

ROWS = [
    {"suite": "barcode", "requirements": 75, "title": "Barcode payment interoperability"},
    {"suite": "security", "requirements": 99, "title": "Security of payment interfaces"},
]
WORDS = {word for row in ROWS for value in row.values() for word in str(value).split()}


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    print_table(ROWS)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [30, 40, 48, 60, 80, 200])
def test_no_word_is_broken(columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = printed(capsys)
    assert set(text.split()) >= WORDS
    assert max(map(len, text.splitlines())) <= columns


def test_a_narrow_terminal_is_told_row_by_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert printed(capsys) == (
        "\nbarcode\n  requirements: 75\n  title: Barcode payment\n    interoperability\n"
        "\nsecurity\n  requirements: 99\n  title: Security of payment\n    interfaces\n\n"
    )


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "word " * 100
    print_table([{"name": "x", "title": long}])
    assert any(line.split() == ["x", *long.split()] for line in capsys.readouterr().out.splitlines())


@given(st.text(max_size=30))
def test_what_looks_like_markup_is_printed_as_it_is(text: str) -> None:
    print_table([{"name": "[red]x[/blue]", "title": text}])
