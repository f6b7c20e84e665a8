"""Parts of a crew that need no second process: adding shares, comparing clocks, naming workers, the channel's keys."""

from dataclasses import asdict, replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import ConfigError
from conformance_load.crew import joining
from conformance_load.crew.calling import address_of, names_of, require_crew
from conformance_load.crew.clocks import Reading, best
from conformance_load.crew.joining import summed
from conformance_load.flow import Pressed
from conformance_load.journal import PaymentJournal, State
from conformance_load.measured import generator
from conformance_load.settings import Settings
from conformance_load.tally import OUTCOMES, Tally

arrivals = st.lists(
    st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 3_000_000_000), st.integers(0, 10**9), st.integers(0, 10**9)),
    max_size=30,
)


def tallied(items):
    tally = Tally(3)
    for outcome, intended, waited, took in items:
        if outcome != "unsent":
            tally.sending(intended, intended + waited, waited if waited % 2 else None)
            if not waited % 2:
                tally.waiting(intended, intended + waited // 2)
        tally.ended(outcome, intended, intended + waited, intended + waited + took)
    return tally


def shown(tally):
    return tally.latency(), tally.timeline(), tally.counts, tally.sent, tally.own_lag.as_json()


@given(st.lists(arrivals, min_size=1, max_size=4))
def test_shares_added_up_are_one_tally_that_saw_everything(parts):
    whole, joined = tallied([item for part in parts for item in part]), Tally(3)
    for part in parts:
        joined.add(tallied(part).share())
    assert shown(joined) == shown(whole)


def test_times_of_another_machine_are_brought_to_our_clock(tmp_path, monkeypatch):
    """There, a second after its start is at 7 s of its own clock; our time of day is 3 s behind, our clock at 100 s."""
    theirs = {"epoch_ns": 6 * 10**9, "epoch_wall_ns": 1_000 * 10**9}
    monkeypatch.setattr(joining, "now_ns", lambda: 100 * 10**9)
    monkeypatch.setattr(joining.time, "time_ns", lambda: 1_000 * 10**9)
    with PaymentJournal.create(tmp_path / "a", 3) as there, PaymentJournal.create(tmp_path / "b", 3) as here:
        there.sending(0, 7 * 10**9)
        there.decide(0, State.ACK, 8 * 10**9)
        there.sending(2, 9 * 10**9)
        packed = zstandard.ZstdCompressor().compress(there.all_times.tobytes())
        joining.write_times({"times": packed, "pressed": theirs}, here, offset_ns=3 * 10**9)
        assert [here.times(number) for number in range(3)] == [(98 * 10**9, 99 * 10**9), (0, 0), (100 * 10**9, 0)]


def test_what_each_generator_saw_of_itself_is_added_up_or_the_worst_counts():
    def told(**facts):
        return {
            "tally": Tally(3).share(),
            "pressed": asdict(replace(Pressed(5, 7, "", 100, 8), **facts)),
            "scheduled": 1,
            "due": 1,
            "offered": [1, 0, 0],
            "told": {},
            "sightings": [],
            "cost": {"requests": 1, "cpu_us": 1, "how": "template"},
        }

    shares = [
        told(surplus=2, cpu_permille=300, late_us=4, own_failures=1, own_failure="OSError: Too many open files"),
        told(surplus=3, cpu_permille=900, late_us=9, aborted="too slow"),
        told(surplus=0, aborted="too slow"),
    ]
    found = joining.joined(shares, Settings.of({"duration_s": 3}, 10_000))
    worst = {"cpu_permille": 900, "late_us": 9, "own_failures": 1, "own_failure": "OSError: Too many open files"}
    assert found.pressed == Pressed(5, 7, "too slow", connections=24, surplus=5, **worst)
    assert generator(found.tally, found.pressed)["surplus"] == 5


def test_numbers_at_the_same_place_are_added():
    assert summed([{"a": 1, "b": {"c": 2}}, {"a": 3, "b": {"c": 4, "d": 5}}]) == {"a": 4, "b": {"c": 6, "d": 5}}
    assert summed([]) == {}


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**12))
def test_the_true_offset_lies_within_the_error(offset, there, back, asked):
    reading = Reading(asked, asked + there + offset, asked + there + back)
    assert abs(reading.offset_ns - offset) <= reading.error_ns + 1


def test_the_quickest_answer_is_the_best():
    slow, quick = Reading(0, 500, 1000), Reading(0, 60, 100)
    assert best([slow, None, quick]) is quick
    assert best([None]) is None


def test_workers_are_a_number_or_names():
    assert names_of("2") == (["local-1", "local-2"], True)
    assert names_of("alpha, beta*2") == (["alpha", "beta-1", "beta-2"], False)
    require_crew("0", "anything", "")
    require_crew("alpha", "192.0.2.10:5557", "crew")
    assert address_of("[::1]:0") == ("::1", 0)


