"""The whole scenario against a small bank of our own: everything accounted for, every defect counted exactly."""

import json
import subprocess
import sys
from pathlib import Path

import load_bank
import pytest

QUICK = {
    "rate_per_s": 200,
    "duration_s": 1,
    "warmup_s": 0,
    "connections": 8,
    "accounts": 4,
    "replay_every": 20,
    "altered_every": 30,
    "cut_every": 33,
    "uncovered_every": 25,
    "probes": 3,
}


def run(tmp_path, fault="", **changes):
    with load_bank.Server(fault) as server:
        spec = tmp_path / "spec.json"
        parameters = {**QUICK, **changes}
        spec.write_text(json.dumps({"url": server.url, "directory": str(tmp_path / "run"), "parameters": parameters}))
        done = subprocess.run(
            [sys.executable, str(Path(load_bank.__file__)), str(spec)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) | {"bank": server.bank}


def all_integers(value):
    if isinstance(value, dict):
        return all(all_integers(item) for item in value.values())
    if isinstance(value, list):
        return all(all_integers(item) for item in value)
    return value is None or isinstance(value, str | int)


def test_a_sound_bank_is_measured_and_every_payment_is_accounted_for(tmp_path):
    result = run(tmp_path)
    found = result["measurement"]
    books = found["reconciliation"]
    assert (found["sent"], found["offered"]["scheduled"]) == (200, 200)
    assert books["acknowledged"] == books["booked"]
    assert books["sent"] == books["acknowledged"] + books["rejected"]
    zero = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "unknown", "totalDrift")
    assert {name: books[name] for name in zero} == dict.fromkeys(zero, 0)
    assert books["balanced"]
    assert found["statement"]["stable"]
    replays = found["replays"]["made"]
    assert found["replays"] == {"made": replays, "same": replays, "different": 0, "refused": 0}
    assert replays + found["altered"]["made"] == 17
    assert found["altered"]["made"] > 0 == found["altered"]["accepted"]
    assert found["uncovered"]["made"] > 0 == found["uncovered"]["accepted"]
    # A replay may already have decided a payment whose connection was cut.
    assert 0 < found["decisions"]["unknown"] <= found["counts"]["cut"]
    assert found["decisions"]["undecided"] == 0
    assert found["confirmed"] == found["offered"]["due"]
    assert found["recovery"]["recoveredMs"] is not None
    assert found["latencyUs"]["response"]["count"] == 200 - found["counts"]["cut"]
    assert sum(second["sent"] for second in found["timeline"]) == 200
    assert all_integers(found)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("lost", "lost"),
        ("doubled", "doubled"),
        ("ghost", "ghost"),
        ("wrong-amount", "wrongAmount"),
    ],
)
def test_each_defect_is_counted_exactly(tmp_path, fault, name):
    result = run(tmp_path, fault)
    books = result["measurement"]["reconciliation"]
    assert result["bank"].hits > 10
    assert books[name] == result["bank"].hits
    others = {"lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked"} - {name}
    assert {other: books[other] for other in others} == dict.fromkeys(others, 0)
    assert not books["balanced"]


def test_refused_but_booked_is_counted_exactly(tmp_path):
    result = run(tmp_path, "rejected-booked", cut_every=0, replay_every=0, altered_every=0)
    assert result["measurement"]["reconciliation"]["rejectedBooked"] == result["bank"].hits > 10


def test_repeated_requests_that_pay_again_are_found(tmp_path):
    found = run(tmp_path, "replay-doubled", cut_every=0, altered_every=0)["measurement"]
    assert found["replays"]["different"] == found["reconciliation"]["doubled"] == found["replays"]["made"] == 10


def test_a_payment_answered_with_an_error_is_decided_by_asking_again(tmp_path):
    result = run(tmp_path, "errors")
    found = result["measurement"]
    assert found["decisions"]["unknown"] > found["counts"]["cut"]
    assert found["reconciliation"]["lost"] == found["reconciliation"]["doubled"] == 0
    assert found["reconciliation"]["balanced"]
    assert result["recorded"] >= found["counts"]["broken"] > 0
