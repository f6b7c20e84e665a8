"""Ended at any moment, a scenario undoes what it did, and each of its payments is accounted for: at once or later."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from load_orders import order

from conformance.engine.checks_pass import Workplace
from conformance.engine.load import run_scenario
from conformance.reference.process import ReferenceProcess
from conformance_load.journal import PaymentJournal, State

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PARAMETERS = {"rate_per_s": 40, "duration_s": 60, "warmup_s": 0, "connections": 8, "accounts": 4, "drain_s": 2}
CLASSES = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with ReferenceProcess(tmp_path_factory.mktemp("bank"), only_plugins=[]) as process:
        yield process


def spec_of(bank, folder, scenario="payments-create", **changes):
    return order(bank.candidate_path, folder, scenario, PARAMETERS | changes)


def processes_of(folder):
    """Return the ids of the processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder) in path.read_bytes().decode(errors="replace"):
                found.append(int(path.parent.name))
    return found


def wait_for(condition, limit_s=60):
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def confirmed(folder, least=30):
    """Tell whether the first journal below a folder shows so many confirmed payments."""
    for path in folder.rglob("*-payments-1.journal"):
        with contextlib.suppress(Exception), PaymentJournal.open(path) as journal:
            return journal.count(State.ACK) >= least
    return False


def run_and(strike, spec, bank, folder):
    """Run a scenario, strike its process when payments are under way, and return whether it counts and its events."""
    events, counts = [], []
    place = Workplace(folder, folder / "log.txt", bank.environment)
    runner = threading.Thread(target=lambda: counts.append(run_scenario(spec, place, events.append)))
    runner.start()
    strike()
    runner.join(120)
    assert not runner.is_alive()
    return counts[0], events, json.loads((folder / "measurement.json").read_text())


def all_balanced(found):
    books = found["reconciliation"]
    assert {name: books[name] for name in CLASSES} == dict.fromkeys(CLASSES, 0)
    assert found["statement"]["unread"] == ""
    assert books["balanced"]
    assert books["unknown"] == found["decisions"]["undecided"] == 0
    return books


def test_the_payments_of_a_killed_process_are_decided_and_those_of_all_attempts_are_added_up(bank, tmp_path):
    def kill():
        wait_for(lambda: confirmed(tmp_path))
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)

    bank.reset()
    counts, events, found = run_and(kill, spec_of(bank, tmp_path), bank, tmp_path)
    assert not counts
    assert events[-1]["reason"] == "the child process was killed by SIGKILL"
    assert found["validity"] == "invalid"
    assert found["reasons"] == ["the scenario did not come to its end: the child process was killed by SIGKILL"]
    killed = all_balanced(found)
    assert killed["sent"] >= 30
    counts, _, found = run_and(lambda: None, spec_of(bank, tmp_path, duration_s=2), bank, tmp_path)
    assert counts
    assert found["earlier"] == {"attempts": 1, "sent": killed["sent"], "unknown": 0}
    assert all_balanced(found)["sent"] >= found["sent"] + killed["sent"] - 10
    assert list(tmp_path.glob("*.left.json")) == []


def test_what_a_product_lost_in_an_attempt_that_was_killed_is_found_in_the_next(bank, tmp_path):
    def kill():
        wait_for(lambda: confirmed(tmp_path))
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)

    bank.reset(["load.lost"])
    plain = {"replay_every": 0, "altered_every": 0, "twin_every": 0, "cut_every": 0}
    counts, _, found = run_and(kill, spec_of(bank, tmp_path, **plain), bank, tmp_path)
    assert not counts
    lost = found["reconciliation"]["lost"]
    assert lost >= 1
    bank.reset()
    _, _, found = run_and(lambda: None, spec_of(bank, tmp_path, duration_s=2, **plain), bank, tmp_path)
    assert found["reconciliation"]["lost"] == lost


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_paused_product_goes_on_however_the_process_ends(bank, tmp_path, number):
    def end():
        wait_for((tmp_path / "payments-paused-disturbed.json").exists)
        time.sleep(0.3)
        for pid in processes_of(tmp_path):
            os.kill(pid, number)

    bank.reset()
    spec = spec_of(bank, tmp_path, "payments-paused", disturb_at_s=1, disturb_s=40)
    started = time.monotonic()
    counts, events, found = run_and(end, spec, bank, tmp_path)
    assert not counts
    assert time.monotonic() - started < 35
    assert not (tmp_path / "payments-paused-disturbed.json").exists()
    books = all_balanced(found)
    said = next(event["note"] for event in events if event["event"] == "scenario-interrupted")
    assert said.startswith(f"{books['sent']} payments were sent: ")
    assert said.endswith("0 unaccounted for; their books were compared")


def test_a_run_that_is_interrupted_under_load_says_what_is_known_and_goes_on(bank, tmp_path):
    bank.reset()
    environment = {**os.environ, **bank.environment, "HOME": str(tmp_path)}
    words = ["-c", str(bank.candidate_path), "--check", "LOAD-M01", "--set", "rate_per_s=30"]
    process = start(environment, *words, "--set", "duration_s=12", "--runs", str(tmp_path / "runs"))
    wait_for(lambda: confirmed(tmp_path / "runs") if process.poll() is None else pytest.fail(process.communicate()[1]))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=80)
    assert process.returncode == 130, errors
    assert "0 unaccounted for; their books were compared; a resumed run accounts for all of them" in errors
    (run,) = (tmp_path / "runs").iterdir()
    assert processes_of(run) == []
    resumed = start(environment, *words, "--set", "duration_s=12", "--resume", str(run))
    out, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 3, out + errors
    (load,) = json.loads((run / "report.json").read_text())["predicate"]["load"]
    assert load["earlier"]["attempts"] == 1
    assert load["earlier"]["sent"] >= 30
    assert all_balanced(load)


def start(environment, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "conformance.cli.main", "load", *words], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
