"""Helpers of the end-to-end tests: the command as a stranger runs it, and a home of its own for keys and trust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where keys and the trust policy of these tests lie."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def environment(home: Path) -> dict[str, str]:
    """The environment of the command."""
    return {**os.environ, "CONFORMANCE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def conformance(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run ``conformance`` and return what it printed; never raises for its exit code."""
    default = tmp_path_factory.mktemp("work")

    def run(*arguments: str, cwd: Path | None = None, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "conformance.cli.main", *arguments],
            cwd=cwd or default,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


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
