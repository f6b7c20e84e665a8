"""The whole scenario against a small bank of our own: everything accounted for, every defect counted exactly."""

import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import load_bank
import pytest

from conformance.sdk import Evidence, Finding, Inconclusive, Measurements, NotTested, declaration_of

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
    "known-fails": {"uncovered_every": 9},
    "dies": {"recovery_s_max": 1},
    "usd": {"workers": "1"},
}
#: What a product pays in, where it says so.
CURRENCIES = {"usd": {"currency": "USD"}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Measurements by defect; one load process makes them all, because starting one takes longest."""
    folder = tmp_path_factory.mktemp("load")
    with contextlib.ExitStack() as stack:
        servers = {fault: stack.enter_context(load_bank.Server(fault)) for fault in ORDERS}
        specs = [
            {"url": servers[fault].url, "directory": str(folder / (fault or "sound")), "parameters": QUICK | changes}
            | CURRENCIES.get(fault, {})
            for fault, changes in ORDERS.items()
        ]
        # The same bank, of which the candidate file does not say what it pays in.
        specs.append(specs[-1] | {"directory": str(folder / "foreign"), "currency": ""})
        specs.append(specs[0] | {"directory": str(folder / "too-fast"), "parameters": QUICK | {"rate_per_s": 1001}})
        (folder / "specs.json").write_text(json.dumps(specs))
        command = [sys.executable, str(Path(load_bank.__file__)), str(folder / "specs.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        found = map(json.loads, done.stdout.splitlines())
        banks = [*ORDERS, "usd", ""]
        results = [result | {"hits": servers[fault].bank.hits} for fault, result in zip(banks, found, strict=True)]
        return dict(zip([*ORDERS, "foreign", "too-fast"], results, strict=True))


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


def outcomes_of(measurement):
    """Return what the checks of money and of speed say of a measurement, by their ids."""
    modules = [importlib.import_module(f"conformance_load.checks.{name}") for name in ("money", "speed")]
    checks = [value for module in modules for value in vars(module).values() if declaration_of(value) is not None]
    said = {}
    for check in checks:
        try:
            # Whether this machine is fast enough for the schedule is not what is tested here.
            check(Measurements({"payments-create": measurement | {"validity": "valid"}}), Evidence("run", "check"))
        except (Finding, Inconclusive, NotTested) as error:
            said[declaration_of(check).id] = error
        else:
            said[declaration_of(check).id] = None
    return said


def test_a_sound_bank_passes_every_check_of_money(results):
    said = outcomes_of(results[""]["measurement"])
    assert {check: error for check, error in said.items() if error and check.startswith("LOAD-M")} == {}


def test_a_bank_that_fails_on_every_known_key_passes_no_check_of_known_keys(results):
    found = results["known-fails"]["measurement"]
    assert found["judged"]["known"]["serverErrors"] == found["judged"]["known"]["made"] > 3
    said = outcomes_of(found)
    assert isinstance(said["LOAD-M11"], Finding)
    assert "repeated requests of confirmed payments were answered with a server error" in str(said["LOAD-M11"])
    for check in ("LOAD-M04", "LOAD-M10", "LOAD-M13", "LOAD-M15", "LOAD-M17", "LOAD-S02", "LOAD-S03"):
        assert isinstance(said[check], Inconclusive), check
        assert said[check].blame == "PRODUCT"
    assert "HTTP 500" in said["LOAD-M15"].reason


def test_a_bank_that_dies_under_load_passes_no_check_but_for_what_cannot_be_seen(results):
    found = results["dies"]["measurement"]
    assert 0 < found["confirmed"] < found["offered"]["due"] // 2
    said = outcomes_of(found)
    # That nothing came unasked, and that no more than was asked for, is all that can be said of the dead.
    assert [check for check, error in said.items() if error is None] == []
    blamed = {error.blame for error in said.values() if not isinstance(error, Finding)}
    assert blamed == {"PRODUCT"}


def test_payments_are_made_and_reconciled_in_the_products_own_currency_by_workers_too(results):
    found = results["usd"]["measurement"]
    assert found["reconciliation"]["balanced"]
    assert found["reconciliation"]["wrongAmount"] == 0
    assert found["confirmed"] == found["offered"]["due"] > 100


def test_a_refused_account_is_the_products_doing_and_never_the_harnesss(results):
    found = results["foreign"]["measurement"]
    assert "accounts.open was refused (HTTP 422" in found["notRun"]
    for error in outcomes_of(found).values():
        assert isinstance(error, NotTested)
        assert error.blame == "PRODUCT"
        assert "was not run: test set-up: accounts.open was refused" in error.reason


def test_a_rate_that_the_owner_does_not_allow_sends_nothing_and_says_what_to_change(results):
    found = results["too-fast"]["measurement"]
    assert found["unfinished"].startswith("nothing was sent: load.rate_per_s: the load reaches 1001 per second")
    for error in outcomes_of(found).values():
        assert isinstance(error, NotTested)
        assert error.blame == "CONFIG"
        assert "lower the rate in the profile, or raise [limits] load_per_second_max" in error.reason
