"""Observers see every exchange after it was recorded; a defect of theirs is told, and hides nothing of the product."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from conformance.engine.judge import Traces
from conformance.engine.running import Running
from conformance.engine.tracing import NullRecorder, TracingRecorder
from conformance.sdk import Evidence, Pause, Sighting, WireMessage, pause

SIGHTING = Sighting("http", WireMessage("GET / HTTP/1.1"), None, 0, 0)


class Watcher:
    """Remembers what it was shown."""

    def __init__(self, fails_at: int = 0) -> None:
        self.seen: list[tuple[int, str]] = []
        self._fails_at = fails_at

    def see(self, seq: int, check: str, sighting: Sighting) -> None:
        if seq == self._fails_at:
            raise ValueError("cannot read this")
        self.seen.append((seq, check))


def test_observers_see_number_and_check_of_every_exchange() -> None:
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher()
    recorder.start("A")
    recorder.record(SIGHTING)
    recorder.show_to([watcher])
    recorder.record(SIGHTING)
    recorder.start("B")
    recorder.record(SIGHTING)
    recorder.catch_up()
    assert watcher.seen == [(2, "A"), (3, "B")]


def test_an_observers_defect_ends_observing_and_not_recording() -> None:
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher(fails_at=2)
    recorder.show_to([watcher])
    assert [recorder.record(SIGHTING) for _ in range(3)] == [1, 2, 3]
    recorder.catch_up()
    assert watcher.seen == [(1, "")]
    assert isinstance(recorder.blinded, ValueError)
    assert recorder.traces.ranges() == ((1, 3),)


def test_who_has_caught_up_sees_each_exchange_at_once() -> None:
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher()
    recorder.show_to([watcher])
    recorder.record(SIGHTING)
    recorder.catch_up()
    for number in range(2, 50):
        recorder.record(SIGHTING)
        assert watcher.seen[-1] == (number, "")


def test_a_slow_observer_is_waited_for_before_memory_fills() -> None:
    """Each exchange is larger than what may wait: it was looked at before the next one is recorded."""
    large = Sighting("http", WireMessage("PUT / HTTP/1.1", (), bytes(40 * 1024 * 1024)), None, 0, 0)
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher()
    recorder.show_to([watcher])
    for number in (1, 2, 3):
        recorder.record(large)
        assert watcher.seen == [(seen, "") for seen in range(1, number + 1)]


def test_exchanges_of_many_threads_are_all_seen_in_their_order() -> None:
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher()
    recorder.show_to([watcher])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: recorder.record(SIGHTING), range(500)))
    recorder.catch_up()
    assert [seq for seq, _ in watcher.seen] == list(range(1, 501))


def test_a_held_check_runs_when_it_is_asked_to_and_may_pause() -> None:
    ran: list[str] = []

    def plain() -> None:
        ran.append("plain")

    def pausing() -> Iterator[Pause]:
        ran.append("before")
        yield pause(0.01)
        ran.append("after")

    first, second = (Running(name, Evidence("run", name), Traces(), 5) for name in ("A", "B"))
    first.hold(plain, {})
    second.hold(pausing, {})
    assert ran == []
    assert math.isinf(first.due)
    first.wait()
    assert first.proceed() is False
    assert second.proceed() is True
    second.wait()
    assert second.proceed() is False
    assert ran == ["plain", "before", "after"]
