"""The checks of transport against nginx: every fault is found by its check, and by no other; nothing else is."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path

import nginx_farm
import pytest
from stranger import Run, no_traceback, only_run, statement_of

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.engine.judge import Traces, judge
from conformance.files.candidate_file import read_candidate
from conformance.model.outcome import CheckOutcome, Outcome
from conformance.reference.demo import write_toml
from conformance.sdk import Candidate, CheckDeclaration, Evidence, Params, Sighting, declaration_of
from conformance_security import SUITE

pytestmark = pytest.mark.e2e

EXPECTED = Path(__file__).with_name("expected_nginx_farm.json")

#: Servers without a fault.
SOUND = {"sound", "sound-without-staple", "mtls-sound"}
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")

Check = Callable[..., object]

PROFILE = """
id = "transport"
version = "1"
title = { en = "Transport", zh-CN = "传输" }
[verdict]
fail_at = "medium"
inconclusive_max = 0
not_tested_max = 0
calibration_required = false
[select]
security = ["SEC-T07", "SEC-T08", "SEC-T09", "SEC-T12"]
"""


class Counting:
    """A recorder that keeps nothing."""

    def __init__(self) -> None:
        self.check, self.run, self.count = "E2E", "nginx-farm", 0

    def record(self, sighting: Sighting) -> int:
        self.count += 1
        return self.count


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nginx_farm.Farm]:
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    try:
        nginx = nginx_farm.installed(cache)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"NGINX FARM NOT RUN: nginx is not installed and Debian's package cannot be fetched: {error}")
    with nginx_farm.running(nginx, tmp_path_factory.mktemp("nginx")) as servers:
        yield servers


def bound(farm: nginx_farm.Farm, name: str) -> Candidate:
    """Bind one server by a candidate file of its own, as its owner would write it."""
    mutual = name.startswith("mtls")
    users = {f"mtls-{use}": {"client_cert": f"client-{use}.pem"} for use in ("good", "stranger", "revoked", "expired")}
    mtls = {"endpoint": "mtls", **{use[5:]: use for use in users}}
    document = {
        "name": name,
        "version": "1",
        "vendor": "example.com",
        "driver": "http",
        "base_url": farm.url("sound" if mutual else name),
        "supports": ["accounts.open", "accounts.list", "accounts.balance", "payments.create", "mtls"],
        "endpoints": {"mtls": farm.url(name if mutual else "mtls-sound")},
        "users": {"anybody": {"scheme": "none"}, **users},
        "tls": {"ca": "root.pem"},
        "limits": {"requests_per_second_max": 5000, "timeout_s": 5},
        "declared": {"security": {"tls": {"plain": False, "mtls": mtls}}},
    }
    path = farm.directory / f"{name}.toml"
    write_toml(path, document)
    return bind(read_candidate(path), Counting(), {"http": DRIVER})


def transport_checks() -> Iterator[tuple[CheckDeclaration, Check]]:
    """Give every check of transport that the suite has."""
    for module in SUITE.checks:
        for function in vars(import_module(module)).values():
            declaration = declaration_of(function)
            if declaration and declaration.module == module and declaration.id.startswith("SEC-T"):
                yield declaration, function


def outcomes(candidate: Candidate) -> dict[str, str]:
    """Run every check of transport and return what came of those that did not pass."""
    found = {}
    for declaration, function in transport_checks():
        evidence = Evidence("nginx-farm", declaration.id)
        offered = {"candidate": candidate, "evidence": evidence, "params": Params(SUITE.parameters)}
        error: BaseException | None = None
        try:
            function(**{name: offered[name] for name in signature(function).parameters})
        except Exception as raised:
            error = raised
        traces = Traces()
        traces.add(1, "")
        result = judge(declaration.id, error, should=False, evidence=evidence, traces=traces, elapsed_ms=0, attempt=1)
        if result.outcome is not Outcome.PASSED:
            found[declaration.id] = said(result)
    return found


def said(result: CheckOutcome) -> str:
    """Return an outcome as the expectations hold it: whose fault it is, and the words of what failed."""
    if result.outcome is Outcome.FAILED:
        return f"failed: {DATE.sub('DATE', result.reason)}"
    return f"{result.outcome}, {result.blame}" if result.blame else str(result.outcome)


def test_every_server_is_judged_as_expected(farm: nginx_farm.Farm) -> None:
    """Strict both ways: a failure that is not expected is an error, and so is one that is expected and missing."""
    seen = {}
    for name in nginx_farm.SERVERS:
        candidate = bound(farm, name)
        seen[name] = outcomes(candidate)
        candidate.driver.close()
    (farm.directory / "seen.json").write_text(json.dumps(seen, indent=1) + "\n")  # to compare with, or to commit
    assert seen == json.loads(EXPECTED.read_text(encoding="utf-8"))


def test_the_expectations_hold_a_fault_for_every_server_but_the_sound_ones() -> None:
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    without = {
        name for name, found in expected.items() if not any(said.startswith("failed") for said in found.values())
    }
    assert set(expected) == set(nginx_farm.SERVERS)
    assert without == SOUND
    for name in SOUND:
        assert set(expected[name].values()) <= {"not applicable"}


def test_a_whole_run_names_the_certificate_that_stops_it(
    farm: nginx_farm.Farm, conformance: Run, tmp_path: Path
) -> None:
    """Every request fails where the certificate is bad; the report says which certificate, and what is wrong."""
    bound(farm, "certificate-expired").driver.close()
    profile, runs = tmp_path / "profile.toml", tmp_path / "runs"
    profile.write_text(PROFILE, encoding="utf-8")
    file = farm.directory / "certificate-expired.toml"
    done = conformance("run", "-c", str(file), "--profile", str(profile), "--runs", str(runs), "--quiet")
    no_traceback(done)
    assert done.returncode == 1, done.stdout + done.stderr
    found = {item["check"]: item for item in statement_of(only_run(runs))["outcomes"]}
    assert (found["SEC-T09"]["outcome"], found["SEC-T09"]["blame"]) == ("failed", "PRODUCT")
    assert "CN=localhost has expired" in found["SEC-T09"]["reason"]
    assert (found["SEC-T12"]["outcome"], found["SEC-T12"]["blame"]) == ("inconclusive", "CONFIG")
    assert "certificate has expired" in found["SEC-T12"]["reason"]
    assert found["SEC-T07"]["outcome"] == found["SEC-T08"]["outcome"] == "passed"
