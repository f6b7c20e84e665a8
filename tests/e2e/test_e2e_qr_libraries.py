"""Published QR libraries, bound by adapters of some thirty lines and judged like any product.

Nobody wrote them for us, so what is found in them is real: the expected outcomes are committed, and a pass where a
failure is expected breaks this test just as the opposite does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stranger import ROOT, Run, no_traceback, only_run, statement_of

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "examples" / "candidates"
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "expected_qr_libraries.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Library:
    """A library under test: the name of its candidate file, its registry, and what is installed from there."""

    name: str
    registry: str
    packages: tuple[str, ...]


LIBRARIES = (
    Library("vietqr-emvco", "pypi", ("vietqr-emvco==1.0.0",)),
    Library("konthaina-khqr", "pypi", ("konthaina-khqr[qrcode]==0.1.7", "qrcode==8.2")),
    Library("promptparse", "npm", ("promptparse@1.6.0",)),
    Library("pix-utils", "npm", ("pix-utils@2.8.2",)),
)


def _installed(library: Library) -> Path:
    """Return the cached directory that holds a library, its adapter and its candidate file."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"qr-{library.name}"
    marker = home / "complete"
    if not marker.exists() or marker.read_text() != repr(library):
        home.mkdir(parents=True, exist_ok=True)
        _install(library, home)
        marker.write_text(repr(library))
    shutil.copytree(EXAMPLES / "adapters", home / "adapters", dirs_exist_ok=True)
    shutil.copy(EXAMPLES / f"qr-{library.name}.toml", home)
    return home


def _install(library: Library, home: Path) -> None:
    if library.registry == "pypi":
        _step([sys.executable, "-m", "venv", str(home / "venv")])
        _step([str(home / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", *library.packages])
        return
    if shutil.which("npm") is None:
        pytest.skip(f"NOT TESTED: {library.name} needs npm, which is not installed here")
    _step(["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts", *library.packages])


def _step(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: cannot install ({' '.join(command[-2:])}): {done.stderr[-300:]}")


def _profile(folder: Path) -> Path:
    """Return the example profile without its demand for calibration, which every edit of a check sets back."""
    text = (EXAMPLES / "qr-library.toml").read_text(encoding="utf-8")
    path = folder / "qr-library.toml"
    path.write_text(text.replace("calibration_required = true", "calibration_required = false"), encoding="utf-8")
    return path


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_published_library_gets_exactly_the_outcomes_on_file(
    library: Library, conformance: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    home = _installed(library)
    variables = {**environment, "PATH": f"{home / 'venv' / 'bin'}{os.pathsep}{environment['PATH']}"}
    command = [sys.executable, "-m", "conformance.cli.main", "run", "-c", str(home / f"qr-{library.name}.toml")]
    command += ["-p", str(_profile(tmp_path)), "--only-plugins", "barcode", "--runs", str(tmp_path / "runs")]
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=400, check=False
    )
    no_traceback(done)
    report = statement_of(only_run(tmp_path / "runs"))
    expected = EXPECTED[library.name]
    outcomes = {item["check"]: item["outcome"] for item in report["outcomes"]}
    assert outcomes == expected["outcomes"], [(i["check"], i["reason"]) for i in report["outcomes"]]
    reasons = {item["check"]: item["reason"] for item in report["outcomes"]}
    for check, words in expected["says"].items():
        assert words in reasons[check], (check, reasons[check])
    assert report["verdict"]["value"] == expected["verdict"]
    assert done.returncode == {"conformant": 0, "not conformant": 1, "inconclusive": 3}[expected["verdict"]]
    assert conformance("verify", str(only_run(tmp_path / "runs"))).returncode == 0
