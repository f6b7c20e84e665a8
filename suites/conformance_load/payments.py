"""The payments of a run: which there are, how each is sent, and what its answer means for the journal."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import urlsplit

from conformance.sdk import (
    Accepted,
    Account,
    Answer,
    Broken,
    Exchange,
    LoadContext,
    Prepared,
    Refused,
    Sighting,
    WireDriver,
    WireMessage,
    WireRequest,
    describe,
)
from conformance_load.arrivals import FRESH, Arrival, Kind
from conformance_load.flow import Reply, Times, now_ns, serialise
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State

OPERATION = "payments.create"
#: Failures that are kept with their exchange, and one of how many successes is.
FAILURES_RECORDED_MAX = 500
SAMPLE_EVERY = 100
#: The product's own words for a payment that it did not make although it answered with success.
_NOT_MADE = ("rejected", "cancelled")


@dataclass(frozen=True, slots=True)
class Shot:
    """One arrival with its request made ready.

    ``instead`` is sent in place of an altered repetition as long as its payment is not confirmed: only then must a
    product know the key.
    """

    number: int
    prepared: Prepared
    kind: Kind
    wire: WireRequest
    data: bytes
    instead: Shot | None = None


@dataclass(slots=True)
class Replays:
    """What came of repeating requests with their keys."""

    made: int = 0
    same: int = 0
    different: int = 0
    refused: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the form used in reports."""
        return {"made": self.made, "same": self.same, "different": self.different, "refused": self.refused}


class PaymentMaker:
    """Makes the request of any payment of a book."""

    def __init__(self, context: LoadContext, book: Book, accounts: Sequence[Account], currency: str) -> None:
        self.context = context
        self.book = book
        self._accounts = accounts
        self._currency = currency

    def prepare(self, number: int) -> Prepared:
        """Return the request of a payment: every field follows from its number."""
        facts = self.book.facts(number)
        reference = self.book.reference(number)
        return self.context.candidate.prepare(
            OPERATION,
            debtor=self._accounts[facts.debtor].id,
            creditor=self._accounts[facts.creditor].id,
            amount=facts.amount,
            currency=self._currency,
            reference=reference,
            idempotency_key=reference,
        )

    def shot(self, arrival: Arrival) -> Shot:
        """Return an arrival with its bytes made, authenticated and signed."""
        prepared = self.prepare(arrival.number)
        if arrival.kind is not Kind.ALTERED:
            return self._ready(arrival.kind, arrival.number, prepared)
        altered = prepared.with_arguments(amount=self.book.facts(arrival.number).amount + 1)
        instead = self._ready(Kind.REPLAY, arrival.number, prepared)
        return replace(self._ready(Kind.ALTERED, arrival.number, altered), instead=instead)

    def _ready(self, kind: Kind, number: int, prepared: Prepared) -> Shot:
        wire = cast(WireDriver, self.context.candidate.driver).wire(prepared)
        return Shot(number, prepared, kind, wire, serialise(wire))


