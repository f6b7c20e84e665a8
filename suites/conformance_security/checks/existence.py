"""Existence: a stranger cannot tell another customer's account from one that does not exist."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Prepared,
    Refused,
    accepted,
    check,
    expect,
    must_accept,
)
from conformance_security.scene import opened
from conformance_security.timing import in_rounds

#: Pairs of a first look at the times, and of the rounds that must each confirm it.
ROUNDS = (8, 12, 12)
_FOREIGN, _ABSENT = "another customer's account", "an account that does not exist"


@check("SEC-Z08", needs=("accounts.read",), users=("alice", "bob"), effects=Effect.WRITE)
def existence_is_not_disclosed(candidate: Candidate, evidence: Evidence) -> None:
    """To a stranger, an account of another customer and one that does not exist are answered alike."""
    account = opened(candidate.as_user("alice"), 0)
    bob = candidate.as_user("bob")
    own = opened(bob, 0)
    accepted(bob.prepare("accounts.read", account=own.id), "reading one's own account")
    reading = bob.prepare("accounts.read", account=account.id)
    foreign = _refusal(reading, _FOREIGN)
    # The id alone is another: a tenant in the path stays that of the other customer.
    absent = _refusal(reading.with_field("account", _changed(account.id)), _ABSENT)
    for name, pair in _differences(foreign, account.id, absent, _changed(account.id)):
        expect(
            pair[0] == pair[1],
            f"another customer's account and an absent one must be answered alike, but the {name} differs",
            expected=f"{name} as for the absent one: {pair[1]}",
            actual=pair[0],
        )


@check(
    "SEC-Z08.timing",
    requirement="SEC-Z08",
    needs=("accounts.read",),
    users=("alice", "bob"),
    effects=Effect.WRITE,
    deadline_s=60,
)
def existence_shows_in_no_clock(candidate: Candidate, evidence: Evidence) -> None:
    """To a stranger, an account of another customer and one that does not exist are refused in the same time.

    A difference counts when each of several rounds of pairs, in an order left to chance, shows it. Where times vary so
    much that none could be seen, the check is not tested.
    """
    account = opened(candidate.as_user("alice"), 0)
    foreign = candidate.as_user("bob").prepare("accounts.read", account=account.id)
    absent = foreign.with_field("account", _changed(account.id))
    for reading, what in ((foreign, _FOREIGN), (absent, _ABSENT)):
        _refusal(reading, what)
    chance = random.Random(evidence.unique("order"))  # noqa: S311 - an order, no secret
    rounds = in_rounds(lambda: _took_us(foreign, _FOREIGN), lambda: _took_us(absent, _ABSENT), ROUNDS, chance)
    evidence.note("fastest refusals, median µs", rounds.noted("foreign", "absent"))
    expect(
        not rounds.confirmed,
        "another customer's account and an absent one must be refused in the same time",
        expected="no difference that several rounds confirm",
        actual=rounds.described("foreign", "absent"),
    )
    if rounds.restless:
        raise NotTested("the times of equal refusals vary too much to be compared: test on a quieter machine")


# -- refusals ----------------------------------------------------------------------------------------------------


def _changed(identifier: str) -> str:
    """Return an id of the same shape that names nothing: a number far away, or other letters and digits at its end."""
    if identifier.isdigit() and len(identifier) <= 10:
        return str(int(identifier) + 1_000_003)
    head, tail = identifier[:-8], identifier[-8:]
    return head + re.sub(r"[0-9a-fA-F]", lambda match: f"{(int(match.group(), 16) + 1) % 10}", tail)


def _refusal(reading: Prepared, what: str) -> Refused:
    answer = reading.send()
    if isinstance(answer, Refused):
        return answer
    must_accept(answer, f"reading {what} must be refused cleanly")
    expect(False, f"must be refused: {what} is not the caller's", expected="a refusal (4xx)", actual="accepted")
    raise AssertionError


def _took_us(reading: Prepared, what: str) -> int:
    return _refusal(reading, what).exchange.elapsed_us


def _differences(
    foreign: Refused, id_of_it: str, absent: Refused, other_id: str
) -> Iterator[tuple[str, tuple[str, str]]]:
    yield "status", (str(foreign.exchange.status), str(absent.exchange.status))
    yield "error code", (foreign.code, absent.code)
    yield "text", (_neutral(foreign, id_of_it), _neutral(absent, other_id))


def _neutral(answer: Refused, identifier: str) -> str:
    """Return a refusal's texts without what differs by nature: the id itself, request ids and times."""
    volatile = ("instance", "timestamp", "time", "traceid", "trace_id", "requestid", "request_id")
    kept = {name: value for name, value in answer.value.items() if str(name).lower() not in volatile}
    return str(sorted(kept.items(), key=str)).replace(identifier, "…")
