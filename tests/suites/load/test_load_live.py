"""The live line of a running scenario: what it says, and how seldom."""

from types import SimpleNamespace

import pytest

from conformance_load import live as lives
from conformance_load.aftermath import BookReader
from conformance_load.live import INTERVAL_NS, Live, Noted
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


def test_notes_of_the_quiet_phases_come_at_most_every_two_seconds():
    clock, told = Clock(), []
    noted = Noted(SimpleNamespace(progress=lambda *line: told.append(line)), clock)
    for tenth in range(100):
        clock.now += SECOND // 10
        noted(f"page {tenth}")
    assert [note for _, _, note in told] == ["page 19", "page 39", "page 59", "page 79", "page 99"]


def test_reading_long_books_is_told_page_by_page_so_that_nobody_takes_it_for_a_hang(monkeypatch):
    monkeypatch.setattr(lives, "NOTED_EVERY_NS", 0)
    told = []
    pages = [[{"id": f"e{number}-{entry}", "reference": "", "amount": 1} for entry in range(3)] for number in range(4)]
    candidate = SimpleNamespace(statement_pages=lambda account: iter(pages), balance=lambda account: 0)
    context = SimpleNamespace(candidate=candidate, progress=lambda *line: told.append(line[2]))
    assert BookReader.now(context, ["a"]).read().entries == 0
    assert BookReader.known(context, ["a", "b"], [[], []], [0, 0]).read().entries == 24
    assert told[3] == "reading what stands on the accounts: 12 entries"
    assert told[-1] == "reading the books: 24 entries, account 2 of 2"
    assert len(told) == 16
