"""Idempotency keys and races: whatever is repeated or happens at once, the books agree afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    check,
    describe,
    expect,
    must_accept,
    refused,
)
from conformance_security.scene import AMOUNT, Scene, control

#: How many requests are let go at the same moment.
AT_ONCE = 8


@check("SEC-V06", needs=("payments.create",), effects=Effect.MONEY)
def a_repeated_payment_has_one_effect(candidate: Candidate, evidence: Evidence) -> None:
    """The same request under the same idempotency key is answered as the first time and pays nothing again."""
    scene = Scene.set(candidate, evidence)
    payment = scene.payment()
    before = scene.money()
    first = control(payment, "the original payment").value
    once = scene.money()
    expect(before != once, "a payment that was accepted must show in the books", expected="a change", actual=once)
    again = must_accept(payment, "a payment repeated under its idempotency key must be answered as the first time")
    twice = scene.money()
    expect(once == twice, "a repeated payment must pay nothing again", expected=once, actual=twice)
    expect(
        again.get("id") == first.get("id"),
        "a repeated payment must be answered with the first payment's id",
        expected=first.get("id"),
        actual=again.get("id"),
    )


@check("SEC-V07", needs=("payments.create",), effects=Effect.MONEY)
def a_known_key_with_another_body_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """An idempotency key belongs to one request: with another body it is answered 409 or 422."""
    scene = Scene.set(candidate, evidence)
    payment = scene.payment()
    refused(
        payment.with_arguments(amount=AMOUNT + 1),
        twin=payment,
        state=scene.money,
        codes=(409, 422),
        because="the idempotency key was used for another amount",
    )


@check("SEC-V08", needs=("payments.create",), effects=Effect.MONEY, deadline_s=60)
def one_key_at_once_has_one_effect(candidate: Candidate, evidence: Evidence) -> None:
    """Eight identical requests under one idempotency key at the same moment pay once."""
    scene = Scene.set(candidate, evidence)
    single = _difference(scene)
    before = scene.money()
    payment = scene.payment()
    answers = at_once([payment.send] * AT_ONCE)
    ids = {str(answer.value.get("id")) for answer in _settled(answers) if isinstance(answer, Accepted)}
    expect(len(ids) >= 1, "one of eight identical payments must be accepted", expected="1", actual=_shown(answers))
    expect(
        len(ids) == 1,
        "payments sent at once under one idempotency key must be one payment",
        expected="1 id",
        actual=f"{len(ids)} ids",
    )
    after = scene.money()
    expect(
        _moved(before, after) == single,
        "payments sent at once under one idempotency key must pay once",
        expected=single,
        actual=_moved(before, after),
    )


@check("SEC-V09", needs=("payments.create", "accounts.balance"), effects=Effect.MONEY, deadline_s=60)
def money_is_not_spent_twice(candidate: Candidate, evidence: Evidence) -> None:
    """Of eight payments of 600 at the same moment from a balance of 1000, one succeeds and the sum is conserved."""
    scene = Scene.set(candidate, evidence, balance=1_000)
    answers = _settled(at_once([scene.payment(600).send for _ in range(AT_ONCE)]))
    left, received = candidate.balance(scene.debtor), candidate.balance(scene.creditor)
    paid = sum(isinstance(answer, Accepted) for answer in answers)
    evidence.note("after the race", {"accepted": paid, "debtor": left, "creditor": received})
    expect(
        left >= 0 and left + received == 1_000,
        "the sum of both accounts must be conserved and the debtor not overdrawn",
        expected="1000 together, none negative",
        actual=f"debtor {left}, creditor {received}",
    )
    expect(
        paid <= 1,
        "payments at once must not spend the same money twice",
        expected="1 of 8 accepted",
        actual=f"{paid} of 8 accepted",
    )
    expect(
        paid == 1 and received == 600,
        "exactly one of the payments that the balance covers must succeed",
        expected="1 accepted, creditor 600",
        actual=f"{_shown(answers)}; creditor {received}",
    )


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Let all calls go at the same moment, each in a thread of its own, and return their answers."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        gate.wait(timeout=10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def _settled(answers: list[Answer]) -> list[Answer]:
    """Return the answers; raises Inconclusive when the candidate throttled, for then they did not compete."""
    if any(isinstance(answer, Broken) and answer.kind == "throttled" for answer in answers):
        raise Inconclusive("the candidate throttled simultaneous requests (429)", blame="CONFIG")
    return answers


def _difference(scene: Scene) -> object:
    """Return what one single payment changes: the measure for what eight may."""
    before = scene.money()
    control(scene.payment(), "a single payment")
    return _moved(before, scene.money())


def _moved(before: object, after: object) -> object:
    """Return the change of each account, in order: of balances, or of the number of entries."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    return [_number(after[key]) - _number(before[key]) for key in before]


def _number(value: object) -> int:
    return len(value) if isinstance(value, list) else int(str(value))


def _shown(answers: Sequence[Answer]) -> str:
    return ", ".join(sorted(describe(answer) for answer in answers))
