"""Idempotency keys and races: whatever is repeated or happens at once, the books agree afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.sdk import (
    Accepted,
    Account,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    Params,
    Pause,
    Prepared,
    Refused,
    accepted,
    check,
    describe,
    expect,
    must_accept,
    pause,
    refused,
)
from conformance_security.races import Ending, compete, rounds, shown, winners
from conformance_security.scene import AMOUNT, Scene, control, moved, opened, sends

#: How many requests reach the product at the same moment.
AT_ONCE = 8
#: Seconds in which uses of a consent that were under way when it was revoked have come to their end.
UNDER_WAY_S = 0.15


@check("SEC-V06", needs=("payments.create",), effects=Effect.MONEY)
def a_repeated_payment_has_one_effect(candidate: Candidate, evidence: Evidence) -> None:
    """The same request under the same idempotency key is answered as the first time and pays nothing again."""
    scene = Scene.set(candidate, evidence)
    payment = _keyed(candidate, scene.payment())
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
    """An idempotency key belongs to one request: with another body it is answered 409 or 422, or 400 as some do."""
    scene = Scene.set(candidate, evidence)
    payment = _keyed(candidate, scene.payment())
    refused(
        payment.with_arguments(amount=AMOUNT + 1),
        twin=payment,
        state=scene.money,
        codes=(400, 409, 422),
        because="the idempotency key was used for another amount",
    )


@check("SEC-V08", needs=("payments.create",), effects=Effect.MONEY, deadline_s=60)
def one_key_at_once_has_one_effect(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Eight identical requests under one idempotency key at the same moment pay once."""
    scene = Scene.set(candidate, evidence)
    _keyed(candidate, scene.payment())
    single = _difference(scene)

    def play(seed: int) -> Ending:
        before = scene.money()
        answers = compete(candidate, [scene.payment()] * AT_ONCE, seed)
        ids = {str(answer.value.get("id")) for answer in answers if isinstance(answer, Accepted)}
        expect(len(ids) >= 1, "one of eight identical payments must be accepted", expected="1", actual=shown(answers))
        expect(
            len(ids) == 1,
            "payments sent at once under one idempotency key must be one payment",
            expected="1 id",
            actual=f"{len(ids)} ids",
        )
        change = moved(before, scene.money())
        expect(
            change == single,
            "payments sent at once under one idempotency key must pay once",
            expected=single,
            actual=change,
        )
        return (len(ids), str(change))

    rounds(evidence, params, "one idempotency key at once", play)


