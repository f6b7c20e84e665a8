"""Each failure can be reproduced: the script that a run leaves repeats the finding against the living product."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stranger import Run, no_traceback, only_run

from conformance.reference.process import ReferenceProcess

pytestmark = pytest.mark.e2e

#: Takes a fault and its check; gives what the run printed, and the script of the failure.
Failing = Callable[[str, str], tuple[subprocess.CompletedProcess[str], Path]]

CASES = {
    "payments.replay-accepted": "SEC-V06",
    "accounts.owner-unchecked": "SEC-Z01",
    "payments.negative-accepted": "SEC-V01",
    "http.smuggling": "SEC-I07",
    "input.deep-json-crash": "SEC-I02",
    "input.invalid-utf8": "SEC-I04",
}


#: Failures whose requests no script can make anew: forged tokens, assertions, signatures, personal data.
BY_HARNESS = {
    "tokens.none-accepted": "SEC-J01",
    "keys.rotation-ignored": "SEC-J22",
    "audit.content-dropped": "SEC-D11",
    "data.pan-unmasked": "SEC-D05",
}

#: Failures that raw handshakes show: nothing of them is secret, and nothing is a status.
HANDSHAKES = {
    "tls.legacy-protocol": "SEC-T01",
    "tls.3des-suites": "SEC-T03",
    "tls.cbc": "SEC-T05",
    "tls.dh1024": "SEC-T06",
    "tls.no-renegotiation-info": "SEC-T13.renegotiation",
    "tls.compression": "SEC-T13.compression",
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    with ReferenceProcess(tmp_path_factory.mktemp("bank")) as process:
        yield process


def repeat(script: Path, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **secrets}
    return subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def failing(
    bank: ReferenceProcess,
    conformance: Run,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Failing:
    """Switch a fault on and run the check that finds it; return what was printed, and the script of the failure."""

    def run(fault: str, check: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        bank.reset([fault])
        for name, value in bank.environment.items():
            monkeypatch.setitem(environment, name, value)
        done = conformance("run", "-c", str(bank.candidate_path), "--check", check, "--runs", str(tmp_path), "--quiet")
        no_traceback(done)
        return done, only_run(tmp_path) / "reproduce" / f"{check}.sh"

    return run


@pytest.mark.parametrize("fault", CASES)
def test_the_script_repeats_what_failed_and_sees_when_it_is_mended(
    fault: str, bank: ReferenceProcess, failing: Failing
) -> None:
    check = CASES[fault]
    done, script = failing(fault, check)
    assert f"  bash {script}   # make the requests of this failure again" in done.stdout
    text = script.read_text("utf-8")
    assert [value for value in bank.environment.values() if value in text] == []

    again = repeat(script, bank.environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "recorded was" not in again.stdout

    bank.reset([])
    mended = repeat(script, bank.environment)
    # A double payment answers alike whether it pays twice or not; what was wrong there is in the balances shown.
    assert mended.returncode == (0 if check == "SEC-V06" else 1), mended.stdout

    bare = repeat(script, {})
    assert bare.returncode != 0
    assert "export it" in bare.stderr


@pytest.mark.parametrize("fault", HANDSHAKES)
def test_the_script_makes_the_handshakes_again(fault: str, bank: ReferenceProcess, failing: Failing) -> None:
    _, script = failing(fault, HANDSHAKES[fault])
    again = repeat(script, {})
    assert again.returncode == 0, again.stdout + again.stderr
    assert "ServerHello" in again.stdout
    assert "recorded was" not in again.stdout

    bank.reset([])
    mended = repeat(script, {})
    assert mended.returncode == 1, mended.stdout


@pytest.mark.parametrize("fault", BY_HARNESS)
def test_what_no_script_can_make_anew_the_harness_checks_again(
    fault: str, bank: ReferenceProcess, failing: Failing, environment: dict[str, str], tmp_path: Path
) -> None:
    _, script = failing(fault, BY_HARNESS[fault])
    harness = tmp_path / "conformance"
    harness.write_text(f'#!/bin/sh\nexec {sys.executable} -m conformance.cli.main "$@" --runs {tmp_path}/again\n')
    harness.chmod(0o755)
    given = {**environment, "CONFORMANCE": str(harness), "CANDIDATE": str(bank.candidate_path)}

    again = repeat(script, given)
    assert again.returncode == 0, again.stdout + again.stderr
    assert ", as recorded: " in again.stdout

    bank.reset([])
    mended = repeat(script, given)
    assert mended.returncode == 1, mended.stdout + mended.stderr
    assert "passed" in mended.stdout

    without = repeat(script, {**given, "CONFORMANCE": "none"})
    assert without.returncode != 0
    assert "there is no command none to check again with" in without.stderr
