"""Outcomes are told when their evidence is durable, and only then."""

from __future__ import annotations

import threading

import pytest

from conformance.engine.telling import Teller
from conformance.errors import HarnessError


def test_each_outcome_is_told_after_a_flush_that_came_after_it() -> None:
    happened: list[str] = []
    teller = Teller(lambda: happened.append("flush"), lambda event: happened.append(event["check"]))
    for name in "abc":
        teller.tell({"check": name})
    teller.close()
    assert [item for item in happened if item != "flush"] == ["a", "b", "c"]
    assert happened[0] == "flush"


def test_one_flush_serves_all_outcomes_that_came_while_another_went_on() -> None:
    flushes: list[int] = []
    told: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def flush() -> None:
        flushes.append(len(told))
        begun.set()
        go_on.wait(30)

    teller = Teller(flush, lambda event: told.append(event["check"]))
    teller.tell({"check": "a"})
    begun.wait(30)
    for name in "bcd":
        teller.tell({"check": name})
    assert told == [], "nothing is told while its evidence is not durable"
    go_on.set()
    teller.close()
    assert told == ["a", "b", "c", "d"]
    assert flushes[:2] == [0, 1]
    assert len(flushes) <= 3


def test_nothing_is_told_any_more_when_the_disk_refuses() -> None:
    refused = HarnessError("the disk is full")
    told: list[str] = []
    failed = threading.Event()

    def flush() -> None:
        failed.set()
        raise refused

    teller = Teller(flush, lambda event: told.append(event["check"]))
    teller.tell({"check": "a"})
    failed.wait(30)
    with pytest.raises(HarnessError, match="disk is full"):
        teller.close()
    with pytest.raises(HarnessError, match="disk is full"):
        teller.tell({"check": "b"})
    assert told == []
