"""Repetitions: the same request again, later or at the same moment, and what became of each.

What a repetition shows depends on all answers to the same key, in whatever order they came; so they are kept, and
judged when all are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.sdk import Accepted, Answer, Broken, Refused
from conformance_load.arrivals import FRESH, Kind, cooperatively
from conformance_load.ids import Book
from conformance_load.judged import Judged, word_of
from conformance_load.making import Shot

#: A refusal with this status says "I know that key", not "the payment was refused".
CONFLICT = 409


@dataclass(slots=True)
class Replays:
    """What came of repeating requests with their keys, after their first was sent.

    ``same`` and ``different``: which payment the answer named, beside the first request's. ``refused``: refused
    although the payment was confirmed before.
    """

    made: int = 0
    same: int = 0
    different: int = 0
    refused: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the form used in reports."""
        return {"made": self.made, "same": self.same, "different": self.different, "refused": self.refused}


@dataclass(slots=True)
class Twins:
    """What came of pairs of equal requests at the same moment, in pairs.

    ``same``: both named one payment. ``different``: each named another, so both may be booked. ``refused``: at least
    one was refused, which is right. ``neither``: both were refused although the payment was covered. ``broken``: at
    least one got no proper answer.
    """

    made: int = 0
    same: int = 0
    different: int = 0
    refused: int = 0
    neither: int = 0
    broken: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the form used in reports."""
        return {
            "made": self.made,
            "same": self.same,
            "different": self.different,
            "oneRefused": self.refused,
            "neither": self.neither,
            "broken": self.broken,
        }


@dataclass(frozen=True, slots=True)
class _Told:
    """One answer to a key: the id of the payment it named, or why it named none, and the answer in a few words."""

    kind: Kind
    identifier: str = ""
    refused: bool = False
    broken: bool = False
    after_confirmation: bool = False
    server_error: bool = False
    word: str = ""

    @property
    def named(self) -> bool:
        """Whether the answer named a payment."""
        return not self.refused and not self.broken


class Repeats:
    """The answers to every key that is used more than once."""

    def __init__(self, shots: Sequence[Shot], book: Book) -> None:
        self._book = book
        #: Payments whose request is sent twice at the same moment.
        self.twinned = frozenset(shot.number for shot in cooperatively(shots) if shot.kind is Kind.TWIN)
        self._repeated = frozenset(shot.number for shot in cooperatively(shots) if shot.kind not in FRESH)
        self._told: dict[int, list[_Told]] = {}

    def is_plain(self, shot: Shot) -> bool:
        """Tell whether an arrival is a covered payment that is sent once, and its answer read."""
        return shot.kind is Kind.PAYMENT and shot.number not in self._repeated and self._book.covers(shot.number)

    def note(self, kind: Kind, number: int, answer: Answer, *, after_confirmation: bool = False) -> None:
        """Keep an answer; ``after_confirmation``: its request was sent when the payment was known to be confirmed."""
        if number in self._repeated:
            identifier = str(answer.value.get("id", "")) if isinstance(answer, Accepted) else ""
            refused, broken = isinstance(answer, Refused), isinstance(answer, Broken)
            failed = isinstance(answer, Broken) and answer.kind == "server-error"
            told = _Told(kind, identifier, refused, broken, after_confirmation, failed, word_of(answer))
            self._told.setdefault(number, []).append(told)

    def may_refuse(self, number: int, answer: Refused) -> bool:
        """Tell whether a payment's first request may rightly be refused: its twin was taken in its place."""
        if number not in self.twinned:
            return False
        taken = any(told.named for told in self._of(number, Kind.TWIN))
        return taken or answer.exchange.status == CONFLICT

    def is_first(self, number: int) -> bool:
        """Tell whether no more than one of a payment's two equal requests was accepted so far."""
        if number not in self.twinned:
            return True
        pair = [*self._of(number, Kind.PAYMENT), *self._of(number, Kind.TWIN)]
        return sum(told.named for told in pair) < 2

    def replays(self) -> Replays:
        """Return what came of repetitions so far."""
        found = Replays()
        for number, answers in self._told.items():
            first = next(self._named(number, Kind.PAYMENT, Kind.CUT, Kind.TWIN, Kind.REPLAY), "")
            for told in answers:
                if told.kind is not Kind.REPLAY:
                    continue
                found.made += 1
                found.refused += told.refused and told.after_confirmation
                if told.named:
                    found.same += told.identifier == first
                    found.different += told.identifier != first
        return found

    def twins(self) -> Twins:
        """Return what came of pairs so far; a pair counts when both answers are there."""
        found = Twins()
        for number in self.twinned & self._told.keys():
            pair = [*self._of(number, Kind.PAYMENT), *self._of(number, Kind.TWIN)]
            if len(pair) != 2:
                continue
            found.made += 1
            refused = sum(told.refused for told in pair)
            if any(told.broken for told in pair):
                found.broken += 1
            elif refused == 2 and self._book.covers(number):
                found.neither += 1
            elif refused:
                found.refused += 1
            elif pair[0].identifier == pair[1].identifier:
                found.same += 1
            else:
                found.different += 1
        return found

    def judged(self) -> dict[str, dict[str, Any]]:
        """Return how many repetitions showed anything so far.

        ``replays``: those that named a payment, where another answer to the key named one to compare it with.
        ``known``: those sent after their payment was confirmed that were confirmed or refused; ``serverErrors`` among
        the others. ``twins``: pairs of which both got a proper answer.
        """
        named, known, pairs, errors = Judged(), Judged(), Judged(), 0
        for answers in self._told.values():
            compared = sum(told.named for told in answers) > 1
            for told in (item for item in answers if item.kind is Kind.REPLAY):
                named.take(told.named and compared, told.word)
                if told.after_confirmation:
                    known.take(not told.broken, told.word)
                    errors += told.server_error
        for number in self.twinned & self._told.keys():
            pair = [*self._of(number, Kind.PAYMENT), *self._of(number, Kind.TWIN)]
            broken = [told.word for told in pair if told.broken]
            if len(pair) == 2:
                pairs.take(not broken, *broken)
        return {
            "replays": named.as_json(),
            "known": known.as_json() | {"serverErrors": errors},
            "twins": pairs.as_json(),
        }

    def _of(self, number: int, kind: Kind) -> list[_Told]:
        return [told for told in self._told.get(number, ()) if told.kind is kind]

    def _named(self, number: int, *kinds: Kind) -> Iterator[str]:
        """Yield the payments that answers named, those of earlier kinds first."""
        for kind in kinds:
            yield from (told.identifier for told in self._of(number, kind) if told.named)
