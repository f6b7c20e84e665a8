"""Logging in: whether the answers to wrong passwords tell which names exist, by what they say or how long they take."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.sdk import (
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    Params,
    check,
    describe,
    expect,
)
from conformance_security.checks.abuse import WRONG, lockable
from conformance_security.declared import declared
from conformance_security.scene import control
from conformance_security.timing import in_rounds

#: Pairs of attempts that screen for a difference, and of the rounds that must each confirm it.
ROUNDS = (5, 12, 12)
#: Headers that differ from one answer to the next, whoever asks.
_VOLATILE = frozenset({"date", "content-length", "connection", "keep-alive", "server-timing", "x-request-id", "etag"})


@check("SEC-D03", needs=("login",), effects=Effect.WRITE)
def unknown_users_are_answered_alike(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A wrong password for a known user and for an unknown one is answered with the same status and words."""
    desk = _Desk.of(candidate, evidence, params)
    known, unknown = [desk.known(), desk.known()], [desk.unknown(), desk.unknown()]
    desk.close()
    one, other = _Portrait.of(known), _Portrait.of(unknown)
    for what, mine, theirs in one.against(other):
        expect(
            mine == theirs,
            f"known and unknown users must be answered alike: the {what} differs",
            expected=f"{what} as for a known user: {mine}",
            actual=f"for an unknown user: {theirs}",
        )


