"""The live line of a running scenario: what it says, and how seldom."""

from types import SimpleNamespace

import pytest

from conformance_load.live import INTERVAL_NS, Live
from conformance_load.tally import Tally

SECOND = 1_000_000_000


class Clock:
    """Nanoseconds that pass when told to."""

    now = 50 * SECOND

    def __call__(self):
        return self.now


@pytest.fixture
def scene():
    """A live line over two tallies, with its clock and what was told."""
    clock, told = Clock(), []
    tallies = [Tally(4), Tally(4)]
    context = SimpleNamespace(progress=lambda *line: told.append(line))
    return Live(context, tallies, 400, 4, clock), tallies, clock, told


def begin(tallies, at_ns):
    for tally in tallies:
        tally.start_ns = at_ns


def confirm(tally, count, took_ns, outcome="confirmed"):
    for _ in range(count):
        tally.ended(outcome, tally.start_ns, tally.start_ns, tally.start_ns + took_ns)


def test_before_the_clock_starts_it_says_so(scene):
    live, tallies, clock, told = scene
    live(0)
    begin(tallies, clock.now + SECOND)
    clock.now += SECOND // 2
    live(50)
    assert told == [(0, 400, "connecting"), (50, 400, "warming up, 100/s offered")]


def test_it_tells_rates_since_the_last_line_and_totals_of_the_rest(scene):
    live, tallies, clock, told = scene
    begin(tallies, clock.now)
    live(0)
    confirm(tallies[0], 90, 10_000_000)
    confirm(tallies[1], 6, 2_000_000)
    confirm(tallies[1], 1, 30_000_000, "broken")
    clock.now += SECOND
    live(100)
    clock.now += SECOND
    live(150)
    assert told[1][2] == "3 s left, 100/s offered, 96/s confirmed, p99 30.0 ms, 1 error"
    assert told[2][2] == "2 s left, 50/s offered, 0/s confirmed, p99 30.0 ms, 1 error"


def test_it_speaks_at_most_twice_a_second(scene):
    live, _tallies, clock, told = scene
    for step in range(100):
        live(step)
        clock.now += SECOND // 10
    assert len(told) == 10 * SECOND // INTERVAL_NS


def test_after_the_last_arrival_it_drains(scene):
    live, tallies, clock, told = scene
    begin(tallies, clock.now - 4 * SECOND)
    live(400)
    assert told[0][2].startswith("draining, ")
