"""Disturbances: made by hooks beside the load, undone whatever happens, and recovery counted to the slice."""

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import ConfigError
from conformance.sdk import Candidate, CandidateFile, Inconclusive, LoadContext, Pool
from conformance_load.disturb import (
    SLICE_MS,
    WINDOW_SLICES,
    Disturbance,
    Disturber,
    Hooks,
    Kind,
    Pulse,
    Watched,
    described,
    under_way_path,
    undo,
)
from conformance_load.flow import Times, now_ns

MS = 1_000_000
LIMIT_MS = 300


def disturber(plan, run, *, hooks=("kill", "start", "pause", "resume", "slow_disk"), cutter=None):
    """A disturber whose hooks are ``run(name, arguments)``."""
    file = CandidateFile("Bank", "1", "http://127.0.0.1:1", users={"alice": {}}, hooks={name: {} for name in hooks})
    return Disturber(plan, Hooks(Candidate(None, file, Pool(()), run, "alice"), cutter))


def now(kind, *, length_s=0, delay_ms=0):
    return Disturbance(0, kind, length_s, delay_ms)


# -- hooks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        (Kind.KILL, [("kill", {}), ("start", {})]),
        (Kind.PAUSE, [("pause", {}), ("resume", {})]),
        (Kind.SLOW_DISK, [("slow_disk", {"delay_ms": 70}), ("slow_disk", {"delay_ms": 0})]),
    ],
)
def test_each_kind_has_its_hooks(kind, called):
    seen = []
    made = disturber([now(kind, delay_ms=70)], lambda name, arguments: seen.append((name, arguments)) or {})
    made.start(now_ns())
    made.finish()
    assert seen == called
    assert made.failure == ""
    assert [mark.kind for mark in made.marks] == [kind]


@pytest.mark.parametrize(
    ("kind", "ends"), [(Kind.KILL, "start"), (Kind.PAUSE, "resume"), (Kind.SLOW_DISK, "slow_disk")]
)
def test_what_a_killed_process_had_begun_is_ended_by_whoever_comes_next(tmp_path, kind, ends):
    seen = []
    made = disturber([now(kind, length_s=60)], lambda name, arguments: seen.append(name) or {})
    context = LoadContext("run", "s", made.hooks._candidate, {}, tmp_path, lambda *_: None, lambda _: 1)
    made.under_way = under_way_path(context)
    made.start(now_ns())
    gevent.sleep(0.05)
    assert made.under_way.exists()
    seen.clear()
    undo(context)
    undo(context)
    assert seen == [ends]
    made.drop()
    assert not made.under_way.exists()


def test_a_product_that_stays_disturbed_is_said_to_be_and_the_hook_is_not_tried_for_ever(tmp_path):
    def run(name, arguments):
        raise Inconclusive("no such process")

    made = disturber([now(Kind.PAUSE)], run)
    context = LoadContext("run", "s", made.hooks._candidate, {}, tmp_path, lambda *_: None, lambda _: 1)
    under_way_path(context).write_text('{"kind": "pause"}')
    with pytest.raises(ConfigError, match=r"may still be disturbed \(pause\).*no such process"):
        undo(context)
    undo(context)


def test_resets_are_made_by_the_proxy():
    switched = []

    class Cutter:
        def cut(self, on):
            switched.append(on)

    made = disturber([now(Kind.RESETS)], None, cutter=Cutter())
    made.start(now_ns())
    made.finish()
    assert switched == [True, False]


def test_a_plan_is_carried_out_in_order_of_time():
    seen = []
    plan = [Disturbance(0, Kind.PAUSE, 0), Disturbance(-1, Kind.KILL, 0)]
    made = disturber(plan, lambda name, arguments: seen.append(name) or {})
    made.start(now_ns())
    made.start(now_ns())  # only the first call counts
    made.finish()
    assert seen == ["kill", "start", "pause", "resume"]


def test_a_hook_that_takes_long_holds_nothing_up():
    beside = []
    made = disturber([now(Kind.KILL)], lambda name, arguments: gevent.sleep(0.05) or {})
    made.start(now_ns())
    while not made.marks:
        beside.append(1)
        gevent.sleep(0.001)
    made.finish()
    assert len(beside) > 5


def test_a_hook_that_fails_is_told_and_what_it_may_have_begun_is_ended():
    seen = []

    def run(name, arguments):
        seen.append(name)
        if name == "kill":
            raise Inconclusive("hook 'kill' answered HTTP 500", blame="CONFIG")
        return {}

    made = disturber([now(Kind.KILL), Disturbance(1, Kind.PAUSE, 0)], run)
    made.start(now_ns())
    made.finish()
    assert made.failure == "kill: hook 'kill' answered HTTP 500"
    assert seen == ["kill", "start"]


def test_a_hook_that_is_not_declared_is_a_failure_too():
    made = disturber([now(Kind.PAUSE)], lambda name, arguments: {}, hooks=("kill",))
    made.start(now_ns())
    made.finish()
    assert "[hooks.pause]" in made.failure


def test_a_disturbance_under_way_is_ended_when_the_load_breaks_off():
    seen = []
    made = disturber([now(Kind.PAUSE, length_s=3600)], lambda name, arguments: seen.append(name) or {})
    made.start(now_ns())
    while seen != ["pause"]:
        gevent.sleep(0.001)
    made.drop()
    assert seen == ["pause", "resume"]


