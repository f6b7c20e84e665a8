"""Amounts and states: no money moves that nobody sent, and none twice.

Every amount is put on the wire as a literal, in the product's own spelling, beside a twin that it accepted.
"""

from __future__ import annotations

from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    Prepared,
    Refused,
    accepted,
    check,
    describe,
    expect,
    refused,
    unthrottled,
)
from conformance_security.scene import AMOUNT, Rewriter, Scene, Wire, sends

#: A code that stands for no currency (ISO 4217 leaves it free).
NO_CURRENCY = "ZZZ"


@check("SEC-V01", needs=("payments.create",), effects=Effect.MONEY)
def amounts_below_one_minor_unit_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A payment moves at least one minor unit from debtor to creditor: zero and negative amounts are refused."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    negative = "-0.01" if rewriter.wire.decimals else "-1"
    for text in (negative, "0", f"-{AMOUNT}"):
        refused(
            rewriter.amount(rewriter.wire.number(text)),
            twin=rewriter.twin,
            state=scene.money,
            because=f"a payment of {text} is no payment",
        )


@check("SEC-V02", needs=("payments.create",), effects=Effect.MONEY)
def amounts_out_of_range_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Amounts beyond 64 bits or doubles, and those that are no numbers, are refused; none is ever wrapped.

    Just beyond 32 bits a product may still have room: there an amount is refused, or booked as it was sent.
    """
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    wrapping = (2**63, 2**64 + AMOUNT, 10**20)
    # Where amounts have decimals, the minor unit is what may be kept in 64 bits, and what an attacker can afford.
    for amount in (2**31, 2**32 + AMOUNT, *(wrapping if rewriter.wire.decimals else ())):
        _expect_unwrapped(candidate, rewriter.amount(rewriter.wire.minor(amount)).send(), amount)
    for text in (*map(str, wrapping), "1e400", "NaN", "Infinity"):
        refused(
            rewriter.amount(rewriter.wire.number(text)),
            twin=rewriter.twin,
            state=scene.money,
            because=f"an amount of {text} is out of range and must not be wrapped, capped or read as infinite",
        )


def _expect_unwrapped(candidate: Candidate, answer: Answer, amount: int) -> None:
    unthrottled(answer)
    booked = _booked(candidate, answer) if isinstance(answer, Accepted) else None
    expect(
        isinstance(answer, Refused) or booked == amount,
        f"an amount of {amount} must be refused or booked as it was sent, never wrapped",
        expected=f"a refusal (4xx), or {amount}",
        actual=describe(answer) if booked is None else f"{booked} booked",
    )


def _booked(candidate: Candidate, answer: Accepted) -> object:
    """Return the amount that was booked, read back where the answer does not tell it."""
    if "amount" in answer.value:
        return answer.value["amount"]
    if candidate.offers("payments.read"):
        read = candidate.call("payments.read", payment=answer.value.get("id"))
        if isinstance(read, Accepted) and "amount" in read.value:
            return read.value["amount"]
    raise Inconclusive("what amount was booked is not told by payments.create nor by payments.read", blame="CONFIG")


@check("SEC-V03", needs=("payments.create",), effects=Effect.MONEY)
def fractions_of_the_minor_unit_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """An amount finer than the currency's minor unit is refused; it is never rounded to one that nobody sent."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    for text in ("0.001", "10.123", "12.375") if rewriter.wire.decimals else ("0.1", "1012.3", "1237.5"):
        refused(
            rewriter.amount(rewriter.wire.number(text)),
            twin=rewriter.twin,
            state=scene.money,
            because=f"an amount of {text} is finer than the minor unit and must not be rounded",
        )


