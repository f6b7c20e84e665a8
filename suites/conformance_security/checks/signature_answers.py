"""What the product itself signs: answers that belong to one request, and notices that can be told from forgeries."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    Finding,
    Inconclusive,
    NotApplicable,
    NotTested,
    accepted,
    check,
    eventually,
    expect,
)
from conformance_security.answered import AGE_MAX_S, JWS_HEADERS, answer_verdict, notice_verdict
from conformance_security.declared import declared
from conformance_security.httpsig import Message, Pattern, verified
from conformance_security.product_keys import Keys, product_keys
from conformance_security.receiving import Received, Reply, receiving
from conformance_security.scene import Scene

#: Seconds in which a notice must have come.
_NOTICE_S = 10.0


@check("SEC-S12", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def answers_belong_to_their_requests(candidate: Candidate, evidence: Evidence) -> None:
    """An answer's signature covers its status, its body and the request (``;req``), and verifies for no other request.

    For products that sign their answers: ``signing.answers`` under ``supports``.
    """
    scene = Scene.set(candidate.as_user("signer"), evidence)
    first, second = scene.paid(), scene.paid()
    _require_signing(candidate, first)
    keys = product_keys(candidate)
    for answer in (first, second):
        verdict = answer_verdict(_answer(answer), keys, int(time.time()))
        expect(
            not verdict,
            f"an answer must be signed so that it can be verified: {verdict}",
            expected="a signature over @status and content-digest",
            actual=answer.exchange.header("signature-input") or "none",
        )
    swapped = replace(_answer(first), request=_request(second))
    bound = [pattern for pattern in _patterns(first) if _fails(swapped, pattern, keys)]
    expect(
        len(bound) == len(_patterns(first)),
        "an answer must be bound to its request: this one verifies as the answer to another payment",
        expected='a signature that covers "signature";req or what else tells requests apart',
        actual=first.exchange.header("signature-input"),
    )
    evidence.note("signature of an answer", first.exchange.header("signature-input"))


@check("SEC-S13", needs=("notices.subscribe",), effects=Effect.MONEY)
def notices_can_be_told_from_forgeries(candidate: Candidate, evidence: Evidence) -> None:
    """A notice verifies at a receiver that refuses unsigned, altered and old ones.

    The harness listens at the first of ``[declared.security] callback_hosts``. Keys are those of the key set; for a
    shared secret, ``[declared.security.notices]`` says how it is used.
    """
    judge = _Judge(candidate)
    with _listening(candidate, judge) as (address, received):
        path = f"/{evidence.unique('notices')}"
        accepted(candidate.call("notices.subscribe", url=f"http://{address}{path}"), "subscribing to notices")
        if candidate.offers("payments.create"):
            Scene.set(candidate, evidence).paid()
        notice = _first(received, path, address)
        message = _message(notice, address)
        verdict = judge.verdict(message)
        expect(
            not verdict,
            f"a notice must be signed so that its receiver can verify it: {verdict}",
            expected="a recent signature over the body, by a published key",
            actual=", ".join(sorted(name for name, _ in notice.headers)),
        )
        _require_careful(judge, message, address)
    evidence.note("notice verified", {"bytes": len(notice.body), "headers": sorted(name for name, _ in notice.headers)})


# -- answers --------------------------------------------------------------------------------------------------------


def _require_signing(candidate: Candidate, answer: Accepted) -> None:
    if any(answer.exchange.header(name) for name in JWS_HEADERS):
        raise NotApplicable("answers are signed by a detached JWS, which has no words for the request that it answers")
    if not answer.exchange.header("signature") and not candidate.claims("signing.answers"):
        raise NotApplicable("answers are not signed, and candidate.toml does not claim signing.answers")


def _request(answer: Accepted) -> Message:
    exchange = answer.exchange
    return Message(exchange.method, exchange.url, exchange.request_headers, exchange.request_body)


def _answer(answer: Accepted) -> Message:
    exchange = answer.exchange
    return Message(headers=exchange.headers, body=exchange.body, status=exchange.status, request=_request(answer))


def _patterns(answer: Accepted) -> list[Pattern]:
    return Pattern.read_all(answer.exchange.header("signature-input"))


def _fails(message: Message, pattern: Pattern, keys: Keys) -> bool:
    return bool(verified(message, pattern, keys.get(pattern.parameter("keyid").strip('"'))))


# -- notices --------------------------------------------------------------------------------------------------------


class _Judge:
    """Verifies notices as a careful receiver does. ``clock`` tells the time, in seconds."""

    def __init__(self, candidate: Candidate) -> None:
        settings = declared(candidate, "notices", {})
        self._shared = _shared(settings) if settings.get("scheme") == "hmac" else None
        self._carrier = str(settings.get("header", "")).lower()
        self._keys = {} if self._shared is not None else product_keys(candidate)

    def verdict(self, message: Message, later_s: int = 0) -> str:
        """Return "" for a notice that holds, seen ``later_s`` seconds from now, else what is wrong with it."""
        return notice_verdict(message, self._keys, int(time.time()) + later_s, self._shared)

    def unsigned(self, genuine: Message) -> Message:
        """Return a notice without the headers that carry its signature."""
        headers = genuine.headers.items()
        kept = {k: v for k, v in headers if "signature" not in k.lower() and k.lower() != self._carrier}
        return replace(genuine, headers=kept)


def _shared(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of an HMAC with its secret in clear."""
    reference = settings.get("secret")
    secret = os.environ.get(str(reference.get("env", ""))) if isinstance(reference, Mapping) else None
    if not secret:
        raise NotTested("[declared.security.notices] secret names no variable that holds it", blame="CONFIG")
    return {**settings, "secret": secret}


