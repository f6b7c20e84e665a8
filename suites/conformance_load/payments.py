"""Sending the payments of a run: what each arrival sends, and what its answer means for the journal."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.sdk import Accepted, Answer, Broken, Exchange, Refused, Sighting, WireMessage, describe
from conformance_load.arrivals import Kind, cooperatively
from conformance_load.flow import Reply, Times, now_ns
from conformance_load.journal import PaymentJournal, State
from conformance_load.judged import Judged, word_of
from conformance_load.making import PaymentMaker, Shot
from conformance_load.meaning import FastReader
from conformance_load.repeats import Repeats

#: Failures that are kept with their exchange, and one of how many successes is.
FAILURES_RECORDED_MAX = 500
SAMPLE_EVERY = 100
#: The product's own words for a payment that it did not make although it answered with success.
_NOT_MADE = ("rejected", "cancelled")
#: Its word for a payment that it has not decided on.
_PENDING = "pending"
_UNAUTHORIZED = 401
#: Refusals with these statuses say nothing of the payment: who asks is not known, or asked too slowly.
_TURNED_AWAY = (_UNAUTHORIZED, 408)
_OPEN = frozenset((*_NOT_MADE, _PENDING))


class PaymentWork:
    """Sends shots and writes the journal; the :class:`conformance_load.flow.Work` of payments."""

    def __init__(self, maker: PaymentMaker, shots: Sequence[Shot], journal: PaymentJournal) -> None:
        self._maker = maker
        self._data = [shot.data for shot in cooperatively(shots)]
        self._kinds = [shot.kind for shot in cooperatively(shots)]
        self._numbers = [shot.number for shot in cooperatively(shots)]
        self._cuts = frozenset(place for place, kind in enumerate(self._kinds) if kind is Kind.CUT)
        self._instead = {
            place: shot.instead for place, shot in enumerate(cooperatively(shots)) if shot.instead is not None
        }
        self.repeats = Repeats(shots, maker.book)
        #: 1 where an arrival is a covered payment that nothing repeats: nearly all are, so they take a short way.
        self._plain = bytearray(self.repeats.is_plain(shot) for shot in cooperatively(shots))
        self.journal = journal
        self.reader = FastReader(self._interpret, self._echoes)
        #: Requests with a known key and another amount, and how many of them were accepted.
        self.altered = 0
        self.altered_accepted = 0
        #: Payments from the empty account that the product made nevertheless, and how many were tried.
        self.overdrawn = 0
        self.uncovered = 0
        #: How many answers showed whether a key serves another payment, and whether cover is checked.
        self.altered_judged = Judged()
        self.uncovered_judged = Judged()
        #: Payments that were refused for a credential which was known to have run out.
        self.expired = 0
        self.sightings: list[Sighting] = []
        self._failures = 0
        self._random = random.Random(maker.context.seed)  # noqa: S311 (a sample, not a secret)
        self._until_sample = self._random.randrange(SAMPLE_EVERY)
        self._wall_ns = time.time_ns() - now_ns()

    @property
    def requests(self) -> int:
        """How many arrivals there are."""
        return len(self._data)

    def due(self, first: int) -> int:
        """Return how many arrivals from ``first`` on a sound product confirms: not cut, not repeated, covered.

        Of two equal requests at the same moment it may confirm either.
        """
        covers = self._maker.book.covers
        rest = zip(self._kinds[first:], self._numbers[first:], strict=True)
        return sum(kind is Kind.PAYMENT and covers(number) for kind, number in cooperatively(rest))

    # -- the hot path: three calls per arrival -----------------------------------------------------------

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return the bytes of an arrival and whether its connection is cut after sending."""
        if arrival in self._instead and self.journal.state(self._numbers[arrival]) is not State.ACK:
            self._data[arrival], self._kinds[arrival] = self._instead.pop(arrival), Kind.REPLAY
        data = self._data[arrival] or self._made(arrival)
        fresh = self._maker.fresh
        return fresh.renewed(data) if fresh.swaps else data, arrival in self._cuts

    def sending(self, arrival: int, at_ns: int) -> None:
        """Write SENT before the first byte leaves; a repetition changes nothing that is known of its payment."""
        if self._plain[arrival]:
            self.journal.sending(self._numbers[arrival], at_ns)
        else:
            self._sending(arrival, at_ns)

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Write what an answer says about its payment and return how the arrival ended."""
        if self._plain[arrival] and reply is not None and reply.broken is None:
            read = self.reader.read(reply)
            if read is not None and read[1] not in _OPEN and not self.reader.due():
                self.journal.confirm(self._numbers[arrival], times.done)
                self._until_sample -= 1
                if self._until_sample < 0:
                    self._sampled(arrival, reply, times)
                return "confirmed"
        return self._slowly(arrival, reply, times)

    def _made(self, arrival: int) -> bytes:
        """Make a request now; it is not kept, for an hour of them would fill the memory."""
        return self._maker.made_now(self._numbers[arrival], self._kinds[arrival] is Kind.ALTERED)

    # -- everything else ---------------------------------------------------------------------------------

    def _sending(self, arrival: int, at_ns: int) -> None:
        number = self._numbers[arrival]
        # A twin may leave before its payment, and a repetition where its payment never left.
        if self._kinds[arrival] is not Kind.ALTERED and self.journal.state(number) is State.FREE:
            self.journal.sending(number, at_ns)

    def _slowly(self, arrival: int, reply: Reply | None, times: Times) -> str:
        kind, number = self._kinds[arrival], self._numbers[arrival]
        if reply is None:
            self.journal.decide(number, State.UNKNOWN, times.done)
            return "cut"
        answer = self._meaning(arrival, reply)
        self.expired += kind is Kind.PAYMENT and reply.status == _UNAUTHORIZED and self._maker.fresh.is_over(times.sent)
        judge = {Kind.REPLAY: self._repeated, Kind.TWIN: self._repeated, Kind.ALTERED: self._alteration}
        outcome = judge.get(kind, self._payment)(kind, number, answer, times)
        self._keep(arrival, reply, answer, outcome, times)
        return outcome

    def _meaning(self, arrival: int, reply: Reply) -> Answer:
        number = self._numbers[arrival]
        if reply.broken:
            return Broken(reply.broken, reply.detail, _exchange(reply))
        if self._kinds[arrival] is Kind.ALTERED:
            return self._interpret(number, reply)
        read = self.reader.read(reply)
        if read is None:
            return self.reader.ask(number, reply)
        if self.reader.due():
            return self.reader.prove(number, reply, read)
        return Accepted({"id": read[0].decode(), "state": read[1]}, _exchange(reply))

    def _interpret(self, number: int, reply: Reply) -> Answer:
        return self._maker.driver.interpret(self._maker.prepare(number), _exchange(reply))

    def _echoes(self, number: int) -> tuple[str, ...]:
        terms = self._maker.terms(number)
        decimal = f"{terms.amount // 100}.{terms.amount % 100:02d}"
        return terms.reference, terms.debtor, terms.creditor, str(terms.amount), decimal

    def _payment(self, kind: Kind, number: int, answer: Answer, times: Times) -> str:
        covered = self._maker.book.covers(number)
        self.uncovered += not covered
        state = state_of(answer)
        if not covered:
            decided = state is State.ACK or (state is State.REJECT and not _is_turned_away(answer))
            self.uncovered_judged.take(decided, word_of(answer))
        if self.journal.state(number) is not State.FREE:
            self.journal.decide(number, state, times.done)
        self.repeats.note(kind, number, answer)
        if isinstance(answer, Accepted) and state in (State.ACK, State.PENDING):
            self.overdrawn += state is State.ACK and not covered
            self._remember(number, state, answer)
            return "confirmed" if self.repeats.is_first(number) else "replayed"
        if state is State.REJECT:
            known = isinstance(answer, Refused) and self.repeats.may_refuse(number, answer)
            return "expected" if known or not covered else "refused"
        return "broken"

    def _repeated(self, kind: Kind, number: int, answer: Answer, times: Times) -> str:
        sent, decided = self.journal.times(number)
        known = self.journal.state(number) is State.ACK and 0 < decided < times.sent and sent > 0
        self.repeats.note(kind, number, answer, after_confirmation=known)
        if isinstance(answer, Accepted):
            state = state_of(answer)
            if state is not State.REJECT:
                self.journal.decide(number, state, times.done)
                self._remember(number, state, answer)
            return "confirmed" if kind is Kind.TWIN and self.repeats.is_first(number) else "replayed"
        if isinstance(answer, Refused):
            # While the first request is under way or was refused itself, refusing the second is right.
            return "denied" if known and kind is Kind.REPLAY else "expected"
        return "broken"

    def _alteration(self, kind: Kind, number: int, answer: Answer, times: Times) -> str:
        self.altered += 1
        self.altered_judged.take(not isinstance(answer, Broken) and not _is_turned_away(answer), word_of(answer))
        if isinstance(answer, Accepted):
            self.altered_accepted += 1
            return "replayed"
        return "expected" if isinstance(answer, Refused) else "broken"

    def _remember(self, number: int, state: State, answer: Accepted) -> None:
        if state is State.PENDING and answer.value.get("id"):
            self.journal.pending[number] = str(answer.value["id"])

    def _sampled(self, arrival: int, reply: Reply, times: Times) -> None:
        self._until_sample = self._random.randrange(2 * SAMPLE_EVERY)
        self.sightings.append(self._sighting(arrival, reply, "", times))

    def _keep(self, arrival: int, reply: Reply, answer: Answer, outcome: str, times: Times) -> None:
        failed = outcome in ("broken", "refused", "denied")
        self._failures += failed
        self._until_sample -= 1
        if self._until_sample < 0:
            self._until_sample = self._random.randrange(2 * SAMPLE_EVERY)
        elif not failed or self._failures > FAILURES_RECORDED_MAX:
            return
        self.sightings.append(self._sighting(arrival, reply, describe(answer) if reply.broken else "", times))

    def _sighting(self, arrival: int, reply: Reply, error: str, times: Times) -> Sighting:
        response = None
        if not reply.broken:
            response = WireMessage(f"HTTP/1.1 {reply.status}", tuple(reply.headers.items()), reply.body)
        return Sighting(
            kind="http",
            request=_message(self._data[arrival] or self._made(arrival)),
            response=response,
            started_us=(self._wall_ns + times.sent) // 1000,
            elapsed_us=(times.done - times.sent) // 1000,
            error=error,
        )


def _is_turned_away(answer: Answer) -> bool:
    return isinstance(answer, Refused) and answer.exchange.status in _TURNED_AWAY


def state_of(answer: Answer) -> State:
    """Return what an answer says about a payment; everything that is not clear is UNKNOWN."""
    if isinstance(answer, Accepted):
        return state_in(answer.value)
    return State.REJECT if isinstance(answer, Refused) else State.UNKNOWN


def state_in(value: Mapping[str, Any]) -> State:
    """Return what a payment's own ``state`` says, as the product shows it."""
    word = str(value.get("state", ""))
    return State.REJECT if word in _NOT_MADE else State.PENDING if word == _PENDING else State.ACK


def _exchange(reply: Reply) -> Exchange:
    return Exchange(seq=0, status=reply.status, headers=reply.headers, body=reply.body)


def _message(data: bytes) -> WireMessage:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return WireMessage(first, tuple((name, value.strip()) for name, _, value in pairs), body)
