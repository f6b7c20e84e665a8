"""The whole scenario against a small bank of our own: everything accounted for, every defect counted exactly."""

import contextlib
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
    "twin_every": 15,
    "cut_every": 33,
    "uncovered_every": 25,
    "probes": 3,
}
#: No repetitions and no cuts, where they would change what a defect strikes.
PLAIN = {"cut_every": 0, "replay_every": 0, "altered_every": 0, "twin_every": 0}
ORDERS = {
    "": {},
    "lost": {},
    "doubled": {},
    "ghost": {},
    "wrong-amount": {},
    "errors": {},
    "unreadable": {},
    "rejected-booked": PLAIN,
    "replay-doubled": {"cut_every": 0, "altered_every": 0, "twin_every": 0},
    "twin-doubled": {"cut_every": 0, "altered_every": 0, "replay_every": 0},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Measurements by defect; one load process makes them all, because starting one takes longest."""
    folder = tmp_path_factory.mktemp("load")
    with contextlib.ExitStack() as stack:
        servers = {fault: stack.enter_context(load_bank.Server(fault)) for fault in ORDERS}
        specs = [
            {"url": servers[fault].url, "directory": str(folder / (fault or "sound")), "parameters": QUICK | changes}
            for fault, changes in ORDERS.items()
        ]
        (folder / "specs.json").write_text(json.dumps(specs))
        command = [sys.executable, str(Path(load_bank.__file__)), str(folder / "specs.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        found = map(json.loads, done.stdout.splitlines())
        return {fault: result | {"hits": servers[fault].bank.hits} for fault, result in zip(ORDERS, found, strict=True)}


def all_integers(value):
    if isinstance(value, dict):
        return all(all_integers(item) for item in value.values())
    if isinstance(value, list):
        return all(all_integers(item) for item in value)
    return value is None or isinstance(value, str | int)


def test_a_sound_bank_is_measured_and_every_payment_is_accounted_for(results):
    result = results[""]
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
    pairs = found["twins"]["made"]
    assert found["twins"] == {"made": pairs, "same": pairs, "different": 0, "oneRefused": 0, "neither": 0, "broken": 0}
    assert 8 <= pairs <= 13
    assert found["generator"]["prepared"]["how"] == "template"
    assert found["generator"]["prepared"]["requests"] == 200 + found["altered"]["made"]
    assert found["generator"]["answers"]["fast"] > 50
    assert found["generator"]["answers"]["disagreed"] == 0
    assert found["generator"]["surplus"] == 0
    assert any(second["lagP99Us"] for second in found["timeline"])
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
def test_each_defect_is_counted_exactly(results, fault, name):
    result = results[fault]
    books = result["measurement"]["reconciliation"]
    assert result["hits"] > 10
    assert books[name] == result["hits"]
    others = {"lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked"} - {name}
    assert {other: books[other] for other in others} == dict.fromkeys(others, 0)


def test_a_lost_payment_shows_in_the_balances_and_leaves_the_total(results):
    books = results["lost"]["measurement"]["reconciliation"]
    assert not books["balanced"]
    assert books["accountsOff"] > 1
    assert books["totalDrift"] == 0


def test_refused_but_booked_is_counted_exactly(results):
    result = results["rejected-booked"]
    assert result["measurement"]["reconciliation"]["rejectedBooked"] == result["hits"] > 10


def test_repeated_requests_that_pay_again_are_found(results):
    found = results["replay-doubled"]["measurement"]
    assert found["replays"]["different"] == found["reconciliation"]["doubled"] == found["replays"]["made"] == 10


def test_equal_requests_at_the_same_moment_that_both_pay_are_found(results):
    result = results["twin-doubled"]
    found = result["measurement"]
    assert found["twins"]["different"] == found["reconciliation"]["doubled"] == result["hits"] > 5
    assert found["replays"]["made"] == 0


def test_a_payment_answered_with_an_error_is_decided_by_asking_again(results):
    result = results["errors"]
    found = result["measurement"]
    assert found["decisions"]["unknown"] > found["counts"]["cut"]
    assert found["reconciliation"]["lost"] == found["reconciliation"]["doubled"] == 0
    assert found["reconciliation"]["balanced"]
    assert result["recorded"] >= found["counts"]["broken"] > 0


def test_books_that_cannot_be_read_leave_the_journals_counts_and_the_reason(results):
    found = results["unreadable"]["measurement"]
    assert "cannot be read" in found["statement"]["unread"]
    assert found["reconciliation"]["acknowledged"] > 100
    assert (found["reconciliation"]["lost"], found["reconciliation"]["balanced"]) == (0, False)
    assert found["validity"] == "valid"
