"""Making requests of payments: every field follows from the payment's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from conformance.sdk import Account, LoadContext, Prepared, WireDriver, WireRequest
from conformance_load.arrivals import Kind
from conformance_load.flow import serialise
from conformance_load.freshness import Freshness
from conformance_load.ids import Book
from conformance_load.templates import Templates, Terms

OPERATION = "payments.create"


@dataclass(frozen=True, slots=True)
class Shot:
    """One arrival with the bytes of its request made ready; b"" where they are made when it is sent.

    ``instead`` is sent in place of an altered repetition as long as its payment is not confirmed: only then must a
    product know the key.
    """

    kind: Kind
    number: int
    data: bytes
    instead: bytes | None = None


class PaymentMaker:
    """Makes the request of any payment of a book."""

    def __init__(self, context: LoadContext, book: Book, accounts: Sequence[Account], currency: str) -> None:
        self.context = context
        self.book = book
        self.currency = currency
        self.accounts = accounts
        #: Whether the product's id of a payment is our reference: known once a payment was answered.
        self.named_by_reference = False
        #: Makes requests quickly, once it is proven; see :mod:`conformance_load.presign`.
        self.templates: Templates | None = None
        #: What runs out in the requests that were made ready.
        self.fresh = Freshness(0)

    def terms(self, number: int) -> Terms:
        """Return what tells a payment's request from others."""
        facts = self.book.facts(number)
        debtor, creditor = self.accounts[facts.debtor].id, self.accounts[facts.creditor].id
        return Terms(self.book.reference(number), debtor, creditor, facts.amount)

    def prepare(self, number: int) -> Prepared:
        """Return the request of a payment."""
        return self.prepared(self.terms(number))

    def prepared(self, terms: Terms) -> Prepared:
        """Return the request of a payment with these terms."""
        return self.context.candidate.prepare(
            OPERATION,
            debtor=terms.debtor,
            creditor=terms.creditor,
            amount=terms.amount,
            currency=self.currency,
            reference=terms.reference,
            idempotency_key=terms.reference,
        )

    def wire(self, prepared: Prepared) -> WireRequest:
        """Return a request as it would go on the wire, authenticated and signed."""
        return self.driver.wire(prepared)

    def bytes_of(self, terms: Terms) -> bytes:
        """Return the bytes of a payment's request, made by the driver."""
        return serialise(self.wire(self.prepared(terms)))

    def made_now(self, number: int, more: int = 0) -> bytes:
        """Return a request that was not made ahead; ``more``: added to its amount, where a key is used again."""
        terms = self.terms(number)
        terms = terms._replace(amount=terms.amount + more)
        rendered = self.templates.render(terms) if self.templates and self.templates.proven else None
        return self.bytes_of(terms) if rendered is None else rendered

    def url(self) -> str:
        """Return where payments are sent."""
        return self.wire(self.prepare(0)).url

    @property
    def driver(self) -> WireDriver:
        """The candidate's driver, as one that makes and reads bytes."""
        return cast(WireDriver, self.context.candidate.driver)
