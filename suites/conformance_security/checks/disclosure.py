"""What answers give away: internals, card data, secrets, what caches keep."""

from __future__ import annotations

import json
from collections.abc import Iterator

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    Exchange,
    NotTested,
    Params,
    Prepared,
    check,
    expect,
)
from conformance_security.checks.privacy import require_planted, shown_cards
from conformance_security.heard import crashed, heard
from conformance_security.privacy.classes import rules
from conformance_security.privacy.detect import Detector, Find
from conformance_security.privacy.observed import declared_values
from conformance_security.reads import own_reads, some_read
from conformance_security.scanners import secret_members, telling
from conformance_security.scene import Scene, control


@check("SEC-D04", effects=Effect.MONEY)
def errors_disclose_no_internals(candidate: Candidate, evidence: Evidence) -> None:
    """Errors name no stack, statement, path or version, whatever provoked them, a crash included."""
    tried = 0
    for request in _provocations(candidate, evidence):
        answer = request.send()
        if not crashed(answer):
            heard(answer, f"a malformed request ({request.operation})")
        if isinstance(answer, Accepted):
            continue
        tried += 1
        found = [str(piece) for piece in telling(_text(answer.exchange))]
        expect(
            not found,
            "an error must not disclose internals",
            expected="a code and a sentence",
            actual=f"{request.operation}, HTTP {answer.exchange.status}: {', '.join(found)}",
        )
    if not tried:
        raise NotTested("none of the malformed requests was answered by an error")
    evidence.note("errors provoked", tried)


@check("SEC-D05", effects=Effect.MONEY)
def numbers_are_masked(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A card is bound with made-up data: no answer about it, error or not, shows a number in full or masked too little.

    Card numbers count by their check digit, others by name or because they were planted; encodings are taken off.
    """
    detector = Detector(rules(params["data_classes"]))
    for name, find in _finds(candidate, evidence, detector):
        expect(
            find.rule.shown == "never",
            f"{find.rule.noun}s must be masked",
            expected=f"at most {find.rule.mask} characters",
            actual=f"{name} shows {find}",
        )
    require_planted(detector, "masked", "owner")


@check("SEC-D06", effects=Effect.MONEY)
def secrets_are_never_returned(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """No answer holds a card verification code, a PIN or a password, not even to its owner who just sent it."""
    detector = Detector(rules(params["data_classes"]))
    for name, find in _finds(candidate, evidence, detector):
        expect(
            find.rule.shown != "never",
            "verification codes, PINs and passwords must never be returned",
            expected="not returned",
            actual=f"{name} returns {find}",
        )
    for name, exchange in _shown(candidate, evidence):
        found = secret_members(_json(exchange))
        expect(
            not found,
            "verification codes, PINs and passwords must never be returned",
            expected="no such member",
            actual=f"{name} returns {', '.join(found)}",
        )
    require_planted(detector, "never")


@check("SEC-D08", effects=Effect.MONEY)
def sensitive_answers_are_not_cached(candidate: Candidate, evidence: Evidence) -> None:
    """Answers with personal or money data are no-store and nosniff, and carry no version banner."""
    for name, exchange in _shown(candidate, evidence):
        expect(
            "no-store" in exchange.header("Cache-Control").lower(),
            "sensitive answers must not be stored by caches",
            expected="Cache-Control: no-store",
            actual=f"{name}: {exchange.header('Cache-Control') or 'no Cache-Control'}",
        )
        expect(
            exchange.header("X-Content-Type-Options").lower() == "nosniff",
            "answers must not be sniffed for another type",
            expected="X-Content-Type-Options: nosniff",
            actual=f"{name}: {exchange.header('X-Content-Type-Options') or 'no such header'}",
        )
        banner = " ".join(filter(None, (exchange.header("Server"), exchange.header("X-Powered-By"))))
        expect(
            not any(character.isdigit() for character in banner),
            "answers must carry no version banner",
            expected="no version",
            actual=f"{name}: {banner}",
        )


# -- what is looked at ----------------------------------------------------------------------------------------------


def _finds(candidate: Candidate, evidence: Evidence, detector: Detector) -> Iterator[tuple[str, Find]]:
    """Give what answers show of a customer's data, what the check has planted included."""
    for kind, value in declared_values(candidate.file):
        detector.plant(kind, value)
    for name, exchange in (*shown_cards(candidate, evidence), *_shown(candidate, evidence)):
        for kind, value in detector.given(exchange.request_body):
            detector.plant(kind, value)
        headers = "\n".join(f"{header}: {value}" for header, value in exchange.headers.items())
        for data in (headers.encode("utf-8", "replace"), exchange.body):
            yield from ((name, find) for find in detector.finds(data))


def _shown(candidate: Candidate, evidence: Evidence) -> Iterator[tuple[str, Exchange]]:
    """Give the answers that show a customer's data: a payment, and every read of an account."""
    if candidate.offers("payments.create"):
        scene = Scene.set(candidate, evidence)
        paid = scene.paid()
        yield "payments.create", paid.exchange
        if candidate.offers("payments.read"):
            yield (
                "payments.read",
                control(candidate.prepare("payments.read", payment=paid.value["id"]), "a payment").exchange,
            )
    for read in own_reads(candidate, balance=1_00):
        yield read.operation, control(read, f"{read.operation} by the owner").exchange


def _provocations(candidate: Candidate, evidence: Evidence) -> Iterator[Prepared]:
    """Give requests that no product can serve."""
    if candidate.offers("payments.create"):
        payment = Scene.set(candidate, evidence).payment()
        for body in (b'{"amount":', b"", b"[]", b"\xff\xfe", b'{"amount":{"$gt":0}}', b"<xml/>"):
            yield payment.with_bytes(body)
        yield payment.with_field("debtor", "'\"--;")
        yield payment.with_field("amount", "not a number")
    read = some_read(candidate)
    for path in ("/no/such/page", "/%00", "/%ff", "/accounts/'%22--", "/..%2f..%2fetc/passwd"):
        yield read.with_path(path)
    yield read.with_query("cursor", "'\"--")
    yield read.with_query("limit", "NaN")
    yield read.with_method("PATCH")
    yield read.without_credentials().with_header("Authorization", "Bearer ..")


def _text(exchange: Exchange) -> str:
    """Return what an answer shows: its body and the headers that name software."""
    headers = " ".join(exchange.header(name) for name in ("Server", "X-Powered-By", "X-Debug", "X-AspNet-Version"))
    return f"{headers}\n{exchange.body.decode('utf-8', 'replace')}"


def _json(exchange: Exchange) -> object:
    try:
        return json.loads(exchange.body)
    except ValueError:
        return None