@pytest.mark.parametrize(
    ("workers", "bind", "crew", "where"),
    [
        ("a,a", "127.0.0.1:0", "crew", "load.workers"),
        ("a b", "127.0.0.1:0", "crew", "load.workers"),
        ("", "127.0.0.1:0", "crew", "load.workers"),
        ("a*", "127.0.0.1:0", "crew", "load.workers"),
        ("a", "127.0.0.1", "crew", "load.bind"),
        ("a", "127.0.0.1:70000", "crew", "load.bind"),
        ("a", "127.0.0.1:0", "", "load.crew"),
    ],
)
def test_a_crew_that_cannot_meet_is_refused(workers, bind, crew, where):
    with pytest.raises(ConfigError) as refusal:
        require_crew(workers, bind, crew)
    assert refusal.value.where == where
    assert refusal.value.remedy


# Locust patches sockets when it is imported, so these look at the modules in a process of their own.
def test_keys_follow_from_the_secret(run_patched):
    run_patched("""
from conformance.errors import ConfigError
from conformance_load.crew.secure import Keys, secret_from

assert Keys.of(b"x" * 32) == Keys.of(b"x" * 32) != Keys.of(b"y" * 32)
try:
    secret_from("12")
except ConfigError as refusal:
    assert "hexadecimal" in str(refusal)
else:
    raise AssertionError("too short")
""")


def test_only_those_who_know_the_secret_get_a_word_through(run_patched):
    run_patched("""
import gevent
from locust.exception import RPCSendError
from locust.rpc import Message, zmqrpc
from conformance_load.crew.secure import Keys, install

install(Keys.of(b"x" * 32))
server = zmqrpc.Server("127.0.0.1", 0)
friend = zmqrpc.Client("127.0.0.1", server.port, "friend")
install(Keys.of(b"y" * 32))
stranger = zmqrpc.Client("127.0.0.1", server.port, "stranger")
plain = zmqrpc.BaseSocket(__import__("zmq.green").green.DEALER, True)
plain.socket.setsockopt(__import__("zmq").IDENTITY, b"plain")
plain.socket.connect(f"tcp://127.0.0.1:{server.port}")
heard = []
reading = gevent.spawn(lambda: [heard.append(server.recv_from_client()[0]) for _ in range(9)])
for _ in range(3):
    for who in (stranger, plain, friend):
        try:
            who.send(Message("hello", None, "x"))
        except RPCSendError:
            assert who is not friend
    gevent.sleep(0.2)
assert set(heard) == {"friend"}, heard
reading.kill()
""")


#: A crew of two members that were enlisted, whose channel only notes what is sent.
STUB = """
import tempfile
from pathlib import Path
from types import SimpleNamespace

import gevent
from conformance_load.crew import orders
from conformance_load.crew.master import Crew, Member
from conformance_load.settings import Settings

folder = Path(tempfile.mkdtemp())
settings = Settings.of({"workers": "2", "duration_s": 1, "drain_s": 1, "warmup_s": 0}, 10_000)
context = SimpleNamespace(progress=lambda *_: None, scenario="s", directory=folder)
maker = SimpleNamespace(book=SimpleNamespace(run="run/abc"))
here = SimpleNamespace(settings=settings, context=context, maker=maker, others=[], unread="")
crew = Crew(here, 100)
sent = []
nodes = [SimpleNamespace(id=name, state="ready") for name in ("a", "b")]
crew._runner = SimpleNamespace(
    send_message=lambda kind, data, client_id: sent.append((client_id, kind, data)),
    clients=SimpleNamespace(all=nodes),
)
first, second = crew._members
first.client, second.client = "a", "b"
listeners = {kind: crew._listener(kind) for kind in (orders.BROKEN, orders.SHARE)}

def says(client, kind, **data):
    listeners[kind](environment=None, msg=SimpleNamespace(node_id=client, data=data))
"""


def test_when_one_worker_breaks_a_limit_the_others_are_told_to_end_once(run_patched):
    run_patched(
        STUB
        + """
crew._begin(0)
sent.clear()
says("a", orders.BROKEN, reason="too slow")
gevent.spawn_later(0.3, says, "a", orders.SHARE)
gevent.spawn_later(0.3, says, "b", orders.SHARE)
crew._await_shares(settings)
aborts = [(client, data["reason"]) for client, kind, data in sent if kind == orders.ABORT]
assert sorted(aborts) == [("a", "too slow"), ("b", "too slow")], sent
crew._begin(0)
assert not first.heard(orders.BROKEN) and not first.heard(orders.SHARE)
sent.clear()
crew._end_all_when_one_breaks()
assert not sent
"""
    )


