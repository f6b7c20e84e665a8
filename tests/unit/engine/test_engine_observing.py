"""Observers see every exchange after it was recorded; a defect of theirs is told, and hides nothing of the product."""

from __future__ import annotations

import math
from collections.abc import Iterator

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
    assert watcher.seen == [(2, "A"), (3, "B")]


def test_an_observers_defect_ends_observing_and_not_recording() -> None:
    recorder, watcher = TracingRecorder(NullRecorder()), Watcher(fails_at=2)
    recorder.show_to([watcher])
    assert [recorder.record(SIGHTING) for _ in range(3)] == [1, 2, 3]
    assert watcher.seen == [(1, "")]
    assert isinstance(recorder.blinded, ValueError)
    assert recorder.traces.ranges() == ((1, 3),)


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
