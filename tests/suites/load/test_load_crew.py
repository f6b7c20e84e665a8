"""A crew of real processes against the small bank: counts agree to the last one, and a lost worker voids the run."""

import json
import subprocess
import sys
from pathlib import Path

import load_bank
import pytest

QUICK = {
    "rate_per_s": 120,
    "duration_s": 2,
    "warmup_s": 0,
    "connections": 8,
    "accounts": 4,
    "replay_every": 20,
    "altered_every": 30,
    "cut_every": 0,
    "uncovered_every": 25,
    "probes": 3,
    "sample_every_ms": 0,
}
DISORDER = ("missing", "early", "inserted", "vanished", "swapped")
ORDERS = {
    "sound": {"parameters": QUICK | {"workers": "2", "sample_every_ms": 100}},
    "killed": {"parameters": QUICK | {"workers": "2", "duration_s": 4}, "kill": True},
    "stranger": {"parameters": QUICK | {"workers": "1"}, "worker_digest": "sha256:1"},
}


def run(folder, order, url):
    folder.mkdir()
    (folder / "specs.json").write_text(json.dumps([order | {"url": url, "directory": str(folder)}]))
    command = [sys.executable, str(Path(load_bank.__file__)), str(folder / "specs.json")]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What came of each order: measurement, error output, and how many payments the bank was asked for."""
    folder, found = tmp_path_factory.mktemp("crew"), {}
    for name, order in ORDERS.items():
        with load_bank.Server() as server:
            done = run(folder / name, order, server.url)
            measured = json.loads(done.stdout)["measurement"] if done.returncode == 0 else None
            found[name] = (measured, done.stderr, server.bank)
    return found


def reasons_beside_speed(found):
    """A busy test machine may be too slow for the schedule; that is not what is tested here."""
    return [
        text
        for text in found["reasons"]
        if "lag" not in text and "scheduled requests" not in text and "core" not in text
    ]


def test_every_count_agrees_and_every_payment_is_accounted_for(results):
    found, errors, bank = results["sound"]
    assert found is not None, errors
    books, workers = found["reconciliation"], found["generator"]["workers"]
    assert [item["name"] for item in workers] == ["local-1", "local-2"]
    assert sum(item["sent"] for item in workers) == found["sent"]
    assert min(item["sent"] for item in workers) > 0
    assert found["sent"] + found["counts"]["unsent"] == found["offered"]["scheduled"] == 240
    assert reasons_beside_speed(found) == []
    probes = books["sent"] - (
        found["sent"] - found["replays"]["made"] - found["altered"]["made"] - found["twins"]["made"]
    )
    assert bank.payments == found["sent"] + probes
    zero = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "unknown", "totalDrift")
    assert {name: books[name] for name in zero} == dict.fromkeys(zero, 0)
    assert books["balanced"]
    assert sum(second["sent"] for second in found["timeline"]) == found["sent"]
    sampled = found["sampling"]
    assert sampled["readings"] > 5
    assert sampled["judged"] == books["acknowledged"]
    assert {name: sampled[name] for name in DISORDER} == dict.fromkeys(DISORDER, 0)
    assert found["latencyUs"]["response"]["count"] == found["sent"] + found["counts"]["unsent"]


def test_a_lost_worker_voids_the_measurement_and_its_payments_are_decided_all_the_same(results):
    found, errors, _ = results["killed"]
    assert found is not None, errors
    assert found["validity"] == "invalid"
    assert any(text.startswith("worker local-2 was lost: it ended with") for text in found["reasons"])
    books = found["reconciliation"]
    assert books["acknowledged"] == books["booked"] > 20
    assert books["balanced"]
    assert found["decisions"]["undecided"] == 0
    assert (books["lost"], books["doubled"], books["ghost"]) == (0, 0, 0)


def test_a_worker_with_another_candidate_file_is_refused(results):
    found, errors, _ = results["stranger"]
    assert found is None
    assert "this worker's candidate file is another one" in errors
