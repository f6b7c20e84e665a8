"""Helpers of the end-to-end tests: the command as a stranger runs it, and a home of its own for keys and trust."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stranger import Run


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
