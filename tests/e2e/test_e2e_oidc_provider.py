"""npm oidc-provider as a FAPI 2.0 server: what is really wrong with it is found, and each faulty setting beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from oidc_provider import OidcProvider, installed
from stranger import only_run, statement_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: What is really wrong with the product: a client assertion may be dated ahead as long as it also expires.
FINDINGS = {"SEC-J14.clock"}

#: What each setting adds. Without its FAPI mode the server demands less of every kind of request.
SETTINGS: dict[str, set[str]] = {
    "sound": set(),
    "nonces": set(),
    "replay": {"SEC-J09.replay"},
    "mtls-unbound": {"SEC-J10"},
    "code-ttl": {"SEC-J13.age"},
    "fapi-off": {"SEC-J11.pkce", "SEC-J11.redirect", "SEC-J12.pushed", "SEC-J14.audience", "SEC-J16.bounds"},
}

#: What does not concern the server under each setting.
NOT_APPLICABLE = {"nonces": {"SEC-J09.iat"}}


@dataclass(frozen=True)
class Result:
    """How the checks of the authorization server ended under one setting."""

    failed: set[str]
    undecided: set[str]
    not_applicable: set[str]
    printed: str


def run_against(setting: str, directory: Path, home: Path) -> Result:
    """Start the server with one setting and run the profile's checks of it, as a user would."""
    faults = [] if setting in ("sound", "nonces") else [setting]
    command = [sys.executable, "-m", "conformance.cli.main", "run", "--quiet", "--profile", "fapi2-security"]
    with OidcProvider(directory, faults=faults, nonces=setting == "nonces") as provider:
        done = subprocess.run(
            [*command, "--candidate", str(provider.candidate), "--check", "SEC-J*"],
            cwd=directory,
            env={**os.environ, **provider.environment, "CONFORMANCE_HOME": str(home), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    outcomes = statement_of(only_run(directory / ".conformance" / "runs"))["outcomes"]
    ran = [item for item in outcomes if item["exchanges"]]

    def ended(outcome: str) -> set[str]:
        # A pass that no calibration of this very version backs is reported as inconclusive; it is still a pass here.
        kept = [item for item in ran if not item["reason"].startswith("passed, but no current calibration")]
        return {item["check"] for item in kept if item["outcome"] == outcome}

    return Result(ended("failed"), ended("inconclusive"), ended("not applicable"), done.stdout + done.stderr)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, home: Path) -> dict[str, Result]:
    """Run against every setting at once: one check waits for codes to grow old, and waiting is all they share."""
    installed()
    base = tmp_path_factory.mktemp("oidc-provider")
    with ThreadPoolExecutor(len(SETTINGS)) as pool:
        runs = {name: pool.submit(run_against, name, base / name, home) for name in SETTINGS}
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_findings_are_the_products_and_the_settings(results: dict[str, Result], setting: str) -> None:
    result = results[setting]
    assert result.failed == FINDINGS | SETTINGS[setting], result.printed
    assert result.undecided == set(), result.printed
    assert result.not_applicable == NOT_APPLICABLE.get(setting, {"SEC-J09.nonce"}), result.printed
    assert "Traceback" not in result.printed
