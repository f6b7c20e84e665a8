"""Four real validators of a real product, started here, driven through CometBFT's own interface.

Injective is published under BUSL-1.1: it is installed into a cache when this test runs, never part of the project.
What must come out is fixed below, both ways: an expected failure that passes is as wrong as the opposite.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

RELEASE = "injective-core==1.20.1"
EXAMPLES = Path(__file__).parents[2] / "examples" / "candidates"
PROFILE = """
id = "ledger-only"
version = "1.0.0"
title = { en = "Ledger rules alone", zh-CN = "仅账本要求" }
not_applicable = ["LED-*"]
[select]
ledger = ["LED-*"]
[verdict]
fail_at = "medium"
calibration_required = false
"""

#: What the checks come to. K01: it hashes with SHA-256 and signs with Ed25519. S07: its nodes answer strangers.
EXPECTED = {
    "passed": ("L01 L02 L03 L07 L10 L13 X01 X02 X03 C01 C02 C03 C04 C08 C11 C13 C14 O01"),
    "failed": "K01 S07",
}


def _cache() -> Path:
    given = os.environ.get("CONFORMANCE_E2E_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "conformance-e2e"


@pytest.fixture(scope="module")
def injectived() -> Path:
    """Return the node's binary, installed on first use."""
    home = _cache() / RELEASE.replace("==", "-")
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", RELEASE],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"NOT TESTED AGAINST A REAL NETWORK: {RELEASE} cannot be installed: {done.stderr[-300:]}")
    subprocess.run([str(home / "bin" / "injectived"), "version"], check=True, capture_output=True)
    found = subprocess.run(
        [str(python), "-c", "import injective_core as i, pathlib; print(pathlib.Path(i.__file__).parent / 'bin')"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return (Path(found.stdout.strip()) / "injectived").resolve()


@pytest.fixture(scope="module")
def network(injectived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start four validators and return the directory with their candidate file."""
    place = tmp_path_factory.mktemp("injective")
    script = shutil.copy(EXAMPLES / "injective_network.py", place)
    environment = {**os.environ, "INJECTIVED": str(injectived)}

    def run(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, script, *words], cwd=place, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    try:
        urls = run("up", "network")
        text = (EXAMPLES / "injective.toml").read_text(encoding="utf-8")
        for name, url in urls.items():
            text = re.sub(rf'(?m)^{name} = "[^"]*"', f'{name} = "{url}"', text)
        text = re.sub(r'(?m)^base_url = "[^"]*"', f'base_url = "{urls["node1"]}"', text)
        (place / "candidate.toml").write_text(text, encoding="utf-8")
        (place / "profile.toml").write_text(PROFILE, encoding="utf-8")
        yield place
    finally:
        if (place / "network" / "network.json").exists():
            run("down", "network")


@pytest.fixture(scope="module")
def run_directory(network: Path, environment: dict[str, str]) -> Path:
    """Run the ledger suite against the network and return the run's directory."""
    command = [sys.executable, "-m", "conformance.cli.main", "run", "-c", "candidate.toml", "-p", "profile.toml"]
    done = subprocess.run(
        command, cwd=network, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (found,) = (path for path in (network / ".conformance" / "runs").iterdir() if path.is_dir())
    return found


def _report(run_directory: Path) -> dict[str, Any]:
    document = json.loads((run_directory / "report.json").read_text(encoding="utf-8"))
    return dict(document.get("predicate", document))


def test_every_check_comes_to_what_is_expected_of_this_product(run_directory: Path) -> None:
    outcomes = _report(run_directory)["outcomes"]
    decided = {
        row["check"]: row["outcome"] for row in outcomes if row["outcome"] not in ("not applicable", "not tested")
    }
    wanted = {f"LED-{name}": outcome for outcome, names in EXPECTED.items() for name in names.split()}
    differing = [row for row in outcomes if decided.get(row["check"]) != wanted.get(row["check"])]
    assert decided == wanted, "; ".join(f"{row['check']} {row['outcome']}: {row['reason']}" for row in differing)


def test_headers_and_signatures_were_really_recomputed(run_directory: Path) -> None:
    rows = {row["check"]: row for row in _report(run_directory)["outcomes"]}
    for check in ("LED-L01", "LED-L07", "LED-C08"):
        first, last = rows[check]["exchanges"][0]
        assert last - first >= 5, "a pass must rest on the blocks that were read"


def test_the_report_of_a_real_network_verifies_offline(run_directory: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "conformance.cli.main", "verify", str(run_directory / "report.dsse.json")]
    done = subprocess.run(
        command, cwd=run_directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
