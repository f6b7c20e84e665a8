"""Who may do what: other people's accounts, other people's money, other people's jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from conformance.sdk import (
    Accepted,
    Account,
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Params,
    Prepared,
    Refused,
    accepted,
    check,
    describe,
    expect,
    refused,
    unthrottled,
)
from conformance_security.checks.roles import STAFF_READS
from conformance_security.declared import declared
from conformance_security.heard import decided
from conformance_security.own_words import OLD_YEAR, answer_only
from conformance_security.scene import AMOUNT, Scene, control, money_of, moved, opened

#: Operations that read one account, and those that read the caller's own.
ACCOUNT_READS = ("accounts.read", "accounts.balance", "accounts.statement", "accounts.card", "payments.list")
#: Members that no payer may decide, with values that would help one.
FORBIDDEN_MEMBERS = (("state", "refunded"), ("status", "refunded"), ("fee", -1), ("refunded", -AMOUNT), ("by", "admin"))
DENIED = (401, 403, 404)
#: A balance that stands nowhere else in an answer.
BALANCE = 8_765_43


@check("SEC-Z01", users=("alice", "bob"), effects=Effect.MONEY)
def accounts_are_closed_to_other_customers(candidate: Candidate, evidence: Evidence) -> None:
    """A customer who names another customer's account or payment gets 403 or 404, and none of its data."""
    alice = candidate.as_user("alice")
    account, payment = _account_with_payment(alice, evidence)
    tried = [read.operation for read in _reads_of(alice, account) if _is_closed(read, account, payment)]
    if payment is not None and alice.offers("payments.read"):
        read = alice.prepare("payments.read", payment=payment.id)
        refused(read.as_user("bob"), twin=read, codes=DENIED, because="the payment is between other customers")
        tried.append(read.operation)
    if not tried:
        raise NotTested("the only read that is mapped lists payments, and there were none to hide: map payments.create")
    evidence.note("reads tried on another customer's account", tried)


@check("SEC-Z02", needs=("payments.create",), users=("alice", "bob"), effects=Effect.MONEY)
def nobody_pays_with_other_peoples_money(candidate: Candidate, evidence: Evidence) -> None:
    """A customer can neither pay from another customer's account nor cancel another customer's payment."""
    scene = Scene.set(candidate.as_user("alice"), evidence)
    gain = opened(candidate.as_user("bob"), 0)
    twin = scene.paid()
    refused(
        scene.payment(creditor=gain.id).as_user("bob"),
        twin=twin,
        state=lambda: money_of(scene.candidate, scene.debtor, gain),
        because="the debtor account belongs to another customer",
    )
    if candidate.offers("payments.cancel"):
        _nobody_else_cancels(scene, twin)


def _nobody_else_cancels(scene: Scene, twin: Accepted) -> None:
    """Require that bob cannot cancel what its owner can, or that he is told another reason than its owner is."""
    cancel = scene.candidate.prepare("payments.cancel", payment=scene.paid().value["id"])
    refusal = refused(
        cancel.as_user("bob"),
        twin=twin,
        state=scene.money,
        because="the payment to be cancelled belongs to another customer",
    )
    own = decided(cancel, "cancelling by the owner")
    because_of_owner = refusal.exchange.status in DENIED and own.exchange.status not in DENIED
    if isinstance(own, Refused) and not because_of_owner:
        raise NotTested(
            f"the payer's own cancellation was {describe(own)}, so that of another customer proves nothing: "
            "let payments of the test environment stay open for a few seconds, or leave payments.cancel out"
        )


@check("SEC-Z07", effects=Effect.MONEY)
def strangers_are_refused_everywhere(candidate: Candidate, evidence: Evidence) -> None:
    """Every operation answers 401 (or 403) to a caller without credentials."""
    tried = 0
    account = opened(candidate, 1_000_00)
    for read in [*_reads_of(candidate, account), *_own_lists(candidate), *_staff_reads(candidate)]:
        refused(
            read.without_credentials(), twin=read, codes=(401, 403), because=f"{read.operation} without credentials"
        )
        tried += 1
    if candidate.offers("payments.create"):
        scene = Scene.set(candidate, evidence)
        refused(
            scene.payment().without_credentials(),
            twin=scene.paid(),
            state=scene.money,
            codes=(401, 403),
            because="payments.create without credentials",
        )
        tried += 1
    if not tried:
        raise NotTested("none of the operations that this check knows is mapped")
    evidence.note("operations tried without credentials", tried)