@check("SEC-V04", needs=("payments.create",), effects=Effect.MONEY)
def amounts_of_another_type_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """An amount has one JSON type; text for a number, a boolean, null or a list is refused, not converted."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    for literal in _of_another_type(rewriter.wire):
        refused(
            rewriter.amount(literal),
            twin=rewriter.twin,
            state=scene.money,
            because=f"an amount of {literal} has the wrong JSON type and must not be converted",
        )


def _of_another_type(wire: Wire) -> tuple[str, ...]:
    """Return literals that a lenient product would read as an amount that the debtor has."""
    plain = wire.minor(AMOUNT).strip('"')
    other = plain if wire.quoted else f'"{plain}"'
    return other, '"1e1"' if wire.decimals else '"1e3"', "true", "null", f"[{plain}]"


@check("SEC-V05", needs=("payments.create",), effects=Effect.MONEY)
def other_currencies_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A payment names a currency that both accounts carry, spelt as ISO 4217 spells it; any other is refused."""
    scene = Scene.set(candidate, evidence)
    twin = scene.paid()
    named = scene.debtor.currency.lower().encode() in twin.exchange.request_body.lower()
    if not named or not sends(candidate, scene.payment(currency=NO_CURRENCY), "currency", "XXX"):
        raise NotApplicable("the product's payments name no currency")
    own = scene.debtor.currency
    wrong = [NO_CURRENCY]
    if _denominated(scene):
        wrong.append("USD" if own != "USD" else "EUR")
    if own.encode() in twin.exchange.request_body:
        wrong.append(own.lower())
    for currency in wrong:
        refused(
            scene.payment().with_field("currency", currency),
            twin=twin,
            state=scene.money,
            because=f"the currency {currency} is not that of the accounts, {own}",
        )


def _denominated(scene: Scene) -> bool:
    """Tell whether the product's accounts have a currency: where they have none, another one is no mismatch."""
    for operation in ("accounts.balance", "accounts.read"):
        if scene.candidate.offers(operation):
            value = accepted(scene.candidate.call(operation, account=scene.debtor.id), "reading the debtor account")
            return bool(value.get("currency"))
    return False


@check("SEC-V10", needs=("payments.create", "payments.refund"), effects=Effect.MONEY)
def refunds_stay_within_the_payment(candidate: Candidate, evidence: Evidence) -> None:
    """All refunds of a payment together give back at most what was paid."""
    scene = Scene.set(candidate, evidence)
    scene.paid(10_000)  # so that the payee could give back too much
    payment = scene.paid(1_000).value["id"]

    def refund(amount: int) -> Prepared:
        key = evidence.unique("refund")
        return candidate.prepare("payments.refund", payment=payment, amount=amount, idempotency_key=key)

    part = refund(400).send()
    refused(refund(700), twin=part, state=scene.money, because="400 of 1000 were refunded, so 700 more exceed it")
    rest = refund(600).send()
    refused(refund(1), twin=rest, state=scene.money, because="all of the payment was refunded, so 1 more exceeds it")


@check("SEC-V11", needs=("payments.create", "payments.cancel", "payments.refund"), effects=Effect.MONEY)
def finished_payments_stay_finished(candidate: Candidate, evidence: Evidence) -> None:
    """A refunded payment cannot be cancelled, and a cancelled one not refunded: 409, or 422."""
    scene = Scene.set(candidate, evidence)
    scene.paid(10_000)  # so that the payee could give back twice
    returned = scene.paid().value["id"]
    refund = candidate.prepare(
        "payments.refund", payment=returned, amount=AMOUNT, idempotency_key=evidence.unique("refund")
    )
    refused(
        candidate.prepare("payments.cancel", payment=returned),
        twin=refund.send(),
        state=scene.money,
        codes=(409, 422),
        because="a refunded payment cannot be cancelled",
    )
    _cancelled_stays_cancelled(candidate, evidence, scene)


def _cancelled_stays_cancelled(candidate: Candidate, evidence: Evidence, scene: Scene) -> None:
    payment = scene.paid().value["id"]
    cancel = candidate.prepare("payments.cancel", payment=payment)
    cancelled = cancel.send()
    value = accepted(cancelled, "cancelling a payment at once")
    expect(
        value.get("state") in (None, "cancelled"),
        "a cancelled payment must say that it is cancelled",
        expected="cancelled",
        actual=value.get("state"),
    )
    refused(
        candidate.prepare("payments.refund", payment=payment, amount=AMOUNT, idempotency_key=evidence.unique("refund")),
        twin=cancelled,
        state=scene.money,
        codes=(409, 422),
        because="a cancelled payment cannot be refunded",
    )
