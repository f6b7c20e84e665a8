"""A shop day against the reference bank: every stream measured, money reconciled, and no token kept anywhere."""

import pytest
from load_orders import measured, order

from conformance.evidence.canary import canary_leaks as leaks
from conformance.reference.process import ReferenceProcess
from conformance_load.calibrating import CALIBRATION
from conformance_load.recipes import parameters_of
from conformance_load.shares import OPERATIONS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: How each of the bank's tokens begins: its header in base64.
TOKEN = "eyJhbGciOiJFUzI1NiIs"


def day_of(process, folder, **changes):
    """Run the day against a bank and return its measurement; exchanges go to ``folder/run``."""
    (folder / "run").mkdir()
    given = {name: value for name, value in CALIBRATION.items() if name != "scenarios"}
    given |= CALIBRATION["scenarios"]["shop-day"] | {"duration_s": 2, "probes": 2} | changes
    spec = order(
        process.candidate_path,
        folder,
        "shop-day",
        parameters_of("shop-day", given),
        directory="load",
        keep=str(folder / "run"),
    )
    return measured(process, folder, spec)


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    with ReferenceProcess(folder / "bank") as process:
        yield day_of(process, folder), folder


def test_every_stream_is_measured_and_confirmed(day):
    streams = {item["name"]: item for item in day[0]["streams"]}
    assert list(streams) == list(OPERATIONS)
    assert not any(item["absent"] for item in streams.values())
    for item in streams.values():
        assert item["scheduled"] == item["sent"] == 2 * item["ratePerSecond"]
        assert item["confirmed"] == item["due"]
        assert item["latencyUs"]["response"]["count"] >= item["confirmed"]
    assert day[0]["validity"] == "valid", day[0]["reasons"]


def test_money_of_every_stream_is_accounted_for(day):
    found = day[0]
    assert found["reconciliation"]["balanced"]
    moving = {item["name"]: item["money"] for item in found["streams"] if "money" in item}
    assert moving.keys() == {"refund", "refund_race", "code_pay"}
    for money in moving.values():
        assert (money["accountsOff"], money["totalDrift"], money["undecided"], money["unread"]) == (0, 0, 0, "")
        assert money["moved"] > 0


def test_no_token_reaches_a_disk(day):
    _, folder = day
    issued = next(item for item in day[0]["streams"] if item["name"] == "token")
    assert issued["confirmed"] > 0
    assert leaks(folder / "run", ("/payments",)), "the journal must have been read"
    assert leaks(folder / "run", (TOKEN,)) == ()
    kept = [path for path in (folder / "load").rglob("*") if path.is_file()] + [folder / "measurement.json"]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []


def test_streams_that_the_candidate_lacks_are_absent_and_say_why(tmp_path):
    with ReferenceProcess(tmp_path / "bank", only_plugins=[]) as process:
        streams = {item["name"]: item for item in day_of(process, tmp_path, token_permille=0)["streams"]}
    assert "token" not in streams
    assert streams["code"]["absent"] == "the candidate does not offer codes.create"
    assert streams["code_pay"]["absent"] == "the candidate does not offer codes.pay"
    assert streams["read"]["confirmed"] == streams["read"]["due"] > 0
