"""Against the reference bank, over TLS: each counted defect is found exactly as often as the bank says it struck."""

import json

import pytest

from conformance.engine.checks_pass import Workplace
from conformance.engine.load import LoadSpec, run_scenario
from conformance.reference.process import ReferenceProcess
from conformance_load.settings import CALIBRATION

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Without repetitions nothing but the payments themselves is struck.
PARAMETERS = CALIBRATION | {"rate_per_s": 50, "duration_s": 2, "replay_every": 0, "altered_every": 0, "cut_every": 0}
CLASSES = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with ReferenceProcess(tmp_path_factory.mktemp("bank"), only_plugins=[]) as process:
        yield process


def measure(bank, folder):
    spec = LoadSpec(
        run="exact",
        scenario="payments-create",
        module="conformance_load.scenario",
        candidate=str(bank.candidate_path),
        parameters=PARAMETERS,
        directory=str(folder),
        output=str(folder / "measurement.json"),
        keep="",
        seed=1,
    )
    place = Workplace(folder, folder / "log.txt", bank.environment)
    assert run_scenario(spec, place, lambda event: None), (folder / "log.txt").read_text()
    return json.loads((folder / "measurement.json").read_text())


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("load.lost", "lost"),
        ("load.doubled", "doubled"),
        ("load.ghost", "ghost"),
        ("load.rejected-booked", "rejectedBooked"),
        ("load.wrong-amount", "wrongAmount"),
        ("load.half-booked", "halfBooked"),
    ],
)
def test_a_counted_defect_is_found_as_often_as_it_struck(bank, tmp_path, fault, name):
    bank.reset([fault])
    found = measure(bank, tmp_path)["reconciliation"]
    struck = bank.hits()[fault]
    assert struck >= 9
    assert {item: found[item] for item in CLASSES} == dict.fromkeys(CLASSES, 0) | {name: struck}


def test_a_sound_bank_gives_nothing_and_a_second_attempt_sends_other_payments(bank, tmp_path):
    bank.reset()
    for attempt in (1, 2):
        found = measure(bank, tmp_path)["reconciliation"]
        assert {item: found[item] for item in CLASSES} == dict.fromkeys(CLASSES, 0)
        assert found["balanced"]
        assert len(list(tmp_path.glob("payments-*.journal"))) == attempt
