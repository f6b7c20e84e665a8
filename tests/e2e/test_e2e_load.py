"""Load as a stranger asks for it: from workers elsewhere, interrupted at any moment, and with what cannot be."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stranger import Run, no_traceback, only_run, statement_of

from conformance.reference.process import ReferenceProcess

pytestmark = pytest.mark.e2e

#: Slow enough for any machine, so that what is tested is not its speed.
GENTLE = ("--set", "rate_per_s=40", "--set", "connections=16", "--set", "p99_ms_max=5000", "--set", "drain_s=20")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The reference candidate by itself: its candidate file and its secrets."""
    with ReferenceProcess(tmp_path_factory.mktemp("reference")) as reference:
        yield reference.candidate_path, reference.environment


def start(environment: dict[str, str], *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start what can be interrupted, also where these tests run in a shell's background with SIGINT ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "conformance.cli.main", *words], env=environment, cwd=cwd, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def outcomes_of(run: Path) -> dict[str, dict[str, Any]]:
    return {row["check"]: row for row in statement_of(run)["outcomes"] if row["check"]}


def test_workers_elsewhere_share_the_schedule_and_the_money_is_accounted_for(
    environment: dict[str, str], served: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    candidate, secrets = served
    everything = {**environment, **secrets}
    address = f"127.0.0.1:{free_port()}"
    crew = ("-c", str(candidate), "--crew", "crew.key")
    master = start(
        everything, "load", *crew, "--workers", "gen*2", "--bind", address, "--runs", "runs", "--check", "LOAD-M0*",
        *GENTLE, cwd=tmp_path,
    )  # fmt: skip
    limit = time.monotonic() + 60
    while not (tmp_path / "crew.key").exists():
        assert time.monotonic() < limit
        assert master.poll() is None, master.communicate()
        time.sleep(0.1)
    workers = [
        start(everything, "worker", *crew, "--master", address, "--name", f"gen-{number}", "--idle", "8", cwd=tmp_path)
        for number in (1, 2)
    ]
    out, errors = master.communicate(timeout=240)
    assert master.returncode == 3, out + errors  # --check leaves requirements out: inconclusive at best
    for worker in workers:
        said = worker.communicate(timeout=120)
        assert worker.returncode == 0, said
        assert "has served 1 scenario" in said[1]
    (load,) = statement_of(only_run(tmp_path / "runs"))["load"]
    assert [item["name"] for item in load["generator"]["workers"]] == ["gen-1", "gen-2"]
    assert sum(item["sent"] for item in load["generator"]["workers"]) == load["sent"] == load["offered"]["scheduled"]
    assert load["reconciliation"]["balanced"]
    checks = outcomes_of(only_run(tmp_path / "runs"))
    assert {checks[f"LOAD-M0{number}"]["outcome"] for number in range(1, 10)} == {"passed"}, load["reasons"]


def test_a_load_that_is_interrupted_leaves_no_process_and_goes_on(
    environment: dict[str, str], served: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    candidate, secrets = served
    everything = {**environment, **secrets}
    words = ("-c", str(candidate), "--check", "LOAD-M0*", "--workers", "2", *GENTLE)
    process = start(everything, "load", *words, "--runs", str(tmp_path))
    limit = time.monotonic() + 120
    while not list(tmp_path.glob("*/load/*-worker-2.journal")):
        assert time.monotonic() < limit
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "conformance load" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    (run,) = list(tmp_path.iterdir())
    assert left_of(run) == []
    resumed = start(everything, "load", *words, "--resume", str(run))
    out, errors = resumed.communicate(timeout=240)
    assert resumed.returncode == 3, out + errors
    (load,) = statement_of(run)["load"]
    assert load["reconciliation"]["balanced"], load["reconciliation"]


def left_of(run: Path) -> list[str]:
    """Return the processes that still work on a run, a moment after it was interrupted."""
    for _ in range(50):
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(run) in text:
                found.append(text)
        if not found:
            return []
        time.sleep(0.1)
    return found


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "rate_per_s=abc"), "whole number"),
        (("--set", "rate_per_s=99999"), "the candidate allows"),
        (("--set", "no_such=1"), "no loaded suite has a parameter"),
        (("--workers", "alpha"), "need a secret in common"),
        (("--scale", "3"), "not a factor"),
        (("-p", "published-targets"), "published-targets-mojaloop"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_request(
    conformance: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    done = conformance("load", "--demo", "--runs", str(tmp_path), *words)
    no_traceback(done)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "→" in done.stderr
    assert list(tmp_path.glob("*/evidence/*.zst")) == []


def test_a_profile_that_asks_for_more_than_is_welcome_takes_nothing_from_the_rest(
    environment: dict[str, str], served: tuple[Path, dict[str, str]], conformance: Run, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    candidate, secrets = served
    for name, value in secrets.items():
        monkeypatch.setitem(environment, name, value)
    text, count = re.subn(r"load_per_second_max = \d+", "load_per_second_max = 1", candidate.read_text())
    assert count == 1
    modest = candidate.with_name("modest.toml")
    modest.write_text(text)
    chosen = ("--check", "LOAD-M01", "--check", "SEC-V01")
    done = conformance("run", "-c", str(modest), *chosen, "--runs", str(tmp_path), "--quiet", timeout=300)
    no_traceback(done)
    assert done.returncode == 3, done.stdout + done.stderr
    found = outcomes_of(only_run(tmp_path))
    assert found["SEC-V01"]["outcome"] == "passed"
    assert found["LOAD-M01"]["outcome"] == "not tested"
    assert "the candidate allows 1" in found["LOAD-M01"]["reason"]


def test_a_scaled_target_is_inconclusive_at_best_and_says_so(conformance: Run, tmp_path: Path) -> None:
    done = conformance(
        "load", "--demo", "-p", "published-targets-mojaloop", "--scale", "3/1000", "--set", "duration_s=1000", "--runs",
        str(tmp_path), "--format", "json", timeout=300,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"]["value"] == "inconclusive"
    run = only_run(tmp_path)
    target = outcomes_of(run)["LOAD-T01"]
    assert target["outcome"] == "inconclusive"
    assert "scaled to 0.3 %" in target["reason"]
    assert "multiplied by 3/1000" in json.dumps(statement_of(run))
