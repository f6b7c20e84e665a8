"""The reactor's loop and its clock: alarms in order, other greenlets get their turn, and no timer is no harm."""

import os
import select
import threading

import gevent
import pytest
from scripted import Caller, Server

from conformance.errors import HarnessError
from conformance_load.flow import now_ns
from conformance_load.reactor import clock, loop
from conformance_load.reactor.loop import Reactor, reactor

MS = 1_000_000


@pytest.fixture(params=["with a timer", "without"])
def own(request, monkeypatch):
    """A reactor of the test's own, on a system with a timer file or without."""
    if request.param == "without":
        monkeypatch.setattr(loop, "timer_file", lambda: None)
    return Reactor()


def test_alarms_come_in_order_and_never_early(own):
    called, done = [], gevent.event.Event()
    start = now_ns()
    for after_ms in (30, 1, 12, 0):
        own.call_at(start + after_ms * MS, lambda after_ms=after_ms: called.append((after_ms, now_ns() - start)))
    own.call_at(start + 40 * MS, done.set)
    assert done.wait(10)
    assert [after_ms for after_ms, _ in called] == [0, 1, 12, 30]
    assert all(late_ns >= after_ms * MS for after_ms, late_ns in called)


def test_an_alarm_set_while_the_reactor_rests_is_not_forgotten(own):
    for _ in range(3):
        gevent.sleep(0.02)
        done = gevent.event.Event()
        own.call_at(now_ns() + MS, done.set)
        assert done.wait(10)


def test_other_greenlets_run_while_the_reactor_never_rests():
    turns, asked = [], []

    class Busy(Caller):
        def whole(self, *_):
            asked.append(1)
            self.connection.send(b"GET / HTTP/1.1\r\n\r\n", now_ns())

        ended = whole

    def breathe():
        while True:
            turns.append(len(asked))
            gevent.sleep(0.001)

    with Server() as server:
        callers = [Busy(server.target()) for _ in range(8)]
        for caller in callers:
            assert caller.open() == "opened"
            caller.connection.send(b"GET / HTTP/1.1\r\n\r\n", now_ns())
        other = gevent.spawn(breathe)
        while len(turns) < 20:
            assert len(asked) < 500_000
            gevent.sleep(0.01)
        other.kill()
        for caller in callers:
            caller.connection.close()
    # Answers came all the while.
    assert len(set(turns)) > 5


def test_the_hubs_own_sockets_are_served_while_the_reactor_never_rests():
    ours, theirs = gevent.socket.socketpair()
    never = Reactor()
    never.pace = lambda now: now
    never.wake()
    answered = gevent.spawn(lambda: theirs.recv(10))
    gevent.sleep(0.01)
    threading.Timer(0.02, lambda: os.write(ours.fileno(), b"hello")).start()
    assert answered.get(timeout=10) == b"hello"
    never.pace = None
    ours.close()
    theirs.close()


def test_a_crash_is_told_and_the_reactor_starts_again(own, capfd):
    crashed = gevent.event.AsyncResult()
    own.crashed = crashed.set
    own.call_at(0, lambda: 1 // 0)
    assert isinstance(crashed.get(timeout=10), ZeroDivisionError)
    gevent.sleep(0.01)
    done = gevent.event.Event()
    own.call_at(0, done.set)
    assert done.wait(10)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_there_is_one_reactor_for_a_process():
    assert reactor() is reactor()


def test_a_system_without_epoll_is_told_where_to_go(monkeypatch):
    monkeypatch.setattr(loop.gevent.monkey, "get_original", lambda module, name: getattr(object(), name))
    with pytest.raises(HarnessError, match="epoll") as raised:
        Reactor()
    assert "Linux" in raised.value.remedy


def test_a_timer_file_wakes_at_its_time_and_can_be_set_again():
    timer = clock.timer_file()
    assert timer is not None
    with select.epoll() as epoll:
        epoll.register(timer.file, select.EPOLLIN | select.EPOLLET)
        for _ in range(2):
            at = now_ns() + 2 * MS
            timer.set(at)
            assert epoll.poll(5)
            assert now_ns() >= at
        timer.set(now_ns() + MS)
        timer.set(0)
        assert epoll.poll(0.02) == []
    timer.close()


def test_where_nothing_offers_a_timer_there_is_none(monkeypatch):
    monkeypatch.setattr(clock.ctypes, "PyDLL", lambda _name: object())
    monkeypatch.delattr(os, "timerfd_create", raising=False)
    assert clock.timer_file() is None
