"""Faults of single operations strike under pressure only, and only what they name."""

import asyncio
from types import SimpleNamespace

import pytest

from conformance.reference import strain_endpoints
from conformance.reference.strain_endpoints import Strained

OPERATIONS = {
    "load.slow-reads": ("GET", "/payments/p1"),
    "load.slow-refunds": ("POST", "/payments/p1/refunds"),
    "load.slow-balances": ("GET", "/accounts/a1/balance"),
    "load.slow-codes": ("POST", "/codes"),
    "load.slow-code-pays": ("POST", "/pay"),
    "load.slow-tokens": ("POST", "/token"),
}


class Clock:
    """Stands still until someone sleeps or a test moves it."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    async def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(strain_endpoints, "asyncio", SimpleNamespace(sleep=made.sleep))
    return made


class Bank:
    """The layer over an application that answers everything with 200 at once."""

    def __init__(self, clock, *faults):
        self._clock = clock
        self._layer = Strained(self._app, SimpleNamespace(on=lambda fault: fault in faults), clock)

    async def _app(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    def ask(self, method, path):
        """Return the status and how long the answer took on the clock."""
        statuses, began = [], self._clock.now_s

        async def send(message):
            statuses.append(message.get("status"))

        asyncio.run(self._layer({"type": "http", "method": method, "path": path}, None, send))
        return statuses[0], self._clock.now_s - began

    def press(self, payments=6, apart_s=0.05):
        for _ in range(payments):
            self._clock.now_s += apart_s
            assert self.ask("POST", "/payments") == (200, 0)


@pytest.mark.parametrize(("fault", "operation"), OPERATIONS.items())
def test_every_third_request_of_its_operation_waits_under_pressure(clock, fault, operation):
    bank = Bank(clock, fault)
    waited = []
    for _ in range(6):
        bank.press()
        waited.append(bank.ask(*operation)[1])
        for other in set(OPERATIONS.values()) - {operation}:
            assert bank.ask(*other) == (200, 0)
    assert [took > 1 for took in waited] == [False, False, True] * 2


@pytest.mark.parametrize("faults", [(), tuple(OPERATIONS)])
def test_without_pressure_or_without_faults_nothing_waits(clock, faults):
    bank = Bank(clock, *faults)
    bank.press(payments=6, apart_s=0.05 if not faults else 0.2)
    for operation in OPERATIONS.values():
        assert [bank.ask(*operation) for _ in range(6)] == [(200, 0)] * 6


def test_a_starved_stream_gets_through_when_the_payments_pause(clock):
    bank = Bank(clock, "load.starved-stream")
    bank.press()
    status, took = bank.ask("GET", "/accounts/a1/balance")
    assert (status, took > 0) == (200, True)
    assert bank.ask("GET", "/accounts/a1/balance") == (200, 0)
    assert bank.ask("GET", "/payments/p1") == (200, 0)


def test_a_starved_stream_is_turned_away_while_the_payments_go_on(clock):
    bank = Bank(clock, "load.starved-stream")
    bank.press()
    waiting = clock.sleep

    async def sleep(seconds):
        await waiting(seconds)
        bank._layer._payments.append(clock.now_s)

    strain_endpoints.asyncio.sleep = sleep
    status, took = bank.ask("GET", "/accounts/a1/balance")
    assert (status, took > 1) == (503, True)