SECOND_WAVE = (
    STUB
    + """
import zstandard
from conformance_load.journal import PaymentJournal, State

def packed(data):
    return zstandard.ZstdCompressor().compress(bytes(data))

def share_of(journal):
    pressed = {"epoch_ns": 0, "epoch_wall_ns": 0}
    return {"states": packed(journal.states), "times": packed(journal.all_times.tobytes()), "pressed": pressed}

own = PaymentJournal.create(folder / "s-abc-worker-2.journal", crew._capacity, 2)
other = PaymentJournal.create(folder / "s-abc-worker-1.journal", crew._capacity, 1)
for number in range(20):
    for journal in (own, other):
        journal.sending(number, 1)
        journal.decide(number, State.ACK, 2)
crew._begin(0)
for client, journal in (("a", other), ("b", own)):
    says(client, orders.SHARE, **share_of(journal))
crew._keep_journals()
assert [journal.count(State.ACK) for journal in here.others] == [20, 20]
crew._begin(0)
for number in range(20, 30):
    own.sending(number, 3)
second.lost = "it ended with -9"
says("a", orders.SHARE, **share_of(other))
"""
)


def test_the_journal_of_a_worker_killed_in_a_later_wave_is_read_where_it_lies(run_patched):
    run_patched(
        SECOND_WAVE
        + """
crew._keep_journals()
found = next(journal for journal in here.others if journal.worker == 2)
assert (found.count(State.ACK), found.count(State.SENT), here.unread) == (20, 10, "")
crew._begin(0)
says("a", orders.SHARE, **share_of(other))
crew._keep_journals()
assert next(journal for journal in here.others if journal.worker == 2).count(State.SENT) == 10
"""
    )


def test_books_without_the_journal_of_a_worker_lost_elsewhere_in_a_later_wave_cannot_be_compared(run_patched):
    run_patched(
        SECOND_WAVE
        + """
crew._local = False
crew._keep_journals()
assert here.unread == "worker local-2 was lost with its journal"
"""
    )


def test_a_worker_lost_before_a_wave_began_left_nothing_unread(run_patched):
    run_patched(
        SECOND_WAVE
        + """
crew._local = False
crew._begin(0)
says("a", orders.SHARE, **share_of(other))
crew._keep_journals()
assert here.unread == ""
assert [journal.count(State.ACK) for journal in here.others] == [20, 20]
"""
    )


def test_heartbeats_get_through_while_a_big_share_is_made_ready_and_given_up(run_patched):
    run_patched("""
import time
import gevent
from types import SimpleNamespace
from conformance_load.arrivals import arrange
from conformance_load.flow import Span, Stream, Target, now_ns
from conformance_load.reactor.loop import reactor
from conformance_load.reactor.pump import Pump
from conformance_load.settings import Settings
from conformance_load.tally import Tally
from conformance_load.wave import numbered

beats = [time.monotonic()]

def beat():
    while True:
        gevent.sleep(0.02)
        beats.append(time.monotonic())

def longest_silence():
    beats.append(time.monotonic())
    longest = max(later - earlier for earlier, later in zip(beats, beats[1:]))
    del beats[:-1]
    return longest

gevent.spawn(beat)
gevent.sleep(0.1)
began = time.monotonic()
arrivals = arrange(Settings.of({}, 1000), 150_000)
numbered(arrivals, SimpleNamespace(numbers=range))
took, silence = time.monotonic() - began, longest_silence()
assert silence < took / 3, (silence, took)
stream = Stream("s", Target("127.0.0.1", 9, 1.0, 10), iter(range(10**9, 10**9 + 300_000)), None, Tally(1))
pump = Pump(reactor(), [stream], Span(0, 1, 1), None)
pump.start(now_ns())
gevent.sleep(0.05)
longest_silence()
began = time.monotonic()
pump.give_up()
took, silence = time.monotonic() - began, longest_silence()
assert silence < took / 2, (silence, took)
assert pump.over.is_set() and stream.taken == stream.tally.counts["unsent"] == 300_000
""")


def test_a_worker_whose_channel_gives_up_before_its_time_has_served_nobody(run_patched):
    run_patched("""
import os
from types import SimpleNamespace
import locust.runners
from conformance_load.crew.secure import VARIABLE
from conformance_load.crew.worker import run

locust.runners.CONNECT_RETRY_COUNT, locust.runners.CONNECT_TIMEOUT = 2, 0.1
os.environ[VARIABLE] = "00" * 32
context = SimpleNamespace(parameters={"master": "127.0.0.1:9", "name": "alpha", "idle_s": 30})
assert run(context) == {"served": 0}
""")


@pytest.fixture
def run_patched():
    """Run code in a process that is patched as a load process is."""
    import subprocess
    import sys

    def run(code):
        text = "from gevent import monkey; monkey.patch_all()\n" + code
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    return run
