"""npm oidc-provider as a FAPI 2.0 server: what is really wrong with it is found, and each faulty setting beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from oidc_provider import OidcProvider, installed
from outcomes import found, must_be_as_expected, uncalibrated
from stranger import no_traceback, only_run, statement_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: The sound server, one that asks for nonces, and one configuration fault each.
SETTINGS = ("sound", "nonces", "replay", "mtls-unbound", "certificate-header", "code-ttl", "fapi-off")


def run_against(setting: str, directory: Path, home: Path) -> dict[str, str]:
    """Start the server with one setting, run the profile as a user would, and return what was found.

    The sound server meets the whole profile; a setting only the checks of tokens, for the rest is the same.
    """
    faults = [] if setting in ("sound", "nonces") else [setting]
    narrowed = [] if setting == "sound" else ["--check", "SEC-J*"]
    command = [sys.executable, "-m", "conformance.cli.main", "run", "--quiet", *narrowed]
    with OidcProvider(directory, faults=faults, nonces=setting == "nonces") as provider:
        profile = uncalibrated(directory, "fapi2-security")
        done = subprocess.run(
            [*command, "--profile", str(profile), "--candidate", str(provider.candidate)],
            cwd=directory,
            env={**os.environ, **provider.environment, "CONFORMANCE_HOME": str(home), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    no_traceback(done)
    outcomes = found(statement_of(only_run(directory / ".conformance" / "runs")), ["security"])
    return {check: outcome for check, outcome in outcomes.items() if not narrowed or check.startswith("SEC-J")}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, home: Path) -> dict[str, dict[str, str]]:
    """Run against every setting at once: one check waits for codes to grow old, and waiting is all they share."""
    installed()
    base = tmp_path_factory.mktemp("oidc-provider")
    with ThreadPoolExecutor(len(SETTINGS)) as pool:
        runs = {name: pool.submit(run_against, name, base / name, home) for name in SETTINGS}
        return {name: run.result() for name, run in runs.items()}


def test_the_findings_are_the_products_and_the_settings(results: dict[str, dict[str, str]]) -> None:
    """``sound`` holds every check; the other settings are compared by what they change, and by nothing else."""
    sound = results["sound"]
    changed = {
        f"{setting}: {check}": outcome
        for setting, outcomes in results.items()
        for check, outcome in outcomes.items()
        if setting == "sound" or outcome != sound[check]
    }
    must_be_as_expected("oidc_provider", changed)


def test_each_faulty_setting_is_noticed(results: dict[str, dict[str, str]]) -> None:
    failed = {setting: _failed(outcomes) for setting, outcomes in results.items()}
    for setting in SETTINGS[2:]:
        assert failed[setting] > failed["sound"], setting


def _failed(outcomes: dict[str, str]) -> set[str]:
    return {check for check, said in outcomes.items() if check.startswith("SEC-J") and said.startswith("failed")}
