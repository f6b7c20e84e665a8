"""What the end-to-end tests ask of a run directory and of what the command printed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

#: Runs ``conformance`` with arguments and returns what it printed.
Run = Callable[..., subprocess.CompletedProcess[str]]


def events_of(run: Path) -> list[dict[str, Any]]:
    """Return the events of a run directory."""
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def statement_of(run: Path) -> dict[str, Any]:
    """Return the predicate of a run's report."""
    statement: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    predicate: dict[str, Any] = statement["predicate"]
    return predicate


def only_run(runs: Path) -> Path:
    """Return the one run below ``runs``."""
    (found,) = [path for path in runs.iterdir() if (path / "plan.json").exists()]
    return found


def no_traceback(done: subprocess.CompletedProcess[str]) -> None:
    """Demand that no traceback reached the user."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