class PaymentWork:
    """Sends shots and writes the journal; the :class:`conformance_load.flow.Work` of this scenario."""

    def __init__(self, maker: PaymentMaker, shots: Sequence[Shot], journal: PaymentJournal) -> None:
        self._maker = maker
        self._shots = list(shots)
        self.journal = journal
        self.replays = Replays()
        #: Requests with a known key and another amount, and how many of them were accepted.
        self.altered = 0
        self.altered_accepted = 0
        #: Payments from the empty account that the product made nevertheless, and how many were tried.
        self.overdrawn = 0
        self.uncovered = 0
        self.sightings: list[Sighting] = []
        self._failures = 0
        self._answers: dict[int, str] = {}
        self._repeated = {shot.number for shot in shots if shot.kind not in FRESH}
        self._sample = random.Random(maker.context.seed)  # noqa: S311 (a sample, not a secret)
        self._wall_ns = time.time_ns() - now_ns()

    def url(self) -> str:
        """Return where the requests go."""
        return self._shots[0].wire.url

    def due(self, first: int) -> int:
        """Return how many arrivals from ``first`` on a sound product confirms: not cut, not replayed, covered."""
        facts = self._maker.book.facts
        return sum(shot.kind is Kind.PAYMENT and facts(shot.number).covered for shot in self._shots[first:])

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return the bytes of an arrival and whether its connection is cut after sending."""
        shot = self._shots[arrival]
        if shot.instead is not None and self.journal.state(shot.number) is not State.ACK:
            shot = self._shots[arrival] = shot.instead
        return shot.data, shot.kind is Kind.CUT

    def sending(self, arrival: int, at_ns: int) -> None:
        """Write SENT before the first byte leaves; a repetition changes nothing of its payment's state."""
        shot = self._shots[arrival]
        if shot.kind in FRESH:
            self.journal.sending(shot.number, at_ns)

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Write what an answer says about its payment and return how the arrival ended."""
        shot = self._shots[arrival]
        if reply is None:
            self.journal.decide(shot.number, State.UNKNOWN, times.done)
            return "cut"
        answer = self._meaning(shot, reply)
        judge = {Kind.REPLAY: self._replay, Kind.ALTERED: self._alteration}.get(shot.kind, self._payment)
        outcome = judge(shot, answer, times)
        self._keep(shot, reply, answer, outcome, times)
        return outcome

    def _meaning(self, shot: Shot, reply: Reply) -> Answer:
        exchange = Exchange(seq=0, status=reply.status, headers=reply.headers, body=reply.body, url=shot.wire.url)
        if reply.broken:
            return Broken(reply.broken, reply.detail, exchange)
        return cast(WireDriver, self._maker.context.candidate.driver).interpret(shot.prepared, exchange)

    def _payment(self, shot: Shot, answer: Answer, times: Times) -> str:
        covered = self._maker.book.facts(shot.number).covered
        self.uncovered += not covered
        state = state_of(answer)
        if self.journal.state(shot.number) is not State.FREE:
            self.journal.decide(shot.number, state, times.done)
        if state is State.ACK and isinstance(answer, Accepted):
            self.overdrawn += not covered
            if shot.number in self._repeated and not self._same(shot.number, answer):
                # Its replay was answered first, and took this payment for another one.
                self.replays.same -= 1
                self.replays.different += 1
            return "confirmed"
        if state is State.REJECT:
            return "refused" if covered else "expected"
        return "broken"

    def _replay(self, shot: Shot, answer: Answer, times: Times) -> str:
        self.replays.made += 1
        answered_before = 0 < self.journal.times(shot.number)[1] < times.sent
        known = self.journal.state(shot.number) is State.ACK and answered_before
        if isinstance(answer, Accepted):
            self.journal.decide(shot.number, State.ACK, times.done)
            same = self._same(shot.number, answer)
            self.replays.same += same
            self.replays.different += not same
            return "replayed"
        if isinstance(answer, Refused):
            # While the first request is under way or was refused itself, refusing the second is right.
            self.replays.refused += known
            return "denied" if known else "expected"
        return "broken"

    def _same(self, number: int, answer: Accepted) -> bool:
        """Tell whether an answer names the same payment as the first answer to the same key."""
        identifier = str(answer.value.get("id", ""))
        return self._answers.setdefault(number, identifier) == identifier

    def _alteration(self, shot: Shot, answer: Answer, times: Times) -> str:
        self.altered += 1
        if isinstance(answer, Accepted):
            self.altered_accepted += 1
            return "replayed"
        return "expected" if isinstance(answer, Refused) else "broken"

    def _keep(self, shot: Shot, reply: Reply, answer: Answer, outcome: str, times: Times) -> None:
        failed = outcome in ("broken", "refused", "denied")
        self._failures += failed
        if (failed and self._failures <= FAILURES_RECORDED_MAX) or self._sample.randrange(SAMPLE_EVERY) == 0:
            self.sightings.append(self._sighting(shot, reply, answer, times))

    def _sighting(self, shot: Shot, reply: Reply, answer: Answer, times: Times) -> Sighting:
        path = urlsplit(shot.wire.url).path
        headers = tuple(reply.headers.items())
        response = None if reply.broken else WireMessage(f"HTTP/1.1 {reply.status}", headers, reply.body)
        return Sighting(
            kind="http",
            request=WireMessage(f"{shot.wire.method} {path} HTTP/1.1", shot.wire.headers, shot.wire.body),
            response=response,
            started_us=(self._wall_ns + times.sent) // 1000,
            elapsed_us=(times.done - times.sent) // 1000,
            error=describe(answer) if reply.broken else "",
        )


def state_of(answer: Answer) -> State:
    """Return what an answer says about a payment; everything that is not clear is UNKNOWN."""
    if isinstance(answer, Accepted):
        return State.REJECT if answer.value.get("state") in _NOT_MADE else State.ACK
    return State.REJECT if isinstance(answer, Refused) else State.UNKNOWN