def test_a_plan_that_never_began_needs_no_end():
    made = disturber([now(Kind.PAUSE)], None)
    made.finish()
    made.drop()
    assert made.marks == []


# -- recovery ----------------------------------------------------------------------------------------------


def pulse_of(served, *, late=()):
    """Ten arrivals in each slice; those of the slices in ``served`` were answered well, those in ``late`` slowly."""
    slices = range(40)
    offsets = [(place * SLICE_MS + 10 * number) * MS for place in slices for number in range(10)]
    pulse = Pulse(offsets, LIMIT_MS)
    for offset in offsets:
        place = offset // (SLICE_MS * MS)
        took = (LIMIT_MS + 1 if place in late else 5) * MS
        pulse.took(offset, "confirmed" if place in served else "broken", took)
    return pulse


def test_recovery_is_counted_from_the_end_to_the_first_window_that_is_served():
    assert pulse_of(range(40)).recovered_ms(1000) == 0
    assert pulse_of([*range(10), *range(17, 40)]).recovered_ms(1000) == 700
    assert pulse_of(range(10)).recovered_ms(1000) is None


def test_what_is_served_late_is_not_recovery():
    assert pulse_of(range(40), late=range(10, 15)).recovered_ms(1000) == 500
    assert pulse_of(range(40), late=range(10, 40)).recovered_ms(1000) is None


def test_five_in_a_hundred_may_fail_and_one_may_be_late():
    offsets = [number * 10 * MS for number in range(100)]
    for failed, late, well in ((5, 0, True), (6, 0, False), (0, 1, True), (0, 2, False)):
        pulse = Pulse(offsets, LIMIT_MS)
        for number, offset in enumerate(offsets):
            took = LIMIT_MS + 1 if number < late else 1
            pulse.took(offset, "broken" if number >= 100 - failed else "confirmed", took * MS)
        assert (pulse.recovered_ms(0) == 0) is well, (failed, late)


def test_a_connection_that_we_cut_says_nothing_and_an_arrival_without_an_answer_says_much():
    offsets = [number * 100 * MS for number in range(10)]
    pulse = Pulse(offsets, LIMIT_MS)
    for offset in offsets[:9]:
        pulse.took(offset, "confirmed", MS)
    assert pulse.recovered_ms(0) is None
    pulse.took(offsets[9], "cut", MS)
    assert pulse.recovered_ms(0) == 0


@given(st.sets(st.integers(0, 39)), st.integers(0, 3999))
def test_recovery_is_never_before_the_end_and_never_in_a_window_that_fails(down, end_ms):
    pulse = pulse_of(set(range(40)) - down)
    found = pulse.recovered_ms(end_ms)
    windows = range(-(-end_ms // SLICE_MS), 40 - WINDOW_SLICES + 1)
    good = [start for start in windows if not down & set(range(start, start + WINDOW_SLICES))]
    assert found == (good[0] * SLICE_MS - end_ms if good else None)


# -- the load's side ---------------------------------------------------------------------------------------


class Asked:
    """A work that answers well."""

    def request(self, arrival):
        return b"request %d" % arrival, False

    def sending(self, arrival, at_ns):
        self.sent = arrival

    def answered(self, arrival, reply, times):
        return "confirmed"


def test_a_watched_work_starts_the_plan_and_feeds_the_pulse():
    seen = []
    made = disturber([now(Kind.PAUSE)], lambda name, arguments: seen.append(name) or {})
    offsets = [number * 100 * MS for number in range(10)]
    pulse = Pulse(offsets, LIMIT_MS)
    work = Asked()
    watched = Watched(work, offsets, pulse, made)
    epoch = now_ns()
    for arrival, offset in enumerate(offsets):
        assert watched.request(arrival) == (b"request %d" % arrival, False)
        watched.sending(arrival, epoch + offset)
        assert (
            watched.answered(arrival, None, Times(epoch + offset, epoch + offset, epoch + offset + MS)) == "confirmed"
        )
    made.finish()
    assert work.sent == 9
    assert seen == ["pause", "resume"]
    assert pulse.recovered_ms(0) == 0


def test_the_measurement_says_what_was_done_and_how_long_it_took():
    made = disturber([now(Kind.PAUSE), now(Kind.KILL)], lambda name, arguments: {})
    epoch = now_ns()
    made.start(epoch)
    made.finish()
    shown = described(made, pulse_of(range(7, 40)), epoch, 2000, {"before": 3})
    assert [mark["kind"] for mark in shown["marks"]] == ["pause", "kill"]
    assert all(0 <= mark["atMs"] <= mark["endMs"] for mark in shown["marks"])
    found = shown["disturbance"]
    assert found["recoveredMs"] == max(700 - mark["endMs"] for mark in shown["marks"])
    assert (found["kind"], found["times"], found["resumed"]) == ("pause", 2, True)
    assert (found["recoveryMsMax"], found["resets"], found["failure"]) == (2000, {"before": 3}, "")
    assert described(made, pulse_of([]), epoch, 2000)["disturbance"]["resumed"] is False
