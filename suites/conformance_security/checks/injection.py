"""Texts that are code elsewhere: wherever they are put, they stay texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    Prepared,
    check,
    describe,
    expect,
)
from conformance_security.injection import Marks, Payload, external_entity, payloads, showing
from conformance_security.listening import listening
from conformance_security.reads import some_read
from conformance_security.scene import Scene, control

#: Seconds that delaying payloads ask for, and the share of them by which a shift counts.
DELAY_S = 1
SHIFT = 0.8
#: How often a suspected delay is asked for again, each time beside a request that asks for none.
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where payloads are put. ``finds``: an accepted answer would mean that the text was obeyed, not looked up."""

    name: str
    candidate: Candidate
    scene: Scene | None
    finds: bool = False

    def request(self, text: str) -> Prepared:
        """Return a request with the text in this place."""
        match self.name:
            case "a field" if self.scene:
                return self.scene.payment(1, reference=text)
            case "the path":
                return self.candidate.prepare("accounts.read", account=text)
            case "the query":
                return some_read(self.candidate).with_query("cursor", text)
            case _:
                safe = " ".join(text.split())
                return some_read(self.candidate).with_header("X-Request-Id", safe).with_header("Referer", safe)


@check("SEC-I01", effects=Effect.MONEY, deadline_s=300)
def texts_are_not_interpreted(candidate: Candidate, evidence: Evidence) -> None:
    """SQL, NoSQL, template, command, LDAP, lookup, file, CRLF and XML texts do nothing wherever they are put.

    No 5xx, nothing in an answer that only an interpreter computes, no answer that is late by what a text asked for,
    no connection to our listener. Whether the product takes such a text as data or refuses it is its own choice.
    """
    control(some_read(candidate), "an honest read")
    with listening() as (port, calls):
        marks = _marks(evidence, port)
        places = list(_places(candidate, evidence))
        sent = 0
        for place in places:
            for payload in payloads(marks, DELAY_S):
                _try(place, payload, marks)
                sent += 1
        _try_entities(candidate, places, marks)
        expect(
            not calls,
            "a text in a request must not make the product connect anywhere",
            expected="no connection to our listener",
            actual=f"{len(calls)} connections",
        )
    evidence.note("payloads", {"sent": sent, "places": [place.name for place in places], "delay_s": DELAY_S})
    evidence.note("limit", "connections are seen only where the product can reach the loopback of this machine")


def _places(candidate: Candidate, evidence: Evidence) -> Iterator[Place]:
    if candidate.offers("payments.create"):
        scene = Scene.set(candidate, evidence)
        control(scene.payment(1, reference="an honest text"), "a payment with an honest reference")
        yield Place("a field", candidate, scene)
    if candidate.offers("accounts.read"):
        yield Place("the path", candidate, None, finds=True)
    yield Place("the query", candidate, None)
    yield Place("a header", candidate, None)


def _marks(evidence: Evidence, port: int) -> Marks:
    digest = hashlib.sha256(evidence.unique("marks").encode()).digest()
    first, second = (10_007 + int.from_bytes(digest[at : at + 2], "big") for at in (0, 2))
    return Marks(first, second, port)


def _try(place: Place, payload: Payload, marks: Marks) -> None:
    what = f"{payload.kind} in {place.name}: {payload.text!r}"
    answer = place.request(payload.text).send()
    _require_calm(answer, what)
    shown = showing(answer.exchange, marks)
    expect(shown is None, f"a text must not be interpreted ({what})", expected="the text, or a refusal", actual=shown)
    expect(
        not (place.finds and isinstance(answer, Accepted)),
        f"a text that names nothing must find nothing ({what})",
        expected="404 or another 4xx",
        actual=describe(answer),
    )
    if payload.delays and answer.exchange.elapsed_us >= SHIFT * DELAY_S * 1e6:
        _require_no_shift(place, payload, what)


def _require_calm(answer: Answer, what: str) -> None:
    if not isinstance(answer, Broken) or answer.kind in ("redirect", "unparseable", "schema", "too-large"):
        return
    if answer.kind == "throttled":
        raise Inconclusive(
            "the candidate throttled the payloads (429); lower [limits] requests_per_second_max below its quota",
            blame="CONFIG",
        )
    expect(
        False,
        f"a text must not break the product ({what})",
        expected="the text taken as data, or a refusal (4xx)",
        actual=describe(answer),
    )


def _require_no_shift(place: Place, payload: Payload, what: str) -> None:
    """A late answer may be chance; one that is late whenever the text asks for it, and never beside it, is not."""
    shifts = []
    for _ in range(REPEATS):
        quick = place.request(payload.text.replace(str(DELAY_S), "0")).send().exchange.elapsed_us
        late = place.request(payload.text).send().exchange.elapsed_us
        shifts.append(late - quick)
        if late - quick < SHIFT * DELAY_S * 1e6:
            return
    expect(
        False,
        f"a text must not delay the answer by what it asks for ({what})",
        expected=f"a shift below {SHIFT * DELAY_S:g} s",
        actual=", ".join(f"{shift / 1e6:.2f} s" for shift in shifts),
    )


def _try_entities(candidate: Candidate, places: list[Place], marks: Marks) -> None:
    """Send an XML document with external entities where the product takes a body."""
    field = next((place for place in places if place.scene), None)
    if field is None:
        return
    request = field.request("an honest text").with_bytes(external_entity(marks))
    answer = request.with_header("Content-Type", "application/xml").send()
    _require_calm(answer, "external entities in an XML body")
    shown = showing(answer.exchange, marks)
    expect(shown is None, "external entities must not be fetched", expected="a refusal", actual=shown)
