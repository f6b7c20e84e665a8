"""Against the reference bank, disturbed: each defect is found as often as the bank says it struck, and none on a sound
one."""

import pytest
from load_orders import measured, order

from conformance.reference.process import ReferenceProcess
from conformance_load.calibrating import CALIBRATION

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Without repetitions and cuts, nothing heals what a fault has done, and nothing else brings it out.
PARAMETERS = {name: value for name, value in CALIBRATION.items() if name != "scenarios"}
PARAMETERS |= {"replay_every": 0, "altered_every": 0, "cut_every": 0, "uncovered_every": 0, "rate_per_s": 40}
PARAMETERS |= {"duration_s": 5, "disturb_at_s": 1, "disturb_s": 1, "sample_every_ms": 0, "twin_every": 0}
CLASSES = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked")
COUNTED = [
    ("payments-killed", "load.ack-before-commit", "lost"),
    ("payments-killed", "load.lost-on-crash", "lost"),
    ("payments-killed", "load.doubled-on-restart", "doubled"),
    ("payments-killed", "load.half-on-crash", "halfBooked"),
    ("payments-killed", "load.keys-lost-on-crash", "doubled"),
    ("payments-paused", "load.doubled-on-resume", "doubled"),
    ("payments-reset", "load.reset-doubled", "doubled"),
    ("payments-slow-disk", "load.corrupt-when-slow", "halfBooked"),
]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with ReferenceProcess(tmp_path_factory.mktemp("bank"), only_plugins=[]) as process:
        yield process


def measure(bank, folder, scenario, **changes):
    return measured(bank, folder, order(bank.candidate_path, folder, scenario, PARAMETERS | changes))


@pytest.mark.parametrize(("scenario", "fault", "name"), COUNTED)
def test_a_defect_is_found_as_often_as_it_struck(bank, tmp_path, scenario, fault, name):
    bank.reset([fault])
    # Keys are missed only where an answer was lost before the crash.
    changes = {"cut_every": 10} if fault == "load.keys-lost-on-crash" else {}
    found = measure(bank, tmp_path, scenario, **changes)["reconciliation"]
    struck = bank.hits()[fault]
    assert struck >= 2
    assert {item: found[item] for item in CLASSES} == dict.fromkeys(CLASSES, 0) | {name: struck}


@pytest.mark.parametrize("scenario", ["payments-killed", "payments-paused", "payments-reset", "payments-slow-disk"])
def test_a_sound_bank_survives_and_comes_back(bank, tmp_path, scenario):
    bank.reset()
    found = measure(
        bank, tmp_path, scenario, replay_every=20, altered_every=48, uncovered_every=25, recovered_ms_max=2000
    )
    books = found["reconciliation"]
    assert {item: books[item] for item in CLASSES} == dict.fromkeys(CLASSES, 0)
    assert books["balanced"]
    assert found["decisions"]["undecided"] == 0
    assert found["disturbance"]["failure"] == ""
    assert found["disturbance"]["resumed"]
    (mark,) = found["marks"]
    assert 1000 <= mark["atMs"] < mark["endMs"]
    assert bank.hits() == {}


def test_payments_that_stay_pending_are_counted(bank, tmp_path):
    bank.reset(["load.reset-stuck"])
    found = measure(bank, tmp_path, "payments-reset")
    assert found["decisions"]["stuck"] == bank.hits()["load.reset-stuck"] >= 2
    assert {item: found["reconciliation"][item] for item in CLASSES} == dict.fromkeys(CLASSES, 0)


def test_a_bank_that_is_killed_refuses_and_its_keys_come_back_with_it(bank, tmp_path):
    bank.reset()
    found = measure(bank, tmp_path, "payments-killed")
    assert found["counts"]["broken"] > 20  # what came while nobody listened
    assert found["validity"] == "valid"


def test_a_hook_that_does_not_work_makes_the_measurement_invalid(bank, tmp_path):
    bank.reset()
    text = bank.candidate_path.read_text()
    broken = bank.candidate_path.with_name("broken-hook.toml")
    broken.write_text(text.replace("/hooks/pause", "/hooks/nonsense"))
    original, bank._ready["candidate"] = bank._ready["candidate"], str(broken)
    spec_path = bank.candidate_path
    try:
        found = measured(bank, tmp_path, order(broken, tmp_path, "payments-paused", PARAMETERS))
    finally:
        bank._ready["candidate"] = original
        assert spec_path == bank.candidate_path
    assert found["validity"] == "invalid"
    assert "hook 'pause' answered HTTP 404" in found["disturbance"]["failure"]
    assert found["reconciliation"]["lost"] == 0
