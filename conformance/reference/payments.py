"""Routes of payments. Sound: one transaction decides and books. The faults of money live here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import factors, strain
from conformance.reference import input as strict
from conformance.reference.board import Board
from conformance.reference.idempotency import fingerprint, once, recall, remember
from conformance.reference.interpreted import interpreted
from conformance.reference.web import answer
from conformance.sdk.reference import Principal, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

#: Faults that let further members in.
_LAX = ("accounts.mass-assignment", "payments.member-booked", "payments.created-assigned")
_MEMBERS = ("debtor", "creditor", "amount", "currency", "reference", "factor")
#: How long the racing faults look away between looking and acting, in seconds: the time a remote store would take.
_RACE_S = 0.03
#: The same for payments under load, which come one after the other: longer than a few of them are apart.
_LOAD_RACE_S = 0.15
#: Faults that look at the day's total first and book later; they differ in what becomes of the losers.
_DAY_RACES = ("limits.daily-race", "limits.race-silent", "limits.race-crash")


@dataclass(frozen=True, slots=True)
class Order:
    """A payment as it was asked for, validated but not yet decided."""

    by: str
    key: str
    debtor: str
    creditor: str
    amount: int
    currency: str
    reference: str
    factor: str | None
    body: Mapping[str, Any]
    proof: Mapping[str, Any] | None


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of payments."""

    async def create(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        body = await strict.read_json(request, host.faults)
        order = _order(host, request, principal, body)
        order = replace(order, reference=await interpreted(host.faults, order.reference))
        _require_authority(host, request, principal, order.debtor)
        creation = _Creation(host, order)
        result, replayed = await creation.result()
        await host.mishaps.after_answer(request, order, result, creation.book_again)
        return _created(result, replayed)

    async def read(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        await host.mishaps.debts.settle()
        return answer(host.bank.describe(_party(host, principal, request.path_params["payment"])))

    async def listing(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        asked = request.query_params.get("account", "")
        unfiltered = host.faults.on("payments.list-unfiltered")
        account = (host.bank.account(asked) if unfiltered else host.owned(principal, asked))["id"]
        await host.mishaps.debts.settle()
        after, limit = host.pages.asked(request, f"payments/{account}")
        rows = host.bank.payments(account, after, limit)
        following = host.pages.next(f"payments/{account}", rows[-1]["number"] if rows else 0, len(rows), limit)
        shown = strain.listed(host.faults, rows)
        return answer({"items": [host.bank.describe(row) for row in shown], "next": following})

    async def replaced(request: Request) -> Response:
        """Fault routes.method-undocumented: what was written for a migration stayed."""
        if not host.faults.on("routes.method-undocumented"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        return await read(request)

    async def cancel(request: Request) -> Response:
        principal = host.authorize(request, scope="payments")
        body = await strict.read_body(request)
        if body:
            strict.only(strict.parse_object(body, host.faults), ())
        row = _party(host, principal, request.path_params["payment"], "debtor")
        return answer(await host.db.write(lambda _: host.bank.cancel(row["id"], principal.user)))

    async def refund(request: Request) -> Response:
        principal, key = host.authorize(request, scope="payments"), idempotency_key(request)
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("amount",))
        amount = strict.amount(body, host.faults)
        payment = _party(host, principal, request.path_params["payment"])["id"]
        result, replayed = await _give_back(host, principal.user, key, payment, amount)
        return _created(result, replayed)

    return [
        Route("/payments", create, methods=["POST"]),
        Route("/payments", listing, methods=["GET"]),
        Route("/payments/{payment}", read, methods=["GET"]),
        Route("/payments/{payment}", replaced, methods=["PUT"], include_in_schema=False),
        Route("/payments/{payment}/cancel", cancel, methods=["POST"]),
        Route("/payments/{payment}/refunds", refund, methods=["POST"]),
    ]


async def _give_back(
    host: ReferenceHost, user: str, key: str, payment: str, amount: int
) -> tuple[dict[str, Any], bool]:
    """Decide on a refund and book it; return it and whether its key was known. Raises Problem when it is refused."""
    looked = await _looked_first(host, payment, amount)

    def job(connection: sqlite3.Connection) -> tuple[dict[str, Any], bool]:
        def effect() -> dict[str, Any]:
            given = host.bank.give_back(payment, amount, user, looked=looked)
            if host.faults.strikes("load.refunds-lost", "load"):
                connection.execute("ROLLBACK TO job")
            return given

        return once(connection, host.faults, user, key, f"payments.refund/{payment}", {"amount": amount}, effect)

    return await host.db.write(job)


async def _looked_first(host: ReferenceHost, payment: str, amount: int) -> bool:
    """Faults payments.refund-race, load.refund-race: decide on a refund now and book it later, whatever happens."""
    if not (host.faults.on("payments.refund-race") or host.faults.on("load.refund-race")):
        return False
    host.bank.require_refundable(payment, amount)
    await asyncio.sleep(_RACE_S)
    return True


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key; raises Problem(400) when there is none, or more than one."""
    keys = request.headers.getlist("idempotency-key")
    if len(keys) != 1 or not 1 <= len(keys[0]) <= 128 or not keys[0].isascii() or not keys[0].isprintable():
        raise Problem(400, "idempotency-key", "Exactly one Idempotency-Key of at most 128 characters is required.")
    return str(keys[0])


def _order(host: ReferenceHost, request: Request, principal: Principal, body: dict[str, Any]) -> Order:
    """Validate members and their types; whether the payment can be booked is decided in the transaction."""
    key = idempotency_key(request)
    if host.faults.on("openapi.crash-on-extra") and not set(body) <= set(_MEMBERS):
        raise KeyError("a member that nobody expected")
    if not any(map(host.faults.on, _LAX)):
        strict.only(body, _MEMBERS)
    return Order(
        by=principal.user,
        key=key,
        debtor=strict.identifier(body, "debtor"),
        creditor=strict.identifier(body, "creditor"),
        amount=strict.amount(body, host.faults),
        currency=strict.currency(body, host.faults),
        reference=strict.text(body, "reference", default="", max_length=140),
        factor=strict.identifier(body, "factor") if "factor" in body else None,
        body=body,
        proof=getattr(request.state, "proof", None),
    )


def _require_authority(host: ReferenceHost, request: Request, principal: Principal, debtor: str) -> None:
    if "consent-id" in request.headers:
        host.consents.account(request, principal, debtor, "payments.create")
    elif not host.faults.on("payments.debtor-unchecked"):
        host.owned(principal, debtor)


def _party(host: ReferenceHost, principal: Principal, payment: str, role: str = "") -> sqlite3.Row:
    """Return a payment whose debtor or creditor (or just the one in ``role``) is the caller's account."""
    row = host.bank.payment_row(payment)
    sides = (role,) if role else ("debtor", "creditor")
    if any(host.bank.owner(row[side]) == principal.user for side in sides):
        return row
    if host.faults.on("payments.debtor-unchecked" if role else "accounts.owner-unchecked"):
        return row
    if role and host.faults.on("payments.cancel-unchecked"):
        return row
    raise Problem(404, "not-found", "There is no such payment.")


def _created(result: dict[str, Any], replayed: bool) -> Response:
    return answer(result, 201, {"Idempotency-Replayed": "true"} if replayed else None)


def _race_s(faults: Board, order: Order, race: str, under_load: str) -> float:
    """Return how long a racing fault looks away from this payment, in seconds; 0 when none is on."""
    if faults.on(f"payments.{race}"):
        return _RACE_S
    return _LOAD_RACE_S if faults.on(f"load.{under_load}") and order.reference.startswith("load") else 0.0


def _unasked_fee(faults: Board, order: Order) -> int:
    """Fault payments.member-booked: a member ``fee`` that nobody documented is booked, and shown nowhere."""
    fee = order.body.get("fee")
    return fee if faults.on("payments.member-booked") and isinstance(fee, int) else 0


class _Creation:
    """Making one payment, soundly or with the fault that is on."""

    def __init__(self, host: ReferenceHost, order: Order) -> None:
        self._host = host
        self._order = order
        self._seen_balance: int | None = None

    async def result(self) -> tuple[dict[str, Any], bool]:
        """Decide and book; return the payment and whether its key was known. Raises Problem when it is refused."""
        faults, order, mishaps = self._host.faults, self._order, self._host.mishaps
        if (window_s := _race_s(faults, order, "key-race", "duplicate-race")) > 0:
            return await self._racing_key(window_s)
        if (window_s := _race_s(faults, order, "lost-update", "lost-update")) > 0:
            await self._look_away(window_s)
        if any(map(faults.on, _DAY_RACES)):
            self._host.bank.require_within_day(order.debtor, order.amount)
            await asyncio.sleep(_RACE_S)
        held_up = strain.delay_s(faults, order.reference) + mishaps.lame_s(order.reference)
        held_up += self._host.arrivals.note(faults, order.reference)
        if held_up:
            await asyncio.sleep(held_up)
        early = mishaps.debts.answer(order)
        if early is not None:
            return early
        result, replayed = await self._booked()
        if result.get("state") == "rejected":  # only fault load.rejected-booked books and still refuses
            raise Problem(422, "insufficient-funds", "The debtor's balance is too low.")
        self._host.notices.tell("payment", result)
        return result, replayed

    async def _booked(self) -> tuple[dict[str, Any], bool]:
        """Book; with two faults, what loses the race for the day's total crashes, or is booked and still refused."""
        faults, host = self._host.faults, self._host
        try:
            found = await host.db.write(self._once)
        except Problem as refusal:
            if refusal.code == "limit-exceeded" and faults.on("limits.race-crash"):
                raise Problem(500, "internal", "The request could not be served.") from refusal
            raise
        if faults.on("limits.race-silent"):
            host.bank.require_within_day(self._order.debtor, 0)
        return found

    def book_again(self, _: sqlite3.Connection) -> dict[str, Any]:
        """Book the payment once more, whatever its key; only faults do."""
        return self._book(self._order.amount)

    def _once(self, connection: sqlite3.Connection) -> tuple[dict[str, Any], bool]:
        order, host = self._order, self._host
        if strain.forgets_key(host.faults, connection, order):
            return self._effect(connection), False
        effect: Callable[[], dict[str, Any]] = lambda: self._effect(connection)  # noqa: E731 - a closure over one line
        return once(connection, host.faults, order.by, order.key, "payments.create", order.body, effect)

    def _effect(self, connection: sqlite3.Connection) -> dict[str, Any]:
        order, faults = self._order, self._host.faults
        factors.spend(self._host, connection, order.by, order.factor, order.amount, order.currency, order.creditor)
        if self._seen_balance is not None:
            strain.count_lost_update(self._host, order, self._seen_balance)
            query = "UPDATE accounts SET balance = ? WHERE id = ?"
            connection.execute(query, (self._seen_balance, order.debtor))
        if order.reference.startswith("load"):
            return self._under_load(connection)
        result = self._book(order.amount + _unasked_fee(faults, order)) | {"amount": order.amount}
        if faults.on("payments.created-assigned") and "created" in order.body:
            result |= {"created": order.body["created"]}
        if faults.on("accounts.mass-assignment"):
            result |= {name: value for name, value in order.body.items() if name not in _MEMBERS}
        return result

    def _book(self, amount: int, reference: str | None = None) -> dict[str, Any]:
        order = self._order
        wanted = order.reference if reference is None else reference
        return self._host.bank.book(
            order.debtor, order.creditor, amount, order.currency, order.by, wanted, proof=order.proof
        )

    def _under_load(self, connection: sqlite3.Connection) -> dict[str, Any]:
        """Book soundly, or strike with one of the counted faults (each hits every tenth payment)."""
        order, faults = self._order, self._host.faults
        strain.fail(faults, order.reference)
        if faults.strikes("load.stuck-pending", order.reference):
            bank = self._host.bank
            return bank.shelve(order.debtor, order.creditor, order.amount, order.currency, order.by, order.reference)
        # Only a payment that will be booked counts as struck.
        covered = self._host.bank.balance(order.debtor) > order.amount
        amount = strain.booked_amount(faults, order) if covered else order.amount
        strain.count_forgotten(faults, connection, order)
        result = self._book(amount) | {"amount": order.amount}
        if strain.halves(faults, order.reference, self._host.db.delay_ms):
            strain.drop_credit(connection, order, result["id"])
        if faults.strikes("load.lost", order.reference):
            connection.execute("ROLLBACK TO job")
        if faults.strikes("load.doubled", order.reference):
            self._book(order.amount)
        if faults.strikes("load.ghost", order.reference):
            self._book(order.amount, f"load-ghost-{result['id']}")
        if faults.strikes("load.rejected-booked", order.reference):
            result |= {"state": "rejected"}
        return result

    async def _racing_key(self, window_s: float) -> tuple[dict[str, Any], bool]:
        """Faults payments.key-race, load.duplicate-race: look whether a key is known, and act on that later."""
        order, host = self._order, self._host
        with host.db.reading() as connection:
            known = recall(connection, order.by, order.key)
        if known is not None:
            return await host.db.write(self._once)
        await asyncio.sleep(window_s)
        wanted = fingerprint("payments.create", order.body)

        def job(connection: sqlite3.Connection) -> dict[str, Any]:
            if recall(connection, order.by, order.key) is not None and order.reference.startswith("load"):
                host.faults.hit("load.duplicate-race")
            result = self._effect(connection)
            remember(connection, order.by, order.key, wanted, result)
            return result

        return await host.db.write(job), False

    async def _look_away(self, window_s: float) -> None:
        """Faults payments.lost-update, load.lost-update: read the balance; :meth:`_effect` later writes it back."""
        self._seen_balance = self._host.bank.balance(self._order.debtor)
        await asyncio.sleep(window_s)
