"""Guessing passwords: every way of stopping it counts, and only what lets the next right guess in does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance.model.candidate import CandidateFile, Limits
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    Pool,
    Prepared,
    Refused,
)
from conformance_security.checks import abuse
from conformance_security.checks.login import _Desk

WRONG = abuse.WRONG
BODY = f'{{"password": "{WRONG}"}}'.encode()
USERS = {name: {"username": name, "password": "right"} for name in ("alice", "bob", "carol", "dave")}
PARAMS = Params({"login_attempts_max": 10})


def refusal(status: int = 401, code: str = "wrong") -> Refused:
    return Refused(code, Exchange(1, status, request_body=BODY))


LET_IN = Accepted({}, Exchange(1, 200))
BUSY = Broken("throttled", "HTTP 429", Exchange(1, 429, request_body=BODY))
CRASH = Broken("server-error", "HTTP 500", Exchange(1, 500, request_body=BODY))


class Login:
    """A product whose answers follow from the wrong passwords that one client has tried for one user."""

    def __init__(
        self, wrong: Callable[[int], Answer], right: Callable[[int], Answer], everywhere: bool = False
    ) -> None:
        self.wrong, self.right, self.everywhere = wrong, right, everywhere
        self.tried: list[tuple[str, str | None]] = []

    def operations(self) -> frozenset[str]:
        return frozenset({"login"})

    def endpoints(self) -> tuple[str, ...]:
        return ("elsewhere",)

    def perform(self, prepared: Prepared) -> Answer:
        who = (prepared.endpoint, prepared.user)
        count = sum(tried == who or (self.everywhere and tried[1] == who[1]) for tried in self.tried)
        if "password" not in prepared.arguments:
            return self.right(count)
        self.tried.append(who)
        return self.wrong(count + 1)


def candidate(login: Login, **declared: Any) -> Candidate:
    file = CandidateFile("x", "1", "https://127.0.0.1:1", users=USERS, declared={"security": declared})
    driver: Any = login
    return Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice")


def locking(**how: Any) -> Login:
    """A product that locks after ten wrong passwords and says so as ``how`` has it."""
    locked = refusal(**how)
    return Login(lambda n: locked if n > 10 else refusal(), lambda n: locked if n >= 10 else LET_IN)


@pytest.mark.parametrize(
    "how",
    [
        {"status": 403, "code": "locked"},
        {"status": 423, "code": ""},
        {"status": 401, "code": "account_locked"},
        {"status": 400, "code": "account_locked"},
        {"status": 200, "code": "E1042"},
        {},
    ],
)
def test_a_lock_counts_however_it_is_said(how: dict[str, Any]) -> None:
    abuse.password_guessing_is_stopped(candidate(locking(**how)), Evidence("r", "c"), PARAMS)


def test_throttling_counts() -> None:
    login = Login(lambda n: BUSY if n > 5 else refusal(), lambda n: LET_IN)
    abuse.password_guessing_is_stopped(candidate(login), Evidence("r", "c"), PARAMS)
    assert len(login.tried) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n: refusal(),
        lambda n: refusal(code=f"{20 - n}-attempts-left"),
        lambda n: refusal(403, "locked") if n > 10 else refusal(),
    ],
    ids=["alike", "counting down", "locked in words only"],
)
def test_whoever_guesses_right_after_ten_wrong_ones_must_not_be_let_in(wrong: Callable[[int], Answer]) -> None:
    with pytest.raises(Finding, match="password guessing must be stopped after 10") as found:
        abuse.password_guessing_is_stopped(candidate(Login(wrong, lambda n: LET_IN)), Evidence("r", "c"), PARAMS)
    assert "the right password was accepted" in str(found.value.actual)


def test_a_crash_is_no_lock() -> None:
    login = Login(lambda n: CRASH if n > 3 else refusal(), lambda n: LET_IN)
    with pytest.raises(Finding, match="must be answered cleanly"):
        abuse.password_guessing_is_stopped(candidate(login), Evidence("r", "c"), PARAMS)


# -- waiting ------------------------------------------------------------------------------------------------------


class Waiting(Login):
    """A product that answers the n-th wrong password in a row after so many seconds; nobody really waits.

    ``right_s``: what the right password waits after guesses; ``together``: whether guesses at once queue for it;
    ``others_s``: what the login of other users takes meanwhile; ``timeout_s``: when the client gives up.
    """

    def __init__(
        self,
        delay: Callable[[int], float],
        *,
        calm_s: float = 0.1,
        right_s: float = 60.0,
        queued: bool = True,
        others_s: float = 0.1,
        timeout_s: float = 120.0,
    ) -> None:
        super().__init__(lambda n: refusal(), lambda n: LET_IN)
        self.delay, self.calm_s, self.right_s, self.queued = delay, calm_s, right_s, queued
        self.others_s, self.timeout_s = others_s, timeout_s

    def perform(self, prepared: Prepared) -> Answer:
        answer = super().perform(prepared)
        count = sum(user == prepared.user for _, user in self.tried)
        if "password" in prepared.arguments:
            return self.after(answer, self.delay(count))
        waits = self.right_s if count else self.others_s if self.tried else self.calm_s
        return self.after(answer, waits)

    def after(self, answer: Answer, waited_s: float) -> Answer:
        took = int(1e6 * min(waited_s, self.timeout_s))
        if waited_s > self.timeout_s:
            return Broken("timeout", "no answer", Exchange(1, request_body=BODY, elapsed_us=took))
        return replace(answer, exchange=replace(answer.exchange, elapsed_us=took))

    def together(self, requests: Sequence[Prepared]) -> list[Answer]:
        one_s = self.delay(len(self.tried) + 1)
        return [self.after(refusal(), one_s * (n if self.queued else 1)) for n in range(1, len(requests) + 1)]

    # What else a driver of HTTP has.
    request = connection = wire = socket = perform


def doubling(count: int) -> float:
    return float(0.1 * 2**count)


def stepping(count: int) -> float:
    return 0.1 if count < 5 else 45.0


def guessed(login: Login) -> list[tuple[str, str]]:
    noted = Evidence("r", "c")
    abuse.password_guessing_is_stopped(candidate(login), noted, PARAMS)
    return [(name, str(value)) for name, value in noted.notes]


@pytest.mark.parametrize(
    "login",
    [
        Waiting(doubling),
        Waiting(stepping),
        Waiting(doubling, timeout_s=31),
        Waiting(stepping, right_s=500),
        Waiting(lambda n: 3.0 * n),
    ],
    ids=["doubling", "stepping", "longer than the client waits", "right one unanswered", "linear"],
)
def test_a_wait_of_half_a_minute_stops_guessing(login: Waiting) -> None:
    notes = dict(guessed(login))
    assert "seconds that logins took" in notes
    assert int(notes["wrong passwords until guessing was stopped, at most"]) <= 11


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Waiting(lambda n: 2.0), "after 10 wrong passwords$"),
        (Waiting(lambda n: min(0.1 * 2**n, 5.0)), "after 10 wrong passwords$"),
        (Waiting(lambda n: 40.0, calm_s=35.0), "after 10 wrong passwords$"),
        (Waiting(lambda n: 2.0 + 4 * n, calm_s=2.0), "after 10 wrong passwords$"),
        (Waiting(stepping, queued=False), "for guesses made at once as well"),
        (Waiting(stepping, right_s=0.1), "wrong passwords alone"),
    ],
    ids=["always slow", "capped", "slow before", "slow at the first", "not queued", "right one at once"],
)
def test_what_does_not_slow_guessing_down_is_found(login: Waiting, words: str) -> None:
    with pytest.raises(Finding, match=rf"password guessing must be stopped.*{words}"):
        guessed(login)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Waiting(lambda n: 0.2 * n**2), r"later and later .* whether a guess comes to take 30 s"),
        (Waiting(stepping, timeout_s=10), r"wrong password 5 was not answered in time .* raise \[limits\] timeout_s"),
        (Waiting(stepping, others_s=40), "the product may just have become slow"),
    ],
    ids=["not long enough to tell", "not waited for", "everybody waits"],
)
def test_what_a_few_guesses_cannot_show_is_left_open(login: Waiting, words: str) -> None:
    with pytest.raises(Inconclusive, match=words):
        guessed(login)


# -- other clients --------------------------------------------------------------------------------------------------


def test_a_lock_of_one_client_is_none_of_another() -> None:
    login = locking()
    it = candidate(login, other_client="elsewhere")
    abuse.a_lock_stays_with_who_guessed(it, Evidence("r", "c"), PARAMS)
    abuse.password_guessing_is_stopped(it, Evidence("r", "c"), PARAMS)
    assert {user for _, user in login.tried} == {"carol", "dave"}


def test_a_lock_of_everybody_is_found() -> None:
    login = locking()
    login.everywhere = True
    with pytest.raises(Finding, match="must still log in from another"):
        abuse.a_lock_stays_with_who_guessed(candidate(login, other_client="elsewhere"), Evidence("r", "c"), PARAMS)


def test_without_another_client_nothing_is_known_of_others() -> None:
    with pytest.raises(NotTested, match="other_client"):
        abuse.a_lock_stays_with_who_guessed(candidate(locking()), Evidence("r", "c"), PARAMS)
    login = locking()
    with pytest.raises(NotApplicable, match="every client alike"):
        abuse.a_lock_stays_with_who_guessed(candidate(login, other_client=False), Evidence("r", "c"), PARAMS)
    assert login.tried == []


def test_where_nobody_is_locked_nothing_is_known_of_others() -> None:
    it = candidate(Login(lambda n: refusal(), lambda n: LET_IN), other_client="elsewhere")
    with pytest.raises(Inconclusive, match="not locked out"):
        abuse.a_lock_stays_with_who_guessed(it, Evidence("r", "c"), PARAMS)


def test_whom_these_checks_lock_the_others_leave_alone() -> None:
    it = candidate(locking())
    assert set(_Desk.of(it, Evidence("r", "c"), PARAMS).users).isdisjoint(abuse.lockable(it))


# -- bursts ---------------------------------------------------------------------------------------------------------


class Limited:
    """A product that serves a quota in a window: sliding, or by the clock; ``slow_s`` is what a burst takes."""

    def __init__(
        self, quota: int, window_s: float = 1.0, *, turn: int = 0, slow_s: float = 0.0, retry: str = "1"
    ) -> None:
        self.quota, self.window_s, self.turn, self.slow_s, self.retry = quota, window_s, turn, slow_s, retry
        self.served: list[float] = []
        self.count = 0

    def operations(self) -> frozenset[str]:
        return frozenset({"accounts.list"})

    def endpoints(self) -> tuple[str, ...]:
        return ()

    def perform(self, prepared: Prepared) -> Answer:
        now = time.monotonic()
        self.count += 1
        if self.turn and self.count == self.turn:  # the clock turns: what was counted is forgotten
            self.served.clear()
        self.served = [moment for moment in self.served if moment > now - self.window_s]
        if len(self.served) >= self.quota:
            headers = {"Retry-After": self.retry} if self.retry else {}
            return Broken("throttled", "HTTP 429", Exchange(1, 429, headers))
        self.served.append(now)
        return Accepted({}, Exchange(1, 200))

    def together(self, requests: Sequence[Prepared]) -> list[Answer]:
        time.sleep(self.slow_s)
        return [self.perform(request) for request in requests]

    # What else a driver of HTTP has.
    request = connection = wire = socket = perform


def limited(product: Limited, requests: int, pace: int = 200, **quota: Any) -> Candidate:
    declared = {"security": {"limits": {"path": "/ping", "requests": requests, "per_seconds": 1, **quota}}}
    file = CandidateFile("x", "1", "https://127.0.0.1:1", declared=declared, limits=Limits(pace))
    driver: Any = product
    return Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice")


@pytest.mark.parametrize("turn", [0, 90])
def test_a_quota_that_one_request_after_another_never_exceeds_is_exceeded_by_a_burst(turn: int) -> None:
    product = Limited(100, turn=turn)
    abuse.bursts_are_throttled(limited(product, 100), Evidence("r", "c"))


def test_a_product_without_a_limit_is_found() -> None:
    with pytest.raises(Finding, match="must be throttled") as found:
        abuse.bursts_are_throttled(limited(Limited(10**6), 20), Evidence("r", "c"))
    assert found.value.actual == "41 × accepted (HTTP 200)"


def test_a_burst_that_took_too_long_shows_nothing() -> None:
    with pytest.raises(Inconclusive, match=r"requests took 0\.1 s .* but the quota is for 0\.05 s"):
        abuse.bursts_are_throttled(limited(Limited(10**6, slow_s=0.1), 20, per_seconds=0.05), Evidence("r", "c"))


@pytest.mark.parametrize(("requests", "pace"), [(300, 200), (5_000, 100_000)])
def test_a_quota_out_of_reach_is_not_tested(requests: int, pace: int) -> None:
    product = Limited(requests)
    with pytest.raises(NotTested, match="cannot be exceeded: lower it"):
        abuse.bursts_are_throttled(limited(product, requests, pace), Evidence("r", "c"))
    assert product.count == 0


def test_a_429_says_when_to_come_back() -> None:
    with pytest.raises(Finding, match="Retry-After"):
        abuse.bursts_are_throttled(limited(Limited(20, retry=""), 20), Evidence("r", "c"))