@check("SEC-Z09", needs=("payments.create",), effects=Effect.MONEY)
def unknown_members_decide_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """Members that a caller may not set (state, fee, owner, balance) are refused or have no effect.

    Tried are the neutral contract's, and those of the product's own answer that the request did not hold.
    """
    scene = Scene.set(candidate, evidence)
    before = scene.money()
    paid = scene.paid()
    normal, single = paid.value, moved(before, scene.money())
    own = list(answer_only(candidate, paid))
    evidence.note("members of the product's own answer", [name for name, _ in own])
    for name, value in (*FORBIDDEN_MEMBERS, *own):
        before = scene.money()
        answer = decided(scene.payment().with_extra_field(name, value), f"a payment with a further member {name!r}")
        if isinstance(answer, Accepted):
            _same_but_for_ids(answer.value, normal, name)
            _made_now(answer.value, name)
        _same_money(scene, before, single if isinstance(answer, Accepted) else None, name)
    if candidate.offers("accounts.open") and candidate.offers("accounts.read"):
        _opening_ignores(candidate, evidence)
    if not any(single):
        raise NotTested("the books show no change right after a payment, so what further members moved cannot be seen")


@check(
    "SEC-Z10",
    needs=("payments.create", "factor.begin", "factor.confirm"),
    effects=Effect.MONEY,
)
def large_transfers_need_their_own_factor(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A transfer above the product's threshold needs a confirmed second factor for that amount and payee, once."""
    amount = _large(candidate, params)
    scene = Scene.set(candidate, evidence, balance=20 * amount)
    factor = _factor(scene, amount)
    twin = control(scene.payment(amount, factor=factor), "a large transfer with its own confirmed factor")
    other = opened(candidate, 0)
    attempts = (
        (scene.payment(amount), "it carries no second factor"),
        (scene.payment(amount, factor=factor), "its second factor was used before"),
        (scene.payment(2 * amount, factor=_factor(scene, amount)), "its second factor was given for another amount"),
        (scene.payment(amount, factor=_factor(scene, 2 * amount)), "its second factor was given for a larger amount"),
        (
            scene.payment(amount, factor=_factor(scene, amount), creditor=other.id),
            "its second factor was given for another payee",
        ),
    )
    for attempt, why in attempts:
        refused(attempt, twin=twin, state=scene.money, because=f"a transfer of {amount} minor units: {why}")
    # Without these, a limit on one transfer or on the day would refuse the same and look like a factor.
    for sent in (amount, 2 * amount):
        control(
            scene.payment(sent, factor=_factor(scene, sent)), f"a transfer of {sent} with its own factor, at the end"
        )
    control(
        scene.payment(amount, factor=_factor(scene, amount, other), creditor=other.id),
        "a transfer to the other payee with its own factor, at the end",
    )


@check(
    "SEC-Z10.confirmed",
    requirement="SEC-Z10",
    needs=("payments.create", "factor.begin", "factor.confirm"),
    effects=Effect.MONEY,
)
def only_the_right_code_confirms(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A second factor counts once its own code confirmed it: neither when it was only begun, nor by a wrong code."""
    amount = _large(candidate, params)
    scene = Scene.set(candidate, evidence, balance=20 * amount)
    twin = control(scene.payment(amount, factor=_factor(scene, amount)), "a large transfer with its confirmed factor")
    begun, _ = _begun(scene, amount)
    _pays_nothing(scene, amount, begun, twin, "its second factor was begun and never confirmed")
    # Each code is tried on a factor of its own, because one wrong code may be the end of a factor.
    for form, wrong in (("digits all alike", _alike), ("its last digit changed", _changed)):
        begun, code = _begun(scene, amount)
        confirm = candidate.prepare("factor.confirm", factor=begun, code=wrong(code))
        refused(confirm, twin=twin, because=f"the code of a second factor is not the one that was handed out ({form})")
        _pays_nothing(scene, amount, begun, twin, "its second factor was tried with a wrong code")
    control(scene.payment(amount, factor=_factor(scene, amount)), "a transfer with its confirmed factor, at the end")


@check(
    "SEC-Z10.owner",
    requirement="SEC-Z10",
    needs=("payments.create", "factor.begin", "factor.confirm"),
    users=("alice", "bob"),
    effects=Effect.MONEY,
)
def nobody_pays_by_another_ones_factor(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A second factor that another customer confirmed, for this very amount and payee, lets nobody else pay."""
    alice = candidate.as_user("alice")
    amount = _large(candidate, params)
    scene = Scene.set(alice, evidence, balance=20 * amount)
    twin = control(scene.payment(amount, factor=_factor(scene, amount)), "a large transfer with its confirmed factor")
    factor = _factor(replace(scene, candidate=candidate.as_user("bob")), amount)
    _pays_nothing(scene, amount, factor, twin, "its second factor was confirmed by another customer")
    control(scene.payment(amount, factor=_factor(scene, amount)), "a transfer with its confirmed factor, at the end")


# -- what is asked ------------------------------------------------------------------------------------------------


def _reads_of(candidate: Candidate, account: Account) -> Iterator[Prepared]:
    found = [operation for operation in ACCOUNT_READS if candidate.offers(operation)]
    if not found:
        raise NotTested("no operation reads an account: map accounts.read, accounts.balance or payments.list")
    for operation in found:
        yield candidate.prepare(operation, account=account.id)


@dataclass(frozen=True, slots=True)
class _Payment:
    """A payment that another customer must not see, and the text that only it carries."""

    id: str
    reference: str


def _account_with_payment(alice: Candidate, evidence: Evidence) -> tuple[Account, _Payment | None]:
    """Open an account whose balance and whose payment would be noticed; no payment where none could be seen."""
    listed = alice.offers("payments.list") or alice.offers("payments.read")
    if not (listed and alice.offers("payments.create")):
        return opened(alice, BALANCE), None
    scene = Scene(alice, evidence, opened(alice, BALANCE + AMOUNT), opened(alice, 0))
    request = scene.payment()
    paid = control(request, "a payment between accounts of one customer")
    return scene.debtor, _Payment(str(paid.value.get("id")), str(request.arguments["reference"]))


def _is_closed(read: Prepared, account: Account, payment: _Payment | None) -> bool:
    """Require that a read of the account is closed to bob; tell whether that could be tried."""
    twin = control(read, f"{read.operation} by the owner")
    stranger = read.as_user("bob")
    because = f"{read.operation} names an account of another customer"
    if read.operation == "payments.list":
        answer = unthrottled(stranger.send())
        if isinstance(answer, Accepted):
            return _hides(answer, twin, payment, because if account.id in twin.exchange.url else "")
        if account.id not in twin.exchange.url:
            return False  # bob may have no list of his own
    refusal = refused(stranger, twin=twin, codes=DENIED, because=because)
    shown = [text for text in _texts_of(BALANCE) if text in refusal.exchange.body]
    expect(
        not shown,
        "a refusal must not show the data it refuses",
        expected="no data",
        actual="the other customer's balance",
    )
    return True


def _hides(answer: Accepted, twin: Accepted, payment: _Payment | None, because: str) -> bool:
    """Require that a list is without the payment that the owner's own list shows; tell whether that shows it.

    A list of nothing, or of the caller's own, is as good a refusal as any. ``because`` is empty for a list that names
    no account: there a short number is no mark, because those of two customers may be the same.
    """
    if payment is None:
        return False
    names = [name for name in (payment.id, payment.reference) if because or not name.isdigit() or len(name) > 9]
    marks = [name for name in names if _lists(twin, name)]
    expect(
        not any(_lists(answer, mark) for mark in marks),
        f"must be refused: {because}" if because else "a list must not show the payments of another customer",
        expected="a refusal (4xx), or a list without the payment",
        actual="the payment of the other customer",
    )
    return bool(marks)


def _lists(answer: Accepted, name: str) -> bool:
    """Tell whether a list shows a payment of this id or with this text."""
    return any(name in (str(item.get("id")), str(item.get("reference"))) for item in answer.value.get("items", ()))


def _texts_of(amount: int) -> tuple[bytes, bytes]:
    """Return an amount as it may be written: in minor and in major units."""
    return str(amount).encode(), f"{amount / 100:.2f}".encode()


def _own_lists(candidate: Candidate) -> Iterator[Prepared]:
    if candidate.offers("accounts.list"):
        yield candidate.prepare("accounts.list")


def _staff_reads(candidate: Candidate) -> Iterator[Prepared]:
    for operation, user in STAFF_READS:
        if candidate.offers(operation) and user in candidate.file.users:
            yield candidate.as_user(user).prepare(operation)


# -- factors ------------------------------------------------------------------------------------------------------


def _large(candidate: Candidate, params: Params) -> int:
    """Return the least amount, in minor units, that surely needs a second factor."""
    return int(declared(candidate, "factor_threshold", params["factor_threshold"])) + 1


def _factor(scene: Scene, amount: int, creditor: Account | None = None) -> str:
    """Obtain and confirm a second factor for a payment to the scene's creditor, or to another."""
    factor, code = _begun(scene, amount, creditor)
    accepted(scene.candidate.call("factor.confirm", factor=factor, code=code), "confirming a second factor")
    return factor


def _begun(scene: Scene, amount: int, creditor: Account | None = None) -> tuple[str, Any]:
    """Begin a second factor and return it with its code, not yet confirmed."""
    payee = (creditor or scene.creditor).id
    begun = accepted(
        scene.candidate.call("factor.begin", amount=amount, currency=scene.debtor.currency, creditor=payee),
        "beginning a second factor",
    )
    code = begun.get("code")
    if code is None or code == "":
        raise NotTested("the test environment does not hand out the code of a second factor")
    return str(begun["id"]), code


def _alike(code: Any) -> Any:
    """Return the wrong code that test environments let through by habit, 000000, or 111111 where that is right."""
    zeros = "0" * len(str(code))
    return _typed(code, zeros if str(code) != zeros else "1" * len(zeros))


def _changed(code: Any) -> Any:
    """Return a wrong code that differs in its last place alone."""
    text = str(code)
    return _typed(code, text[:-1] + ("1" if text.endswith("0") else "0"))


def _typed(code: Any, text: str) -> Any:
    return int(text) if isinstance(code, int) else text


def _pays_nothing(scene: Scene, amount: int, factor: str, twin: Accepted, why: str) -> None:
    because = f"a transfer of {amount} minor units: {why}"
    refused(scene.payment(amount, factor=factor), twin=twin, state=scene.money, because=because)


# -- members ------------------------------------------------------------------------------------------------------


def _same_but_for_ids(shown: dict[str, object], normal: dict[str, object], member: str) -> None:
    for name in ("state", "amount", "currency", "debtor", "creditor", "refunded", "fee", "by"):
        expect(
            shown.get(name) == normal.get(name),
            f"a member {member!r} in the request must not decide the payment's {name}",
            expected=normal.get(name),
            actual=shown.get(name),
        )


def _made_now(shown: dict[str, object], member: str) -> None:
    expect(
        not str(shown.get("created", "")).startswith(OLD_YEAR),
        f"a member {member!r} in the request must not decide when the payment was made",
        expected="now",
        actual=shown.get("created"),
    )


def _same_money(scene: Scene, before: object, single: list[int] | None, member: str) -> None:
    """What the books show of a payment counts more than what its answer says; ``single``: None for a refused one."""
    after = scene.money()
    if single is None:
        expect(
            before == after,
            f"state changed although refused: a payment with a further member {member!r}",
            expected=before,
            actual=after,
        )
        return
    expect(
        moved(before, after) == single,
        f"a member {member!r} in the request must not decide how much money moves",
        expected=single,
        actual=moved(before, after),
    )


def _opening_ignores(candidate: Candidate, evidence: Evidence) -> None:
    """Account opening is a test set-up, but what it binds shows whether bodies are copied into objects."""
    request = candidate.prepare("accounts.open", owner=candidate.user, currency="CNY", balance=0)
    normal = accepted(request, "opening an account")
    before = accepted(candidate.call("accounts.read", account=normal["id"]), "reading the opened account")
    for name, value in (("status", "frozen"), ("role", "admin"), ("fee", -1)):
        answer = decided(request.with_extra_field(name, value), f"an account with a further member {name!r}")
        if isinstance(answer, Accepted):
            read = accepted(candidate.call("accounts.read", account=answer.value["id"]), "reading the opened account")
            expect(
                read.get(name) == before.get(name),
                f"a member {name!r} in the request must not decide the account's {name}",
                expected=before.get(name),
                actual=read.get(name),
            )
    evidence.note("account without additional members", sorted(before))