@check("SEC-V09", needs=("payments.create", "accounts.balance"), effects=Effect.MONEY, deadline_s=60)
def money_is_not_spent_twice(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Of eight payments of 600 at the same moment from a balance of 1000, one succeeds and the sum is conserved."""

    def play(seed: int) -> Ending:
        scene = Scene.set(candidate, evidence, balance=1_000)
        start, had = _funded(candidate.balance(scene.debtor)), candidate.balance(scene.creditor)
        amount = start * 6 // 10
        answers = compete(candidate, [scene.payment(amount) for _ in range(AT_ONCE)], seed)
        left, received = candidate.balance(scene.debtor), candidate.balance(scene.creditor) - had
        paid = winners(answers)
        expect(
            left >= 0 and left + received == start,
            "the sum of both accounts must be conserved and the debtor not overdrawn",
            expected=f"{start} together, none negative",
            actual=f"debtor {left}, creditor {received}",
        )
        expect(
            paid <= 1,
            "payments at once must not spend the same money twice",
            expected="1 of 8 accepted",
            actual=f"{paid} of 8 accepted",
        )
        if paid == 0 and start != 1_000:  # a prepared account may hold more than one payment may move
            raise Inconclusive(f"none of the payments was accepted: {shown(answers)}", blame="PRODUCT")
        expect(
            paid == 1 and received == amount,
            "exactly one of the payments that the balance covers must succeed",
            expected=f"1 accepted, creditor {amount}",
            actual=f"{shown(answers)}; creditor {received}",
        )
        return (paid,)  # prepared accounts hold what earlier runs left them, so that sums differ

    rounds(evidence, params, "payments beyond the balance at once", play)


def _funded(balance: int) -> int:
    """Return what the debtor really holds; nothing can be overdrawn where the mapping funds no account."""
    if balance >= 10:
        return balance
    raise NotTested(
        f"accounts.open was asked for a balance of 1000 and the account holds {balance}; "
        "place the argument `balance` in its mapping, or prepare accounts under [[pool]]",
        blame="CONFIG",
    )


def _keyed(candidate: Candidate, payment: Prepared) -> Prepared:
    """Return the payment if its idempotency key travels with it; one that is never sent protects nobody."""
    if sends(candidate, payment, "idempotency_key", f"{payment.arguments.get('idempotency_key', '')}x"):
        return payment
    raise NotTested(
        "the mapping of payments.create places idempotency_key nowhere, so no key is ever sent; "
        "place it where the product takes one: without one, a payment whose answer was lost cannot be repeated safely",
        blame="CONFIG",
    )


@check(
    "SEC-V09.codes",
    requirement="SEC-V09",
    needs=("paycodes.issue", "codes.pay", "accounts.balance"),
    users=("alice", "shop"),
    effects=Effect.MONEY,
    deadline_s=60,
)
def a_payment_code_is_collected_once(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Of eight collections by one payment code at the same moment, for eight orders, one succeeds and debits once."""
    payer, shop = candidate.as_user("alice"), candidate.as_user("shop")
    debtor, creditor = opened(payer, 100_000), opened(shop, 0)

    def collection(code: object) -> Prepared:
        return shop.prepare(
            "codes.pay",
            paycode=code,
            merchant_account=creditor.id,
            amount=AMOUNT,
            currency=debtor.currency,
            order="O" + evidence.unique("order").rpartition("-")[2][:19].upper(),
            idempotency_key=evidence.unique("key"),
        )

    def play(seed: int) -> Ending:
        code = accepted(payer.call("paycodes.issue", account=debtor.id), "issuing a payment code").get("paycode")
        before = candidate.balance(debtor) + candidate.balance(creditor), candidate.balance(debtor)
        answers = compete(shop, [collection(code) for _ in range(AT_ONCE)], seed)
        after = candidate.balance(debtor) + candidate.balance(creditor), candidate.balance(debtor)
        paid = winners(answers)
        expect(
            paid <= 1 and before[1] - after[1] == paid * AMOUNT,
            "a payment code must be collected once, however many ask at once",
            expected=f"1 accepted, {AMOUNT} debited",
            actual=f"{shown(answers)}; {before[1] - after[1]} debited",
        )
        expect(before[0] == after[0], "the sum of both accounts must be conserved", expected=before, actual=after)
        if not paid:
            raise Inconclusive(f"none of the collections was accepted: {shown(answers)}", blame="PRODUCT")
        return (paid,)

    rounds(evidence, params, "one payment code at once", play)


@check(
    "SEC-V10.race",
    requirement="SEC-V10",
    needs=("payments.create", "payments.refund", "accounts.balance"),
    effects=Effect.MONEY,
    deadline_s=60,
)
def refunds_at_once_stay_within_the_payment(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Refunds of one payment at the same moment, and its cancellation among them, give back at most what was paid."""
    scene = Scene.set(candidate, evidence)
    scene.paid(10_000)  # so that the payee could give back too much

    def refund(payment: str) -> Prepared:
        key = evidence.unique("refund")
        return candidate.prepare("payments.refund", payment=payment, amount=600, idempotency_key=key)

    def play(seed: int) -> Ending:
        before = _balances(scene)
        payment = str(scene.paid(1_000).value["id"])
        rivals = [refund(payment) for _ in range(AT_ONCE)]
        if candidate.offers("payments.cancel") and seed % 2:
            rivals[-1] = candidate.prepare("payments.cancel", payment=payment)
        answers = compete(candidate, rivals, seed)
        after = _balances(scene)
        given_back = 1_000 - (before[0] - after[0])
        expect(
            sum(before) == sum(after),
            "the sum of both accounts must be conserved",
            expected=sum(before),
            actual=sum(after),
        )
        expect(
            given_back <= 1_000,
            "refunds at once must not exceed the payment",
            expected="at most 1000 given back",
            actual=f"{given_back} given back; {shown(answers)}",
        )
        if not winners(answers):
            raise Inconclusive(f"none of the refunds was accepted: {shown(answers)}", blame="PRODUCT")
        expect(
            winners(answers) == 1,
            "of refunds at once of which the payment covers one, one must succeed",
            expected="1 accepted",
            actual=shown(answers),
        )
        return (winners(answers),)

    rounds(evidence, params, "refunds of one payment at once", play)


@check(
    "SEC-Z06.race",
    requirement="SEC-Z06",
    needs=("consents.grant", "consents.revoke", "accounts.balance"),
    users=("alice", "bob"),
    effects=Effect.WRITE,
    deadline_s=60,
)
def a_revocation_among_uses_lasts(candidate: Candidate, evidence: Evidence, params: Params) -> Iterator[Pause]:
    """A consent that is revoked while it is being used stays revoked when the uses under way have ended."""
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    account = opened(alice, AMOUNT)
    uses: list[Prepared] = []

    def play(seed: int) -> Ending:
        use = _consented(alice, bob, account)
        control(use, "reading the consented balance")
        revocation = alice.prepare("consents.revoke", consent=use.arguments["consent"])
        *_, revoked = compete(candidate, [*[use] * (AT_ONCE - 1), revocation], seed)
        accepted(revoked, "revoking the consent while it is used")
        uses.append(use)
        return (describe(revoked),)

    rounds(evidence, params, "a consent revoked while it is used", play)
    kept = _consented(alice, bob, account)
    yield pause(UNDER_WAY_S, "the uses under way have ended")
    control(kept, "reading by a consent of the same age that nobody revoked")
    for use in uses:
        answer = use.send()
        expect(
            isinstance(answer, Refused),
            "a revocation must last, though the consent was being used",
            expected="refused",
            actual=describe(answer),
        )


def _consented(owner: Candidate, other: Candidate, account: Account) -> Prepared:
    """Return another's read of an account, by a consent that its owner grants now."""
    granted = owner.call("consents.grant", account=account.id, permissions=["accounts.balance"], expires_in=600)
    consent = str(accepted(granted, "granting a consent")["id"])
    return other.prepare("accounts.balance", account=account.id, consent=consent)


def _balances(scene: Scene) -> tuple[int, int]:
    return scene.candidate.balance(scene.debtor), scene.candidate.balance(scene.creditor)


def _difference(scene: Scene) -> object:
    """Return what one single payment changes: the measure for what eight may."""
    before = scene.money()
    control(scene.payment(), "a single payment")
    return moved(before, scene.money())
