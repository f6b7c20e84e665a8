"""Reading answers fast: what the driver made of answers of one shape holds for all answers of that shape.

The driver's reading of an answer takes about ten times as long as sending the request. Most answers differ from each
other in a few values only: an id, a time, an amount. So the first ones are read by the driver, and from their bytes
and what it said a *shape* is learnt: constant bytes, values that were different every time (then of the same
characters and length), and values out of the few that were seen. An answer that fits a shape in every byte means what
its shape means. Everything else (another status, header, type, word or member) is read by the driver, and so is one
answer in a thousand that fits, to prove the shape again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from conformance.sdk import Accepted, Answer
from conformance_load.answer_shape import Sample, Shape, compile_shape, taken_apart
from conformance_load.flow import Reply

#: Answers of one skeleton from which its shape is learnt, and again whenever as many did not fit.
LEARNT_FROM = 8
#: One answer in so many that fit is read by the driver as well.
PROVEN_EVERY = 1000
#: Samples of one skeleton that are kept, heads and skeletons of one head, and the longest body learnt from, in bytes.
_SAMPLES_MAX = 64
_HEADS_MAX = 16
_SKELETONS_MAX = 32
_BODY_MAX = 16 * 1024


class Meaning(NamedTuple):
    """What an accepted answer says: the payment's id, and its state in our words."""

    identifier: str
    state: str


#: The head of an answer as far as it decides: status, type of content, and which headers there are.
_Head = tuple[int, str, frozenset[str]]


@dataclass(slots=True)
class _Skeleton:
    """Answers that are equal but for their values, and how many came since its shape was last learnt."""

    samples: list[Sample] = field(default_factory=list)
    shape: Shape | None = None
    since: int = 0

    def learn(self, pieces: tuple[bytes, ...], sample: Sample) -> None:
        """Take one more answer that did not fit."""
        self.samples = [*self.samples[1 - _SAMPLES_MAX :], sample]
        self.since += 1
        if self.since >= LEARNT_FROM:
            self.since = 0
            self.shape = compile_shape(pieces, self.samples)


class FastReader:
    """Reads accepted answers.

    ``interpret`` is the driver's way to read the answer to a payment's request, ``echoes`` are the texts of a request
    that a product may repeat in its answer.
    """

    def __init__(
        self, interpret: Callable[[int, Reply], Answer], echoes: Callable[[int], Sequence[str]] = lambda number: ()
    ) -> None:
        self._interpret = interpret
        self._echoes = echoes
        self._known: dict[_Head, dict[tuple[bytes, ...], _Skeleton]] = {}
        self._shapes: dict[_Head, list[Shape]] = {}
        #: The headers looked at last: whoever reads heads once hands on the same object again.
        self._headers: object = None
        self._status = 0
        self._current: list[Shape] = []
        #: Answers that fitted a shape, and that the driver read alone.
        self.fast = 0
        self.slow = 0
        #: Answers that were read in both ways with different results; after the first one nothing is read fast.
        self.disagreed = 0

    def read(self, reply: Reply) -> tuple[bytes, str] | None:
        """Return id and state of an accepted answer of a known shape, None for every other answer.

        ``reply`` is not broken. The id is in ASCII.
        """
        if reply.headers is not self._headers or reply.status != self._status:
            self._headers, self._status = reply.headers, reply.status
            self._current = self._shapes.get(_head(reply), [])
        for shape in self._current:
            found = shape.match(reply.body)
            if found is None:
                continue
            state = shape.state if shape.state is not None else shape.states.get(found.group(*shape.words))
            if state is not None:
                self.fast += 1
                return found[shape.identifier], state
        return None

    def as_json(self) -> dict[str, int]:
        """Return how answers were read, in the form used in reports."""
        return {"fast": self.fast, "byDriver": self.slow, "disagreed": self.disagreed}

    def due(self) -> bool:
        """Tell whether the answer that was just read is one of those that are proven."""
        return self.fast % PROVEN_EVERY == 0

    def ask(self, number: int, reply: Reply) -> Answer:
        """Let the driver read an answer and learn from what it says."""
        answer = self._interpret(number, reply)
        self.slow += 1
        if isinstance(answer, Accepted) and not self.disagreed and len(reply.body) <= _BODY_MAX:
            self._learn(number, reply, meaning_of(answer))
        return answer

    def prove(self, number: int, reply: Reply, read: tuple[bytes, str]) -> Answer:
        """Let the driver read an answer that was read fast; where it says something else, trust no shape any more."""
        answer = self._interpret(number, reply)
        if not isinstance(answer, Accepted) or meaning_of(answer) != (read[0].decode(), read[1]):
            self.disagreed += 1
            self._shapes.clear()
            self._known.clear()
            self._current = []
        return answer

    def _learn(self, number: int, reply: Reply, meaning: Meaning) -> None:
        head = _head(reply)
        if head not in self._known and len(self._known) >= _HEADS_MAX:
            return
        pieces, values = taken_apart(reply.body)
        known = self._known.setdefault(head, {})
        if pieces not in known and len(known) >= _SKELETONS_MAX:
            return
        skeleton = known.setdefault(pieces, _Skeleton())
        skeleton.learn(pieces, Sample(values, meaning.identifier, meaning.state, frozenset(self._echoes(number))))
        if skeleton.since == 0:
            # The list itself stays the same: it may be the current one.
            shapes = self._shapes.setdefault(head, [])
            shapes[:] = [item.shape for item in known.values() if item.shape is not None]
            self._headers = None


def meaning_of(answer: Accepted) -> Meaning:
    """Return what an answer says that the driver read."""
    return Meaning(str(answer.value.get("id", "")), str(answer.value.get("state", "")))


def _head(reply: Reply) -> _Head:
    names = [name.lower() for name in reply.headers]
    content_type = next((value for name, value in reply.headers.items() if name.lower() == "content-type"), "")
    return reply.status, content_type, frozenset(names)
