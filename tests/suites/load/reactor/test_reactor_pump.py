"""The open loop: every arrival ends once, whatever the server does, and its times say whose fault a wait was."""

import errno
import threading
import time
from types import SimpleNamespace

import gevent
import pytest
from scripted import OK, Server

from conformance.errors import HarnessError
from conformance_load.flow import Span, Stream, Target
from conformance_load.flow import now_ns as clock
from conformance_load.reactor import connection, endpoint
from conformance_load.reactor.loop import reactor
from conformance_load.reactor.pump import Pump
from conformance_load.tally import Tally

MS = 1_000_000


class Notes:
    """Work that notes everything: what was sent, and how it ended."""

    def __init__(self, cuts=(), error_at=None):
        self.cuts, self.error_at = cuts, error_at
        self.asked, self.sent, self.replies, self.times = [], {}, {}, {}

    def request(self, arrival):
        if arrival == self.error_at:
            raise LookupError("a mistake of ours")
        self.asked.append(arrival)
        return b"POST /%d HTTP/1.1\r\n\r\n" % arrival, arrival in self.cuts

    def sending(self, arrival, at_ns):
        self.sent[arrival] = at_ns

    def answered(self, arrival, reply, times):
        assert arrival not in self.replies
        self.replies[arrival], self.times[arrival] = reply, times
        if reply is None:
            return "cut"
        return "broken" if reply.broken else "confirmed"


def stream(target, offsets, **options):
    return Stream("s", target, iter(offsets), Notes(**options), Tally(1))


def pump(*streams, connections=4, drain_s=1, length_s=1, wait_s=15):
    """Run a pump to its end and return it."""
    told = []
    made = Pump(reactor(), streams, Span(0, length_s, drain_s), lambda *facts: told.append(facts))
    targets = {item.target for item in streams}
    try:
        for target in targets:
            for _ in range(connections):
                made.lane(target)
        limit = time.monotonic() + 10
        while made.tried < connections * len(targets):
            assert time.monotonic() < limit
            gevent.sleep(0.001)
        made.start(clock())
        made.over.wait(wait_s)
        made.end("the test is over")
    finally:
        made.close()
    if made.failure:
        raise made.failure
    assert len(told) == sum(len(item.work.replies) for item in streams)
    return made


def test_every_arrival_is_sent_once_and_in_its_order():
    with Server() as server:
        one = stream(server.target(), [number * MS for number in range(200)])
        pump(one)
    work, tally = one.work, one.tally
    assert work.asked == sorted(work.sent) == list(range(200))
    assert {reply.body for reply in work.replies.values()} == {b"ok"}
    assert tally.counts["confirmed"] == tally.sent == tally.service.count == len(server.requests) == 200
    assert one.taken == 200
    assert all(times.intended <= times.sent <= times.done for times in work.times.values())


def test_several_streams_go_to_several_targets():
    with Server() as first, Server() as second:
        streams = [stream(server.target(), [number * MS for number in range(50)]) for server in (first, first, second)]
        pump(*streams)
    assert (len(first.requests), len(second.requests)) == (100, 50)
    assert [item.tally.counts["confirmed"] for item in streams] == [50, 50, 50]


def test_waiting_for_a_busy_connection_counts_as_response_time_and_not_as_our_own_lag():
    gate = threading.Event()

    def answer(number):
        if number == 0:
            gate.wait(10)
        return OK

    with Server(answer) as server:
        one = stream(server.target(), [0, 1 * MS, 2 * MS])
        waiter = gevent.spawn_later(0.2, gate.set)
        pump(one, connections=1)
        waiter.join()
    assert one.tally.own_lag.count == 3
    assert one.tally.own_lag.largest < 100_000 < one.tally.lag.largest
    assert [one.work.times[number].response_ms > 150 for number in range(3)] == [True, True, True]
    assert one.work.times[2].sent > one.work.times[1].done


def test_a_stall_of_ours_is_our_own_lag_even_where_connections_were_busy():
    """All lanes are busy when we stall, so that what is due meanwhile can only wait in a row."""

    class Stalling(Notes):
        def answered(self, arrival, reply, times):
            if arrival == 20:
                time.sleep(0.4)
            return super().answered(arrival, reply, times)

    with Server(lambda _number: time.sleep(0.005) or OK) as server:
        one = Stream("s", server.target(), iter([number * MS for number in range(600)]), Stalling(), Tally(1))
        pump(one, connections=4)
    assert one.tally.own_lag.count == one.tally.sent == 600
    late = sum(count for low, _high, count in one.tally.own_lag.buckets() if low > 50_000)
    assert late > 250


def test_what_our_own_machine_cannot_open_is_unsent_and_not_broken(monkeypatch):
    real, opened = connection._socket.socket, []

    def scarce(*arguments):
        if len(opened) >= 2:
            raise OSError(errno.EMFILE, "Too many open files")
        opened.append(1)
        return real(*arguments)

    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with Server(lambda _number: closing) as server:
        monkeypatch.setattr(connection, "_socket", SimpleNamespace(**vars(connection._socket) | {"socket": scarce}))
        one = stream(server.target(), [number * 2 * MS for number in range(50)])
        made = pump(one, connections=2)
    assert one.tally.counts == dict.fromkeys(one.tally.counts, 0) | {"confirmed": 2, "unsent": 48}
    assert one.tally.sent == len(one.work.sent) == 2
    count, reason = made.own_failures
    assert count >= 48
    assert reason == "OSError: Too many open files"


