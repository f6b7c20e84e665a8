"""Flows of several steps: each arrival once, times from the intended start, and no mistake is swallowed."""

import gevent
import pytest
from gevent.event import Event

from conformance_load.flow import Span
from conformance_load.odd import Flows
from conformance_load.tally import Tally

MS = 1_000_000


def ran(flow, count, *, at_once=4, drain_s=5, patience_s=5.0, every_ms=1):
    tally = Tally(1)
    flows = Flows(flow, tally, Span(0, 1, drain_s), at_once=at_once, patience_s=patience_s)
    taken = []
    pressed = flows.run([number * every_ms * MS for number in range(count)], taken.append)
    return tally, taken, pressed


def test_each_arrival_runs_once_and_is_counted():
    seen = []
    tally, taken, pressed = ran(lambda number: seen.append(number) or "confirmed", 20)
    assert sorted(seen) == taken == list(range(20))
    assert (tally.sent, tally.counts["confirmed"], tally.response.count, tally.own_lag.count) == (20, 20, 20, 20)
    assert (pressed.connections, pressed.aborted) == (4, "")


def test_what_a_flow_says_is_counted():
    tally, _, _ = ran(lambda number: ("confirmed", "refused", "broken")[number % 3], 9)
    assert {word: tally.counts[word] for word in ("confirmed", "refused", "broken")} == dict.fromkeys(
        ("confirmed", "refused", "broken"), 3
    )


def test_waiting_for_room_is_the_products_time_and_not_the_generators():
    """One flow at a time: each waits for those before it, so waiting adds up in the response and not in the service."""
    tally, _, _ = ran(lambda number: gevent.sleep(0.02) or "confirmed", 5, at_once=1)
    assert tally.response.largest > 2 * tally.service.quantile(5000)
    assert tally.own_lag.count < 5


def test_arrivals_that_find_no_room_before_the_deadline_are_unsent():
    never = Event()
    tally, _, _ = ran(lambda number: never.wait() or "confirmed", 4, at_once=2, drain_s=0, patience_s=0.2)
    assert (tally.sent, tally.counts["unsent"], tally.counts["broken"]) == (2, 2, 2)


def test_a_flow_that_never_ends_is_broken_and_the_rest_counts():
    never = Event()
    tally, _, _ = ran(lambda number: (never.wait() if number == 1 else None) or "confirmed", 3, patience_s=0.2)
    assert (tally.counts["confirmed"], tally.counts["broken"]) == (2, 1)


def test_our_own_mistake_ends_the_scenario():
    def mistaken(number):
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        ran(mistaken, 3)


def test_the_warm_up_runs_and_is_not_counted():
    tally = Tally(1)
    seen = []
    flows = Flows(lambda number: seen.append(number) or "confirmed", tally, Span(1, 1, 1), at_once=2, patience_s=5.0)
    flows.run([0, 1_001 * MS], lambda taken: None)
    assert (seen, tally.sent) == ([0, 1], 1)
