"""Guessing passwords: every way of stopping it counts, and only what lets the next right guess in does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.model.candidate import CandidateFile
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
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


def test_where_nobody_is_locked_nothing_is_known_of_others() -> None:
    it = candidate(Login(lambda n: refusal(), lambda n: LET_IN), other_client="elsewhere")
    with pytest.raises(Inconclusive, match="not locked out"):
        abuse.a_lock_stays_with_who_guessed(it, Evidence("r", "c"), PARAMS)


def test_whom_these_checks_lock_the_others_leave_alone() -> None:
    it = candidate(locking())
    assert set(_Desk.of(it, Evidence("r", "c"), PARAMS).users).isdisjoint(abuse.lockable(it))
