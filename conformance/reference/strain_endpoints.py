"""Faults of single operations that show under load only: while payments pour in, some requests wait or are turned away.

They work in front of the routes, so that operations of a suite's own part are reached as well.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.reference.web import problem
from conformance.sdk.reference import FaultBoard, Problem

#: Pressure: at least so many payments within so many seconds. Single payments, one after the other, stay below.
_PAYMENTS = 6
_WITHIN_S = 0.5
#: A slow fault holds every third request of its operation for so many seconds.
_EVERY = 3
_SLOW_S = 4.0
#: Fault load.starved-stream: how long a request waits for the payments to end, and how often it looks, in seconds.
_STARVED_S = 1.5
_LOOK_S = 0.05

#: What the slow faults hold up: method and path.
_SLOW = {
    "load.slow-reads": ("GET", re.compile(r"/payments/[^/]+")),
    "load.slow-refunds": ("POST", re.compile(r"/payments/[^/]+/refunds")),
    "load.slow-balances": ("GET", re.compile(r"/accounts/[^/]+/balance")),
    "load.slow-codes": ("POST", re.compile(r"/codes")),
    "load.slow-code-pays": ("POST", re.compile(r"/pay")),
    "load.slow-tokens": ("POST", re.compile(r"/token")),
}
_STARVED = ("load.starved-stream", *_SLOW["load.slow-balances"])


class Strained:
    """The layer that holds requests up. ``clock`` counts seconds."""

    def __init__(self, app: ASGIApp, faults: FaultBoard, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock
        self._payments: deque[float] = deque(maxlen=_PAYMENTS)
        self._seen: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, late where a fault says so."""
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            if (method, path) == ("POST", "/payments"):
                self._payments.append(self._clock())
            if self._under_pressure() and (held_up := self._slow_s(method, path)):
                await asyncio.sleep(held_up)
            if self._starves(method, path) and not await self._relieved():
                await problem(Problem(503, "overloaded", "The service is overloaded."))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _under_pressure(self) -> bool:
        return len(self._payments) == _PAYMENTS and self._clock() - self._payments[0] < _WITHIN_S

    def _slow_s(self, method: str, path: str) -> float:
        for fault, (verb, pattern) in _SLOW.items():
            if self._faults.on(fault) and method == verb and pattern.fullmatch(path):
                self._seen[fault] += 1
                return _SLOW_S if self._seen[fault] % _EVERY == 0 else 0.0
        return 0.0

    def _starves(self, method: str, path: str) -> bool:
        fault, verb, pattern = _STARVED
        return self._faults.on(fault) and method == verb and bool(pattern.fullmatch(path))

    async def _relieved(self) -> bool:
        """Wait until payments leave room for anything else; return False when they never do."""
        until = self._clock() + _STARVED_S
        while self._under_pressure():
            if self._clock() >= until:
                return False
            await asyncio.sleep(_LOOK_S)
        return True