@check("SEC-D03.timing", requirement="SEC-D03", needs=("login",), effects=Effect.WRITE, deadline_s=120)
def unknown_users_take_as_long(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A wrong password takes as long for an unknown user as for a known one, as far as a few attempts can tell.

    Attempts alternate. The fastest of each side are compared by rank, because noise only ever adds time; a difference
    counts when several rounds show it independently, and it is large enough to be measured over a network.
    """
    desk = _Desk.of(candidate, evidence, params)
    rounds = in_rounds(
        lambda: desk.known().exchange.elapsed_us, lambda: desk.unknown().exchange.elapsed_us, ROUNDS, desk.chance
    )
    desk.close()
    evidence.note("fastest attempts, median µs", rounds.noted("known", "unknown"))
    expect(
        not rounds.confirmed,
        "known and unknown users must be answered in the same time",
        expected="no difference that several rounds confirm",
        actual=rounds.described("known", "unknown"),
    )


# -- attempts -------------------------------------------------------------------------------------------------------


@dataclass
class _Desk:
    """Makes attempts with wrong passwords, without ever locking anybody.

    Each user gets fewer wrong passwords than lock it, and the right one afterwards, which clears the count.
    """

    candidate: Candidate
    users: tuple[str, ...]
    most: int
    chance: random.Random
    _wrong: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, candidate: Candidate, evidence: Evidence, params: Params) -> _Desk:
        """Choose the users: those with user name and password, but for those that SEC-D01 locks."""
        named = [
            name
            for name, section in candidate.file.users.items()
            if section.get("username") and section.get("password")
        ]
        locked = lockable(candidate) if len(named) > 1 else []
        users = tuple(name for name in named if name not in locked)
        most = int(declared(candidate, "login_attempts_max", params["login_attempts_max"])) - 2
        if not users or most < 1:
            raise NotTested(
                "no user may be given wrong passwords: declare one with username and password", blame="CONFIG"
            )
        desk = cls(candidate, users, most, random.Random(evidence.unique("names")))  # noqa: S311 - names, no secrets
        control(candidate.as_user(users[0]).prepare("login"), f"logging in as {users[0]} with the right password")
        return desk

    def known(self) -> Answer:
        """Try a wrong password for the known user who was tried least."""
        user = min(self.users, key=lambda name: self._wrong[name])
        if self._wrong[user] >= self.most:
            self._clear(user)
        self._wrong[user] += 1
        return _attempt(self.candidate.as_user(user).call("login", password=WRONG))

    def unknown(self) -> Answer:
        """Try a name that nobody has, of the same form as a known one."""
        user = self.users[self.chance.randrange(len(self.users))]
        name = _stranger(str(self.candidate.file.users[user]["username"]), self.chance)
        return _attempt(self.candidate.as_user(user).call("login", username=name, password=WRONG), name)

    def close(self) -> None:
        """Log in rightly as everybody who was tried, so that no count is left behind."""
        for user in list(self._wrong):
            self._clear(user)

    def _clear(self, user: str) -> None:
        control(self.candidate.as_user(user).prepare("login"), f"logging in as {user} after wrong passwords")
        self._wrong[user] = 0


def _attempt(answer: Answer, name: str = "") -> Answer:
    if isinstance(answer, Broken) and answer.kind in ("throttled", "connection", "timeout", "tls"):
        raise Inconclusive(f"an attempt to log in was {describe(answer)}: too many attempts at once?", blame="CONFIG")
    sent = answer.exchange.request_body
    if WRONG.encode() not in sent or name.encode() not in sent:
        raise NotTested("the mapping of login does not take the arguments username and password", blame="CONFIG")
    return answer


def _stranger(name: str, chance: random.Random) -> str:
    """Return a name of the same form: other letters, other digits, the same domain of a mail address."""
    local, at, domain = name.partition("@")
    kept = 3 if local.isdigit() and len(local) == 11 else 0

    def other(character: str) -> str:
        if character.isdigit():
            return chance.choice("0123456789")
        return chance.choice("bcdfghjkmnpqrstvwxz") if character.isalpha() else character

    return local[:kept] + "".join(map(other, local[kept:])) + at + domain


# -- comparing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Portrait:
    """What answers of one kind have in common; ``None`` stands for what differs among them, and so says nothing."""

    status: int | None
    headers: Mapping[str, str | None]
    members: Mapping[str, str | None]

    @classmethod
    def of(cls, answers: list[Answer]) -> _Portrait:
        """Draw what two or more answers share."""
        statuses = {answer.exchange.status for answer in answers}
        if len(statuses) > 1:
            listed = ", ".join(map(str, sorted(statuses)))
            raise Inconclusive(f"two wrong passwords of one kind were answered differently: HTTP {listed}")
        return cls(
            statuses.pop(),
            _common([_headers(answer) for answer in answers]),
            _common([dict(_members(answer)) for answer in answers]),
        )

    def against(self, other: _Portrait) -> Iterator[tuple[str, object, object]]:
        """Give everything that two kinds of answers could be told apart by: what it is, here, and there."""
        yield "status", self.status, other.status
        yield "set of headers", sorted(self.headers), sorted(other.headers)
        yield "form of the body", sorted(self.members), sorted(other.members)
        for what, mine, theirs in (("header", self.headers, other.headers), ("member", self.members, other.members)):
            for name, value in mine.items():
                if value is not None and theirs.get(name) is not None:
                    yield f"{what} {name}", value, theirs[name]


def _common(found: list[dict[str, str]]) -> dict[str, str | None]:
    names = {name for one in found for name in one}
    return {name: found[0].get(name) if len({one.get(name) for one in found}) == 1 else None for name in names}


def _headers(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.exchange.headers.items() if name.lower() not in _VOLATILE}


def _members(answer: Answer) -> Iterator[tuple[str, str]]:
    """Give the members of the body by path, the name that was tried blotted out; text counts word by word."""
    try:
        tried = json.loads(answer.exchange.request_body)
        names = [str(value) for value in tried.values() if isinstance(value, str)] if isinstance(tried, dict) else []
    except ValueError:
        names = []
    text = answer.exchange.body.decode("utf-8", "replace")
    for name in filter(lambda name: len(name) > 2, names):
        text = text.replace(name, "<name>")
    try:
        yield from _flat(json.loads(text), "$")
    except ValueError:
        yield "$", re.sub(r"[0-9a-fA-F-]{8,}|\d+", "<number>", text)


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, f"list of {len(value)}"
    else:
        yield path, repr(value)
