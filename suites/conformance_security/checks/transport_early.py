"""Requests that arrive before the handshake is done: whoever recorded them can send them again."""

from __future__ import annotations

from typing import cast

from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Effect,
    Evidence,
    Exchange,
    Inconclusive,
    NotTested,
    Prepared,
    Refused,
    WireDriver,
    WireRequest,
    check,
    describe,
    expect,
)
from conformance_security.scene import Scene
from conformance_security.tls.hello import Version
from conformance_security.tls.http import parse_answer, request_bytes
from conformance_security.tls.probing import Prober
from conformance_security.tls.target import TlsTarget
from conformance_security.tls.thirteen import Client, Conversation, Ticket
from conformance_security.tls.wire import Malformed


@check("SEC-T13.early-data", requirement="SEC-T13", effects=Effect.MONEY)
def early_data_writes_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """A payment sent as TLS 1.3 early data (0-RTT) is not accepted, for early data can be replayed.

    A ticket of the server says whether it takes early data at all. Where it does, a payment is sent in it: the server
    must leave it aside in the handshake, or refuse the request (425, RFC 8470) and pay nothing.
    """
    prober = Prober.of(candidate, evidence)
    prober.require_control()
    if prober.controls[1].version != Version.TLS13:
        evidence.note("early data", "none: the server does not speak TLS 1.3")
        return
    ticket = _ticket(prober.target, evidence)
    if ticket is None:
        return
    if not candidate.offers("payments.create") or not hasattr(candidate.driver, "wire"):
        raise NotTested("tickets allow early data, but no payment can be sent in it: map payments.create")
    scene = Scene.set(prober.target.candidate, evidence)
    scene.paid()
    _must_not_pay(scene, prober.target, ticket, evidence)


def _ticket(target: TlsTarget, evidence: Evidence) -> Ticket | None:
    """Return a ticket that allows early data, or None where the server gives none."""
    question = request_bytes(WireRequest("HEAD", f"https://{target.host}:{target.port}/", (), b""))
    tickets = _speak(target, question).tickets
    allowed = [ticket.early_max for ticket in tickets]
    evidence.note("early data that tickets allow, in bytes", allowed)
    return next((ticket for ticket in tickets if ticket.early_max), None)


def _must_not_pay(scene: Scene, target: TlsTarget, ticket: Ticket, evidence: Evidence) -> None:
    payment, before = scene.payment(), scene.money()
    driver = cast(WireDriver, target.candidate.driver)
    wire = driver.wire(payment)
    told = _speak(target, request_bytes(wire), ticket)
    evidence.note("early data", "accepted by the server" if told.early_accepted else "left aside by the server")
    if not told.early_accepted:
        return
    answer = _understood(driver, payment, wire, told)
    evidence.note("a payment as early data", describe(answer))
    if not isinstance(answer, Accepted | Refused):
        raise Inconclusive(f"a payment sent as early data was {describe(answer)}", blame="PRODUCT")
    expect(
        isinstance(answer, Refused),
        "a payment sent as early data must be refused, for whoever recorded it can send it again",
        expected="425 Too Early, or early data left aside",
        actual=describe(answer),
    )
    after = scene.money()
    expect(before == after, "a payment refused as early data must pay nothing", expected=str(before), actual=str(after))


def _understood(driver: WireDriver, payment: Prepared, wire: WireRequest, told: Conversation) -> Answer:
    status, headers, body = parse_answer(told.answer)
    return driver.interpret(payment, Exchange(0, status=status, headers=headers, body=body, url=wire.url))


def _speak(target: TlsTarget, request: bytes, ticket: Ticket | None = None) -> Conversation:
    connection = target.connect()
    try:
        return Client(connection, target.host, ticket).speak(request, early=ticket is not None)
    except (Malformed, ConnectionError, TimeoutError) as error:
        raise Inconclusive(f"a TLS 1.3 handshake of our own came to nothing: {error}", blame="PRODUCT") from error
    finally:
        connection.close()
