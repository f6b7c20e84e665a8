"""Streams side by side: schedules that do not begin as one, and a verdict on the generator that holds for all."""

import pytest

from conformance_load.flow import Pressed, Stream
from conformance_load.lanes import Lane, lane_of, peak_of, validity
from conformance_load.settings import Settings
from conformance_load.shares import shares_of
from conformance_load.tally import Tally

SETTINGS = Settings.of({"rate_per_s": 100, "duration_s": 2, "warmup_s": 1}, 10_000)
SHARES = shares_of({})
PRESSED = Pressed(0, 0, "", 100, 32)
MS = 1_000_000


def lanes(settings=SETTINGS):
    return [lane_of(settings, share, index, 1) for index, share in enumerate(SHARES)]


def sent(lane, count, *, late_ms=0, took_ms=5):
    """The lane with so many of its arrivals sent and answered, and the others not sent."""
    tally = Tally(2)
    for number in range(lane.scheduled):
        if number < count:
            tally.sending(0, late_ms * MS, late_ms * MS)
            tally.ended("confirmed", 0, late_ms * MS, (late_ms + took_ms) * MS)
        else:
            tally.ended("unsent", 0, MS, MS)
    lane.stream = Stream(lane.share.operation, None, iter(()), None, tally)
    return lane


@pytest.mark.parametrize("shape", ["constant", "burst", "square"])
def test_streams_keep_their_rates_and_begin_apart(shape):
    settings = Settings.of({"rate_per_s": 100, "duration_s": 5, "warmup_s": 1, "shape": shape}, 10_000)
    made = lanes(settings)
    assert len({lane.offsets[0] for lane in made}) == len(made)
    for lane in made:
        assert lane.offsets == sorted(lane.offsets)
        assert lane.offsets[-1] < 6_000 * MS
        assert sum(lane.offered(settings)) == lane.scheduled == lane.due
    assert [lane.offered(settings)[0] for lane in made] == [lane.share.rate_of(100) for lane in made]


def test_a_burst_multiplies_every_stream():
    assert peak_of(Settings.of({"shape": "burst", "burst_factor": 7, "rate_per_s": 3}, 10_000)) == 7
    assert peak_of(SETTINGS) == 1


def test_an_absent_stream_says_why_and_counts_nothing():
    lane = Lane(SHARES[1], [], 0, 0, absent="not offered")
    assert lane.as_json(100) == {
        "name": "read",
        "operation": "payments.read",
        "ratePerSecond": 15,
        "absent": "not offered",
    }
    assert lane.tally.sent == 0


def test_a_stream_shows_what_came_of_it():
    found = sent(lanes()[1], 30).as_json(100)
    assert (found["scheduled"], found["sent"], found["confirmed"], found["absent"]) == (30, 30, 30, "")
    assert found["latencyUs"]["response"]["count"] == 30


def test_all_sent_in_time_is_valid():
    assert validity(SETTINGS, [sent(lane, lane.scheduled) for lane in lanes()], PRESSED)["validity"] == "valid"


def test_one_stream_that_was_not_sent_voids_the_day_and_is_named():
    made = [sent(lane, lane.scheduled - 5 * (lane.share.name == "token")) for lane in lanes()]
    found = validity(SETTINGS, made, PRESSED)
    assert found["validity"] == "invalid"
    (reason,) = found["reasons"]
    assert reason.startswith("stream token, only 5 of 10 scheduled requests were sent")


def test_lateness_is_judged_by_all_streams_together_against_the_strictest_limit():
    few = [sent(lane, lane.scheduled, late_ms=60 * (lane.share.name == "token")) for lane in lanes()]
    (reason,) = validity(SETTINGS, few, PRESSED)["reasons"]
    assert "limit of 500000" in reason
    fine = [sent(lane, lane.scheduled, late_ms=40) for lane in lanes()]
    assert validity(SETTINGS, fine, PRESSED)["reasons"] == []
