"""The whole line as a stranger walks it: run, look, verify, break, resume."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stranger import Run, events_of, no_traceback, only_run, statement_of

pytestmark = pytest.mark.e2e

SMALL = """
id = "small"
version = "1.0.0"
title = { en = "A few payment rules", zh-CN = "若干支付规则" }
[select]
security = [
    "SEC-V01", "SEC-V03", "SEC-V05", "SEC-V06", "SEC-V07", "SEC-V08", "SEC-V09", "SEC-V10", "SEC-V11", "SEC-Z01",
]
[verdict]
fail_at = "medium"
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def demo(conformance: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    runs = tmp_path_factory.mktemp("demo")
    done = conformance("run", "--demo", "--runs", str(runs))
    return done, only_run(runs)


def test_the_demo_is_conformant_and_leaves_a_verified_report(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, run = demo
    assert done.returncode == 0, done.stdout + done.stderr
    no_traceback(done)
    assert done.stdout.startswith("CONFORMANT")
    assert "SELF-DECLARED" in done.stdout
    report = statement_of(run)
    assert report["verdict"] == {"value": "conformant", "reasons": []}
    suites = {row["suite"] for row in report["outcomes"] if row["outcome"] == "passed"}
    assert suites == {"security", "barcode", "ledger", "load"}
    for name in ("report.html", "junit.xml", "report.sarif", "summary.json", "report.txt"):
        assert (run / name).stat().st_size > 500
    assert list((run / "allure-results").glob("*-result.json"))


def test_every_passed_check_of_the_demo_is_proven_by_a_fault(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    report = statement_of(demo[1])
    assert all(suite["current"] for suite in report["calibration"]["suites"]), "run `make calibrate` and commit"
    rows = [row for suite in report["calibration"]["suites"] for row in suite["matrix"] if row["detected"]]
    proven = {row["check"] for row in rows}
    assert {row["check"] for row in report["outcomes"] if row["outcome"] == "passed"} <= proven


def test_requirements_without_a_check_are_rows_and_not_absences(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    report = statement_of(demo[1])
    rows = [row for row in report["requirements"] if not row["checks"]]
    assert len(rows) > 100
    assert {row["outcome"] for row in rows} == {"not tested"}
    assert all(row["reason"] for row in rows)


def test_every_payment_of_the_load_run_is_accounted_for(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    loads = {load["scenario"]: load for load in statement_of(demo[1])["load"]}
    assert loads.keys() == {"payments-create", "shop-day"}
    for load in loads.values():
        money = load["reconciliation"]
        assert load["validity"] == "valid"
        assert money["sent"] == money["acknowledged"] + money["rejected"] + money["unknown"] > 100
        assert [money[name] for name in ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount")] == [0] * 5
        assert money["balanced"] is True


def test_verify_says_who_what_and_under_which_steps(
    conformance: Run, demo: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    done = conformance("verify", str(demo[1] / "report.dsse.json"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CONFORMANT: Reference Bank")
    assert "not required by policy" in done.stdout
    assert "(12)" in done.stdout


def test_no_secret_of_the_demo_reached_the_disk(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    from conformance.evidence.canary import canaries_of, canary_leaks
    from conformance.evidence.sidecar import run_key

    assert canary_leaks(demo[1], canaries_of(run_key(demo[1]))) == ()


def test_a_fault_turns_the_verdict_and_is_explained(conformance: Run, small: Path, tmp_path: Path) -> None:
    done = conformance(
        "run", "--demo", "--fault", "payments.replay-accepted", "-p", str(small), "--runs", str(tmp_path)
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("NOT CONFORMANT")
    for words in ("SEC-V06", "Expected", "Actual", "curl ", "Remedy"):
        assert words in done.stdout
    verdict = statement_of(only_run(tmp_path))["verdict"]
    assert any("SEC-V06 failed" in reason for reason in verdict["reasons"])


def test_one_changed_byte_is_refused(conformance: Run, small: Path, tmp_path: Path) -> None:
    assert conformance("run", "--demo", "-p", str(small), "--runs", str(tmp_path)).returncode == 0
    run = only_run(tmp_path)
    for path in (run / "report.dsse.json", *sorted((run / "evidence").glob("segment-*"))[:1]):
        original = path.read_bytes()
        middle = len(original) // 2
        path.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        done = conformance("verify", str(run / "report.dsse.json"))
        assert done.returncode == 4, done.stdout
        assert done.stderr.startswith("TRUST: [")
        path.write_bytes(original)
    assert conformance("verify", str(run / "report.dsse.json")).returncode == 0


# -- a candidate served alone, so that runs against it can be interrupted ----------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    from conformance.reference.process import ReferenceProcess

    with ReferenceProcess(tmp_path_factory.mktemp("reference")) as reference:
        yield reference.candidate_path, reference.environment


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start a run that can be interrupted, also where these tests run in a shell's background with SIGINT ignored."""
    command = [sys.executable, "-m", "conformance.cli.main", "run", *arguments]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_outcomes(runs: Path, count: int, process: subprocess.Popen[str]) -> Path:
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None:
        for path in runs.glob("*/events.jsonl"):
            if path.read_text(encoding="utf-8").count('"event":"outcome"') >= count:
                return path.parent
        time.sleep(0.01)
    raise AssertionError(f"no {count} outcomes came: {process.communicate(timeout=30)}")


def children_of_session(session: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_is_resumed_without_repeating_a_check(
    conformance: Run,
    environment: dict[str, str],
    served: tuple[Path, dict[str, str]],
    small: Path,
    tmp_path: Path,
    how: signal.Signals,
) -> None:
    candidate, secrets = served
    arguments = ["-c", str(candidate), "-p", str(small), "--runs", str(tmp_path)]
    process = start({**environment, **secrets}, *arguments)
    run = wait_for_outcomes(tmp_path, 3, process)
    os.kill(process.pid, how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how is signal.SIGINT else -9)
    if how is signal.SIGINT:
        assert f"conformance run --resume {run}" in errors.replace("\n", " ") or "--resume" in errors
        assert children_of_session(process.pid) == []
    before = [event["check"] for event in events_of(run) if event["event"] == "outcome"]
    resumed = start({**environment, **secrets}, "--resume", str(run), "-c", str(candidate), "-p", str(small))
    out, errors = resumed.communicate(timeout=200)
    assert resumed.returncode == 0, out + errors
    outcomes = [event["check"] for event in events_of(run) if event["event"] == "outcome"]
    assert outcomes[: len(before)] == before
    assert len(outcomes) == len(set(outcomes)) == 12
    report = statement_of(run)
    assert report["environment"]["attempts"] == 2
    attempts = {row["check"]: row["attempts"] for row in report["outcomes"]}
    assert all(attempts[check] == 1 for check in before), "what was finished is not an attempt again"
    assert sum(attempts.values()) <= len(outcomes) + 1, "at most the interrupted check was begun twice"
    assert conformance("verify", str(run)).returncode == 0


def test_a_changed_candidate_file_cannot_be_resumed(
    environment: dict[str, str], served: tuple[Path, dict[str, str]], small: Path, tmp_path: Path
) -> None:
    candidate, secrets = served
    copy = candidate.with_name("changed.toml")  # beside the files that it names
    copy.write_bytes(candidate.read_bytes())
    process = start({**environment, **secrets}, "-c", str(copy), "-p", str(small), "--runs", str(tmp_path / "runs"))
    run = wait_for_outcomes(tmp_path / "runs", 2, process)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    copy.write_text(copy.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    resumed = start({**environment, **secrets}, "--resume", str(run), "-c", str(copy), "-p", str(small))
    _, errors = resumed.communicate(timeout=100)
    assert resumed.returncode == 2
    assert "candidate changed" in errors


# -- what a stranger gets wrong ----------------------------------------------------------------------------


DEAD = """
name = "Dead"
version = "1"
base_url = "http://127.0.0.1:9"
supports = ["accounts", "payments"]
[auth]
scheme = "bearer"
[users.alice]
token = { env = "CONFORMANCE_TEST_TOKEN" }
[users.bob]
token = { env = "CONFORMANCE_TEST_TOKEN" }
"""


def run_dead(environment: dict[str, str], small: Path, folder: Path, port: int) -> tuple[int, str]:
    candidate = folder / "candidate.toml"
    candidate.write_text(DEAD.replace(':9"', f':{port}"'), encoding="utf-8")
    secrets = {"CONFORMANCE_TEST_TOKEN": "a-long-test-token-1"}
    process = start({**environment, **secrets}, "-c", str(candidate), "-p", str(small), "--runs", str(folder / "runs"))
    out, errors = process.communicate(timeout=200)
    return process.returncode, out + errors


def test_a_candidate_that_is_not_running_ends_the_run_at_once_with_a_way_out(
    environment: dict[str, str], small: Path, tmp_path: Path
) -> None:
    code, said = run_dead(environment, small, tmp_path, 9)
    assert code == 2, said
    assert "http://127.0.0.1:9" in said
    assert "→" in said
    assert list((tmp_path / "runs").glob("*/plan.json")) == []


def test_a_candidate_that_hangs_up_is_inconclusive_and_never_a_pass(
    environment: dict[str, str], small: Path, tmp_path: Path
) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, said = run_dead(environment, small, tmp_path, server.server_address[1])
        server.shutdown()
    assert code == 3, said
    report = statement_of(only_run(tmp_path / "runs"))
    assert {row["outcome"] for row in report["outcomes"]} <= {"inconclusive", "not tested"}
    blames = {row["blame"] for row in report["outcomes"] if row["outcome"] == "inconclusive"}
    assert blames <= {"CONFIG", "PRODUCT"}
    assert "connection" in json.dumps(report["outcomes"])


def test_a_missing_secret_is_named_before_anything_runs(conformance: Run, small: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate.toml"
    candidate.write_text(DEAD.replace("CONFORMANCE_TEST_TOKEN", "NO_SUCH_VARIABLE"), encoding="utf-8")
    done = conformance("run", "-c", str(candidate), "-p", str(small), cwd=tmp_path)
    no_traceback(done)
    assert done.returncode == 2
    assert "NO_SUCH_VARIABLE" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run"], 2, "no candidate file"),
        (["run", "--demo", "--fault", "payments.replay-acepted"], 2, "Did you mean payments.replay-accepted"),
        (["run", "--demo", "-p", "no-such-profile"], 2, "installed are"),
        (["run", "--demo", "--check", "NOPE-*"], 5, "nothing to run"),
        (["run", "--fault", "x"], 2, "Add --demo"),
        (["run", "--speed", "11"], 2, "No such option"),
        (["verify", "nothing.json"], 2, "cannot be read"),
        (["explain", "SEC-V6"], 2, "did you mean"),
        (["frobnicate"], 2, "No such command"),
        (["report", "/nowhere"], 2, "not a run directory"),
    ],
)
def test_mistakes_are_answered_with_a_way_out(conformance: Run, arguments: list[str], code: int, words: str) -> None:
    done = conformance(*arguments)
    no_traceback(done)
    assert done.returncode == code, done.stderr
    assert words in done.stderr


def test_a_plugin_that_raises_on_import_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "site"
    (package / "conformance_broken").mkdir(parents=True)
    (package / "conformance_broken" / "__init__.py").write_text("raise RuntimeError('no licence')\n")
    info = package / "conformance_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: conformance-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[conformance.suites]\nbroken = conformance_broken\n")
    done = subprocess.run(
        [sys.executable, "-m", "conformance.cli.main", "list", "suites"],
        env={**environment, "PYTHONPATH": str(package)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    no_traceback(done)
    assert done.returncode == 2
    assert "plugin broken" in done.stderr
    assert "RuntimeError: no licence" in done.stderr
    assert "--only-plugins" in done.stderr


def test_init_doctor_and_a_pipeline_file(conformance: Run, tmp_path: Path) -> None:
    done = conformance("init", "--ci", "github", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pip install fintech-conformance" in (tmp_path / ".github/workflows/conformance.yml").read_text()
    again = conformance("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    doctor = conformance("doctor", "--offline", cwd=tmp_path)
    no_traceback(doctor)
    assert "checks would begin" in doctor.stdout


def test_the_reference_candidate_is_served_alone_with_its_secrets_in_a_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "conformance.cli.main", "reference", "serve", "--directory", str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = "".join(process.stdout.readline() for _ in range(4))
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    secrets = tmp_path / "secrets.env"
    assert str(tmp_path / "candidate.toml") in told, told + errors
    assert secrets.stat().st_mode & 0o777 == 0o600
    values = [line.partition("=")[2].strip("'") for line in secrets.read_text().splitlines() if "SECRET=" in line]
    assert values
    assert not any(value in told for value in values), "secrets belong in the file, not on the screen"
    assert process.returncode == 0
