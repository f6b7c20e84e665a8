"""The live view of a run: plain lines for logs, one line a suite on a terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from conformance.cli.progress import PLAIN_EVERY_S, LiveView, PlainView, Silent, make_listener

CHECKS = [{"id": "LOAD-M01", "suite": "load", "settled": None, "done": False}]
STARTED = {"event": "run-started", "run": "r1", "plan": "sha256:" + "0" * 64, "checks": CHECKS}
SCENARIO = {"event": "scenario-started", "scenario": "payments-create"}
NOTE = "5 s left, 100/s offered, 96/s confirmed, p99 12.3 ms, 0 errors"
PROGRESS = {"event": "progress", "done": 300, "total": 1200, "note": NOTE}


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def plain(capsys):
    """A plain view with its clock, and what it printed since it was last asked."""
    clock = Clock()
    view = PlainView(clock)
    return view, clock, lambda: capsys.readouterr().err.splitlines()


def test_a_load_scenario_is_told_every_few_seconds_in_plain_lines(plain):
    view, clock, lines = plain
    view(STARTED)
    view(SCENARIO)
    assert [line.split("] ")[1] for line in lines()][1:] == ["load: payments-create started"]
    view(PROGRESS)
    assert lines() == []
    clock.now += PLAIN_EVERY_S
    view(PROGRESS)
    view(PROGRESS)
    assert lines() == [f"[   5.0 s] load: payments-create: 300/1,200, {NOTE}"]


def test_progress_without_a_total_names_none(plain):
    view, clock, lines = plain
    view(SCENARIO)
    clock.now += PLAIN_EVERY_S
    view({"event": "progress", "done": 0, "total": 0, "note": "opening accounts"})
    assert lines()[1] == "[   5.0 s] load: payments-create: opening accounts"


def test_a_failed_scenario_says_why(plain):
    view, _clock, lines = plain
    view(SCENARIO)
    view({"event": "scenario-failed", "scenario": "payments-create", "reason": "port 1 is taken"})
    assert lines()[1].endswith("load: payments-create FAILED: port 1 is taken")


def test_a_scenario_that_was_not_run_says_why(plain):
    view, _clock, lines = plain
    view(SCENARIO)
    view({"event": "scenario-interrupted", "scenario": "payments-create", "note": "no account was opened"})
    assert lines()[-1].endswith("load: payments-create was not run to its end: no account was opened")


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_live_view_keeps_one_line_for_a_scenario(width):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    view = LiveView(console)
    view(STARTED)
    view(SCENARIO)
    view({**PROGRESS, "note": "[bold]" + NOTE})
    view._progress.refresh()
    text = out.getvalue()
    view({"event": "scenario-finished", "scenario": "payments-create"})
    view.close()
    [line] = {line.strip() for line in re.split(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n", text) if "300/1200" in line}
    assert len(line) <= width
    assert ("payments-create: [bold]5 s left" in line) is (width > 80)
    assert "payments-create: finished"[: max(0, width - 60)] in out.getvalue()


def test_quiet_tells_nothing(capsys):
    listener = make_listener(quiet=True)
    listener(STARTED)
    listener.close()
    assert type(listener) is Silent
    assert capsys.readouterr().err == ""