def test_a_name_that_we_cannot_look_up_is_no_failure_of_the_server(monkeypatch):
    def unknown(*_arguments):
        raise OSError("name service not known")

    monkeypatch.setattr(endpoint.gevent.socket, "getaddrinfo", unknown)
    one = stream(Target("no-such-host.invalid", 80, 5.0, 1000), [0, MS])
    made = pump(one, connections=1)
    assert (one.tally.counts["unsent"], one.tally.counts["broken"], one.tally.sent) == (2, 0, 0)
    assert "has no address" in made.own_failures[1]


def test_bytes_are_asked_for_only_when_they_are_sent():
    asked = []

    class Late(Notes):
        def request(self, arrival):
            asked.append((arrival, len(self.replies)))
            return super().request(arrival)

    with Server() as server:
        one = Stream("s", server.target(), iter([0, 0, 0]), Late(), Tally(1))
        pump(one, connections=1)
    assert asked == [(0, 0), (1, 1), (2, 2)]


def test_cut_connections_are_sent_on_and_opened_anew():
    with Server() as server:
        one = stream(server.target(), [number * 5 * MS for number in range(20)], cuts={3, 4, 11})
        pump(one, connections=2)
        limit = time.monotonic() + 5
        while len(server.requests) < 20 and time.monotonic() < limit:
            time.sleep(0.01)
    assert (one.tally.counts["cut"], one.tally.counts["confirmed"]) == (3, 17)
    assert len(server.requests) == 20


def test_a_server_that_closes_after_each_answer_is_asked_everything():
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with Server(lambda _number: closing) as server:
        one = stream(server.target(), [number * MS for number in range(60)])
        pump(one)
    assert one.tally.counts["confirmed"] == len(server.requests) == 60


def test_a_server_that_breaks_every_third_request_breaks_no_other():
    with Server(lambda number: b"" if number % 3 == 0 else OK) as server:
        one = stream(server.target(), [number * 2 * MS for number in range(60)])
        pump(one)
    assert (one.tally.counts["broken"], one.tally.counts["confirmed"]) == (20, 40)


def test_two_answers_to_a_request_are_credited_to_nobody():
    with Server(lambda number: OK + OK if number % 10 == 5 else OK) as server:
        one = stream(server.target(), [number * 2 * MS for number in range(50)])
        made = pump(one)
    assert made.surplus == one.tally.counts["broken"] == 5
    assert one.tally.counts["confirmed"] == 45


def test_nobody_listening_breaks_every_arrival_and_claims_none_was_sent():
    with Server() as server:
        target = server.target()
    one = stream(target, [number * MS for number in range(40)])
    pump(one)
    assert one.tally.counts["broken"] == 40
    assert one.work.sent == {}
    assert {reply.broken for reply in one.work.replies.values()} == {"connection"}


def test_a_server_that_comes_back_is_used_again():
    with Server() as server:
        port = server.port
    one = stream(Target("127.0.0.1", port, 5.0, 1000), [number * 10 * MS for number in range(50)])
    back = []
    waiter = gevent.spawn_later(0.2, lambda: back.append(Server(port=port)))
    pump(one)
    waiter.join()
    back[0].__exit__()
    assert one.tally.counts["broken"] > 0 < one.tally.counts["confirmed"]
    assert one.tally.counts["broken"] + one.tally.counts["confirmed"] == 50


def test_a_server_that_accepts_and_closes_does_not_keep_us_busy():
    with Server() as server:
        server.talk = lambda connection: connection.close()
        one = stream(server.target(), [number * 10 * MS for number in range(20)])
        pump(one)
        opened = len(server.open)
    assert one.tally.counts["broken"] == 20
    assert opened < 100


def test_what_cannot_be_sent_in_time_ends_unsent_and_a_silent_server_as_a_timeout():
    with Server(lambda _number: threading.Event().wait(20) or OK) as server:
        one = stream(server.target(timeout_s=0.5), [number * 10 * MS for number in range(100)])
        pump(one, connections=1, drain_s=0)
    counts = one.tally.counts
    assert counts["broken"] > 0 < counts["unsent"]
    assert counts["broken"] + counts["unsent"] == 100
    assert one.taken == 100
    assert {reply.broken for reply in one.work.replies.values()} == {"timeout"}


def test_giving_up_early_credits_no_answer_to_what_was_still_to_come():
    with Server(lambda _number: time.sleep(0.05) or OK) as server:
        one = stream(server.target(), [number * 5 * MS for number in range(200)])
        made = Pump(reactor(), [one], Span(0, 1, 1), lambda *_: None)
        for _ in range(4):
            made.lane(one.target)
        while made.tried < 4:
            gevent.sleep(0.001)
        made.start(clock())
        gevent.sleep(0.3)
        made.give_up()
        made.over.wait(5)
        made.close()
    tally = one.tally
    assert tally.counts["unsent"] > 100
    assert sum(tally.counts.values()) == 200
    assert tally.response.count < 100


def test_a_run_ends_by_its_limit_whatever_is_under_way():
    with Server(lambda _number: threading.Event().wait(20) or OK) as server:
        one = stream(server.target(timeout_s=60), [0])
        pump(one, wait_s=0.3)
    assert one.work.replies[0].broken == "timeout"
    assert one.tally.counts["broken"] == 1


def test_a_mistake_of_our_own_ends_the_run_and_is_not_swallowed():
    with Server() as server, pytest.raises(LookupError, match="of ours"):
        pump(stream(server.target(), [number * MS for number in range(100)], error_at=7))


def test_two_pumps_at_once_are_refused():
    with Server() as server:
        first, second = (
            Pump(reactor(), [stream(server.target(), [0])], Span(0, 1, 1), lambda *_: None) for _ in range(2)
        )
        first.start(clock() + 10**9)
        with pytest.raises(HarnessError, match="at once"):
            second.start(clock())
        first.close()