@contextmanager
def _listening(candidate: Candidate, judge: _Judge) -> Iterator[tuple[str, list[Received]]]:
    """Receive at the declared address: what verifies is answered 204, and everything else 401."""
    allowed = declared(candidate, "callback_hosts", ())
    if not allowed:
        raise NotTested("[declared.security] names no callback_hosts that the product may call", blame="CONFIG")
    address = str(allowed[0])

    def respond(received: Received) -> Reply:
        return Reply(401 if judge.verdict(_message(received, address)) else 204)

    with receiving(address, respond) as received:
        yield address, received


def _first(received: list[Received], path: str, address: str) -> Received:
    try:
        return eventually(
            lambda: next((notice for notice in list(received) if notice.target == path), None),
            deadline_s=_NOTICE_S,
            what=f"a notice at http://{address}",
            every_s=0.005,
        )
    except Finding as finding:
        raise Inconclusive(f"{finding}; the product must be able to call that address", blame="CONFIG") from finding


def _message(notice: Received, address: str) -> Message:
    return Message(notice.method, f"http://{address}{notice.target}", dict(notice.headers), notice.body)


def _require_careful(judge: _Judge, genuine: Message, address: str) -> None:
    """Show that the receiver refuses what it must refuse: without that, "verifies" would mean nothing."""
    forged = {
        "unsigned": judge.unsigned(genuine),
        "altered": replace(genuine, body=genuine.body.replace(b'"', b"'", 1) + b" "),
        "unaltered": genuine,
    }
    for what, message in forged.items():
        status, wanted = _posted(message, address), 204 if what == "unaltered" else 401
        if status != wanted:
            raise Inconclusive(f"our own receiver answered {status} to an {what} notice, not {wanted}", blame="HARNESS")
    if not judge.verdict(genuine, later_s=AGE_MAX_S + 3_600):
        raise Inconclusive("our own receiver took a notice an hour old", blame="HARNESS")


def _posted(message: Message, address: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        path = message.url.removeprefix(f"http://{address}")
        headers = {name: value for name, value in message.headers.items() if name.lower() != "content-length"}
        connection.request(message.method, path, message.body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
