"""A third party's suite, from a wheel beside the harness's wheel: listed, calibrated, run, verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from stranger import ROOT, no_traceback, only_run, statement_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with both wheels; dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("third-party")
    wheels = []
    for name, source in (("harness", ROOT), ("suite", ROOT / "examples" / "third_party_suite")):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / name)]
        subprocess.run(command, cwd=source, check=True, capture_output=True)
        wheels += [str(path) for path in (folder / name).glob("*.whl")]
    venv.create(folder / "env", with_pip=False, symlinks=True)
    found = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(found), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, *wheels], check=True, capture_output=True)
    (own,) = (folder / "env").glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return found


def run(python: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONFORMANCE_HOME": str(home), "NO_COLOR": "1"}
    done = subprocess.run(
        [str(python), "-m", "conformance.cli.main", *arguments],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    no_traceback(done)
    return done


def test_it_is_listed_beside_ours(python: Path, home: Path) -> None:
    rows = json.loads(run(python, home, "list", "suites", "--format", "json").stdout)
    assert {"suite": "iso11649", "requirements": 3, "checks": 3, "faults": 3} in [
        {key: row[key] for key in ("suite", "requirements", "checks", "faults")} for row in rows
    ]


def test_it_is_calibrated_like_ours_and_then_its_passes_count(python: Path, home: Path) -> None:
    done = run(python, home, "calibrate", "--suite", "iso11649", "--only-plugins", "iso11649", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert (summary["checks"], summary["faults"], summary["detected"]) == (3, 3, 3)
    assert (summary["false_alarms"], summary["uncalibrated_checks"]) == (0, [])

    arguments = ["-p", "creditor-references", "--only-plugins", "conformance-iso11649", "--runs", str(home / "third")]
    done = run(python, home, "run", "--demo", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    report = statement_of(only_run(home / "third"))
    plugin = next(item for item in report["plugins"] if item["kind"] == "suite")
    assert (plugin["name"], plugin["distribution"], plugin["version"]) == ("iso11649", "conformance-iso11649", "1.0.0")
    assert plugin["digest"].startswith("sha256:")
    assert run(python, home, "verify", str(only_run(home / "third"))).returncode == 0
