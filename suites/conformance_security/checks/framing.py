"""Where one request ends and the next begins: what HTTP parsers read differently is refused."""

from __future__ import annotations

import time

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    Finding,
    Inconclusive,
    Prepared,
    RawSocket,
    accepted,
    check,
    expect,
)
from conformance_security.framing import PROBES, Demand, Honest, Probe, Stream, read_stream
from conformance_security.reads import some_read
from conformance_security.scene import Scene

#: Seconds until an answer must have come, and after which a connection that was answered counts as quiet.
ANSWER_S = 3.0
QUIET_S = 1.0
#: Statuses above 499 by which a server says that it does not do what it was asked.
_NOT_DONE = (501, 505)


@check("SEC-I07", effects=Effect.MONEY, deadline_s=120)
def requests_end_where_they_say(candidate: Candidate, evidence: Evidence) -> None:
    """A request whose length, host or headers two parsers read differently is refused with 4xx or 501.

    Where its end is in doubt the connection is closed as well, and what follows on the same connection is never
    answered as a request of its own. Two honest requests, one right behind the other, are the positive control.
    """
    tail = Honest.of(candidate.wire(some_read(candidate))).whole()
    scene = Scene.set(candidate, evidence) if candidate.offers("payments.create") else None
    _pipelined_pair(candidate, evidence, _honest(candidate, scene), tail)
    before = scene.money() if scene else None
    failed: list[Finding] = []
    seen: dict[str, str] = {}
    for probe in PROBES:
        stream = _converse(candidate, probe.make(_honest(candidate, scene), tail) + tail, len(PROBES))
        seen[probe.name] = _described(stream)
        try:
            judge(probe, stream)
        except Finding as finding:
            failed.append(finding)
            seen[probe.name] += ": not as demanded"
    evidence.note("framing probes", seen)
    if failed:
        raise failed[0]
    after = scene.money() if scene else None
    expect(before == after, "a request with ambiguous framing must change nothing", expected=before, actual=after)


def _honest(candidate: Candidate, scene: Scene | None) -> Honest:
    """Return a request that the product accepts: a payment of its own key, or a read where it has no payments."""
    request: Prepared = scene.payment() if scene else some_read(candidate)
    return Honest.of(candidate.wire(request))


def _pipelined_pair(candidate: Candidate, evidence: Evidence, request: Honest, tail: bytes) -> None:
    """Two honest requests must both be answered, else silence after a probe would mean nothing."""
    accepted(some_read(candidate), "an honest read")
    stream = _converse(candidate, request.whole() + tail, 2)
    good = [reply for reply in stream.replies if 200 <= reply.status < 300]
    if len(good) == 2:
        return
    if len(good) == len(stream.replies) == 1 and stream.ended:
        evidence.note("connections", "the product ends the connection after each answer, so no tail is ever answered")
        return
    raise Inconclusive(
        f"positive control: two requests on one connection were answered {_described(stream)}, not 2xx twice",
        blame="PRODUCT",
    )


def _described(stream: Stream) -> str:
    statuses = ", ".join(str(reply.status) for reply in stream.replies) or "no answer"
    return f"{statuses}; {'closed' if stream.ended else 'open'}"


def judge(probe: Probe, stream: Stream) -> None:
    """Hold what came back against what a probe demands; raises Finding."""
    what = f"a request {probe.what}"
    if not stream.replies:
        _judge_silence(probe, stream, what)
        return
    first = stream.replies[0]
    if first.status == 429:
        raise Inconclusive("the candidate throttled the probes (429); lower requests_per_second_max", blame="CONFIG")
    done = 200 <= first.status < 400
    if probe.demand is Demand.ONE_VALUE and done:
        expect(
            stream.ended or len(stream.replies) == 2,
            f"must be refused, or read in one way: {what}",
            expected=probe.demand.value,
            actual=f"{_described(stream)}: the line was read as a header",
        )
        return
    expect(
        len(stream.replies) < 2 or probe.demand not in (Demand.CLOSE, Demand.NO_TAIL),
        f"what follows {what} must not be answered as a request of its own",
        expected=probe.demand.value,
        actual=_described(stream),
    )
    if probe.demand is Demand.NO_TAIL and done:
        expect(
            stream.ended,
            f"the connection must be closed after {what}",
            expected=probe.demand.value,
            actual=_described(stream),
        )
        return
    _judge_refusal(probe, stream, what)


def _judge_refusal(probe: Probe, stream: Stream, what: str) -> None:
    first = stream.replies[0]
    done = 200 <= first.status < 400
    expect(not done, f"must be refused: {what}", expected=probe.demand.value, actual=_described(stream))
    expect(
        first.status < 500 or first.status in _NOT_DONE,
        f"must be refused cleanly: {what}",
        expected=probe.demand.value,
        actual=_described(stream),
    )
    expect(
        probe.demand is not Demand.CLOSE or stream.ended or first.closes,
        f"the connection must be closed after {what}",
        expected=probe.demand.value,
        actual=_described(stream),
    )


def _judge_silence(probe: Probe, stream: Stream, what: str) -> None:
    """No answer: a closed connection is a refusal; waiting for the rest of an absurd size is not a wrong reading."""
    expect(
        stream.ended or probe.demand is Demand.NO_TAIL,
        f"must be refused cleanly: {what}",
        expected=probe.demand.value,
        actual=f"neither an answer nor the end of the connection within {ANSWER_S:g} s",
    )
    expect(
        not stream.rest,
        f"must be refused cleanly: {what}",
        expected=probe.demand.value,
        actual="bytes that are no HTTP response",
    )


def _converse(candidate: Candidate, sent: bytes, wanted: int) -> Stream:
    """Send bytes on a connection of their own and read until it ends, falls quiet, or ``wanted`` answers are there."""
    try:
        connection = candidate.connection(QUIET_S)
    except OSError as error:
        raise Inconclusive(f"no connection to the candidate: {error}", blame="PRODUCT") from error
    stream = Stream((), False)
    received = b""
    limit = time.monotonic() + ANSWER_S
    try:
        connection.send(sent)
        while not stream.ended and len(stream.replies) < wanted and time.monotonic() < limit:
            piece = _next(connection)
            received += piece or b""
            stream = read_stream(received, ended=piece == b"")
            if piece is None and stream.replies:
                break
    except ConnectionError:
        stream = read_stream(received, ended=True)
    finally:
        connection.close()
    return stream


def _next(connection: RawSocket) -> bytes | None:
    """Return what arrives next, b"" at the end, None when it stays quiet."""
    try:
        return connection.receive()
    except TimeoutError:
        return None
