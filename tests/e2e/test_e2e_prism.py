"""Prism, a mock server that somebody else wrote, serving our own contract, bound by what ``init`` proposes.

It answers from the document's schemas alone, so its real findings are those of a product without any state: every
token is good, nothing is remembered, and a repeated payment is made again.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from outcomes import found, must_be_as_expected, uncalibrated
from stranger import Run, no_traceback, only_run, statement_of

from conformance.contract import openapi

pytestmark = pytest.mark.e2e

VERSION = "5.16"
SECRETS = {
    f"NEUTRAL_CONTRACT_OF_PAYM_{user}_{word}": f"{user.lower()}-{word.lower()}-0123456789"
    for user in ("ALICE", "BOB")
    for word in ("CLIENT", "SECRET")
}


def installed() -> Path:
    """Return the cached program; its dependencies stay out of this environment."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"prism-{VERSION}"
    program = home / "node_modules" / ".bin" / "prism"
    if not program.exists():
        if shutil.which("npm") is None:
            pytest.skip("NOT TESTED: prism needs npm, which is not installed here")
        home.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [*command, f"@stoplight/prism-cli@{VERSION}"], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            pytest.skip(f"NOT TESTED: cannot install prism: {done.stderr[-300:]}")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "openapi.json"
    path.write_text(json.dumps(openapi()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def prism(document: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [str(installed()), "mock", str(document), "-h", "127.0.0.1", "-p", str(port), "--multiprocess", "false"],
        cwd=document.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            assert process.poll() is None, "prism ended before it listened"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def test_what_init_proposes_runs_and_finds_what_is_wrong(
    prism: str, document: Path, conformance: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    for name, value in SECRETS.items():
        monkeypatch.setitem(environment, name, value)
    candidate = tmp_path / "candidate.toml"
    made = conformance("init", "--from-openapi", str(document), "-o", str(candidate))
    assert made.returncode == 0, made.stderr
    text = candidate.read_text("utf-8").replace("http://127.0.0.1:8080", prism)
    candidate.write_text(text, encoding="utf-8")

    doctor = conformance("doctor", "-c", str(candidate), "--format", "json")
    understood = {row["operation"] for row in json.loads(doctor.stdout)["operations"] if row["state"] == "understood"}
    assert understood >= {"accounts.list", "accounts.read", "accounts.balance", "payments.list", "payments.read"}

    runs = tmp_path / "runs"
    arguments = ["-p", str(uncalibrated(tmp_path)), "--suite", "security", "--runs", str(runs), "--quiet"]
    done = conformance("run", "-c", str(candidate), *arguments)

    no_traceback(done)
    assert done.returncode == 1, done.stdout + done.stderr
    must_be_as_expected("prism", found(statement_of(only_run(runs)), ["security"]))
    assert conformance("verify", str(only_run(runs))).returncode == 0
