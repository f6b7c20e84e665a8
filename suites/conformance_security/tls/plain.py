"""Plain HTTP where HTTPS belongs: what a port answers to a request without TLS."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from conformance.sdk import Candidate, Inconclusive
from conformance_security.tls.http import parse_answer
from conformance_security.tls.target import PATIENCE_S
from conformance_security.tls.wire import Malformed

#: Seconds for a whole answer, and bytes of it that are read at most: its head decides.
_ANSWER_S, _ANSWER_MAX = 8.0, 64 * 1024


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """What came of it, in words, and whether the request was served."""

    text: str
    served: bool


def plain_answer(candidate: Candidate, request: bytes) -> PlainAnswer:
    """Send a request to an endpoint without TLS, whatever its URL says; raises Inconclusive for a 5xx or a 429.

    A connection that is refused, reset or left without an answer is a refusal: nobody is served there.
    """
    data, limit = b"", time.monotonic() + _ANSWER_S
    try:
        with closing(candidate.socket(PATIENCE_S)) as connection:
            connection.send(request)
            while len(data) < _ANSWER_MAX and time.monotonic() < limit and (more := connection.receive()):
                data += more
    except OSError as error:
        if not data:
            return PlainAnswer(f"no answer ({type(error).__name__})", served=False)
    return _judged(data)


def _judged(data: bytes) -> PlainAnswer:
    try:
        status, headers, _ = parse_answer(data)
    except Malformed:
        return PlainAnswer("closed" if not data else "an answer that is not HTTP", served=False)
    if status == 429 or status >= 500:
        raise Inconclusive(f"plain HTTP was answered {status}: neither served nor refused", blame="PRODUCT")
    location = next((value for name, value in headers.items() if name.lower() == "location"), "")
    if 300 <= status < 400:
        away = location.lower().startswith("https://")
        return PlainAnswer(f"HTTP {status} to {location or 'nowhere'}", served=not away)
    return PlainAnswer(f"HTTP {status}", served=status < 300 or status == 401)
