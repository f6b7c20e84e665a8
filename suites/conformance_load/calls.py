"""Requests of one operation, made ready before the clock starts, and what their answers mean.

What one request may change (money) is the affair of whoever listens through ``Listener``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Exchange,
    LoadContext,
    Prepared,
    Refused,
    Sighting,
    WireDriver,
    WireMessage,
    describe,
)
from conformance_load.flow import Reply, Times, now_ns, serialise
from conformance_load.freshness import Freshness
from conformance_load.settings import Settings

#: Failures of one stream that are kept with their exchange, and one of how many successes is.
FAILURES_RECORDED_MAX = 100
SAMPLE_EVERY = 100

#: Tells whether the value of an accepted answer is what was asked for.
Sound = Callable[[Mapping[str, Any]], bool]


#: Requests between two words about how far the making is.
_TOLD_EVERY = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request with its bytes made ready. An accepted answer counts only if ``sound`` finds in it what was asked."""

    prepared: Prepared
    url: str
    data: bytes
    sound: Sound

    @classmethod
    def ready(cls, context: LoadContext, prepared: Prepared, sound: Sound) -> Call:
        """Authenticate and sign a request; raises NotTested where the operation is made of several calls."""
        wire = cast(WireDriver, context.candidate.driver).wire(prepared)
        return cls(prepared, wire.url, serialise(wire), sound)


def _require_fresh(context: LoadContext, first: Prepared) -> None:
    """Raise ConfigError where credentials run out before the scenario is over: they stay in requests as they are."""
    if not hasattr(context.candidate.driver, "lifetimes"):
        return
    settings = Settings.of(context.parameters, context.candidate.file.limits.load_per_second_max)
    fresh = Freshness(settings.length_s + settings.drain_s)
    fresh.note(context.candidate, first)
    fresh.require()


def calls_of(context: LoadContext, requests: Sequence[tuple[Prepared, Sound]]) -> list[Call]:
    """Make requests ready. Where the driver makes equal bytes of an equal request, those are made once.

    A signature, a time or a nonce makes them differ; then each is made by itself. Raises NotTested where the operation
    is made of several calls.
    """
    if not requests:
        return []
    _require_fresh(context, requests[0][0])
    first = Call.ready(context, *requests[0])
    repeatable = Call.ready(context, *requests[0]).data == first.data
    made: dict[str, Call] = {}
    calls = []
    for number, (prepared, sound) in enumerate(requests):
        if number % _TOLD_EVERY == 0:
            context.progress(0, len(requests), f"making {prepared.operation} ready: {number:,} of {len(requests):,}")
        same = repr(sorted(prepared.arguments.items()))
        call = made.get(same) if repeatable else None
        if call is None:
            call = made[same] = Call.ready(context, prepared, sound)
        calls.append(call)
    return calls


class Listener(Protocol):
    """Hears what becomes of each request that may move money."""

    def sending(self, arrival: int) -> None:
        """Hear that a request is about to leave."""
        ...

    def decided(self, arrival: int, answer: Answer) -> None:
        """Hear the answer."""
        ...


class CallWork:
    """Sends calls one after the other; the :class:`conformance_load.flow.Work` of every plain stream.

    ``secret``: answers hold secrets that nobody knows yet, so nothing of them but the status is ever kept.
    """

    def __init__(
        self, context: LoadContext, calls: Sequence[Call], *, secret: bool = False, listener: Listener | None = None
    ) -> None:
        self._driver = cast(WireDriver, context.candidate.driver)
        self._calls = calls
        self._secret = secret
        self._listener = listener
        self.sightings: list[Sighting] = []
        self._failures = 0
        self._sample = random.Random(context.seed)  # noqa: S311 (a sample, not a secret)
        self._wall_ns = time.time_ns() - now_ns()

    def url(self) -> str:
        """Return where the requests go."""
        return self._calls[0].url

    def moments(self, offsets: Iterable[int]) -> Iterator[int]:
        """Yield the offsets at which arrivals are due, out of an even schedule: as they are."""
        return iter(offsets)

    def due(self, first: int) -> int:
        """Return how many arrivals from ``first`` on a sound product confirms: all."""
        return len(self._calls) - first

    def request(self, arrival: int) -> tuple[bytes, bool]:
        """Return the bytes of an arrival; no connection is cut."""
        return self._calls[arrival].data, False

    def sending(self, arrival: int, at_ns: int) -> None:
        """Tell the listener before the first byte leaves."""
        if self._listener:
            self._listener.sending(arrival)

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Return how an arrival ended: confirmed, refused or broken."""
        call = self._calls[arrival]
        answer = self._meaning(call, reply or Reply(broken="connection"))
        if self._listener:
            self._listener.decided(arrival, answer)
        outcome = outcome_of(answer)
        self._keep(call, reply, answer, outcome, times)
        return outcome

    def _meaning(self, call: Call, reply: Reply) -> Answer:
        exchange = Exchange(seq=0, status=reply.status, headers=reply.headers, body=reply.body, url=call.url)
        if reply.broken:
            return Broken(reply.broken, reply.detail, exchange)
        answer = self._driver.interpret(call.prepared, exchange)
        if isinstance(answer, Accepted) and not call.sound(answer.value):
            return Broken("schema", "the answer does not hold what was asked for", exchange)
        return answer

    def _keep(self, call: Call, reply: Reply | None, answer: Answer, outcome: str, times: Times) -> None:
        failed = outcome != "confirmed"
        self._failures += failed
        if (failed and self._failures <= FAILURES_RECORDED_MAX) or self._sample.randrange(SAMPLE_EVERY) == 0:
            self.sightings.append(self._sighting(call, reply or Reply(), answer, times))

    def _sighting(self, call: Call, reply: Reply, answer: Answer, times: Times) -> Sighting:
        head, _, body = call.data.partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        line = f"{line.partition(' ')[0]} {urlsplit(call.url).path} HTTP/1.1"
        response = f"HTTP/1.1 {reply.status}"
        if self._secret:
            asked, given = WireMessage(line, (), b""), WireMessage(response, (), b"")
        else:
            asked = WireMessage(line, tuple(_header(text) for text in headers), body)
            given = WireMessage(response, tuple(reply.headers.items()), reply.body)
        return Sighting(
            kind="http",
            request=asked,
            response=given if reply.status else None,
            started_us=(self._wall_ns + times.sent) // 1000,
            elapsed_us=(times.done - times.sent) // 1000,
            error="" if reply.status or self._secret else describe(answer),
        )


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def outcome_of(answer: Answer) -> str:
    """Return the word of :data:`conformance_load.tally.OUTCOMES` for a plain answer."""
    if isinstance(answer, Accepted):
        return "confirmed"
    return "refused" if isinstance(answer, Refused) else "broken"
