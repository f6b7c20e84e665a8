"""Broken bytes are put where the product takes text, and a large body is judged by the clock without haste."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from stub_bank import BUSY, CRASH, PARAMS, Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, Inconclusive, NotTested, Prepared
from conformance_security.checks import input as checks


def encodings(bank: Bank) -> list[str]:
    noted = evidence()
    checks.broken_encodings_are_refused(candidate_of(bank), noted)
    return [name for name, _ in noted.notes]


class Reading(Bank):
    """Reads bytes as ``lenient`` says: "replaced" (broken ones), "utf-7" (by its label), "marked" (with a mark).

    ``note``: payments have a text member of this name that is not the reference.
    """

    def __init__(self, lenient: str = "", note: str = "", **more: Any) -> None:
        super().__init__(**more)
        self.lenient, self.note = lenient, note

    def _bytes(self, prepared: Prepared) -> bytes:
        sent = super()._bytes(prepared)
        if self.note and prepared.operation == "payments.create" and not any(e.kind == "body" for e in prepared.edits):
            sent = json.dumps({**json.loads(sent), self.note: "lunch"}).encode()
        return sent

    def perform(self, prepared: Prepared) -> Answer:
        raw = [index for index, edit in enumerate(prepared.edits) if edit.kind == "body"]
        if raw:
            edits = list(prepared.edits)
            edits[raw[-1]] = replace(edits[raw[-1]], value=self.read(bytes(edits[raw[-1]].value)))
            prepared = replace(prepared, edits=tuple(edits))
        return super().perform(prepared)

    def read(self, body: bytes) -> bytes:
        if self.lenient == "replaced":
            return body.decode("utf-8", "replace").replace("\x00", "").encode()
        if self.lenient == "utf-7" and body.startswith(b"+"):
            return body.decode("utf-7").encode()
        if body.startswith(b"\xef\xbb\xbf"):
            return body[3:] if self.lenient == "marked" else b"\xff"
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            return b"\xff"
        return b"{" if body.startswith(b"\xff\xfe") else body

    def payments_create(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        if self.note:
            body = {name: value for name, value in body.items() if name != self.note}
        return super().payments_create(prepared, body, sent)


@pytest.mark.parametrize("bank", [Reading(), Reading(note="memo", references=False), Reading("marked")])
def test_a_strict_reader_passes_whatever_its_text_is_called(bank: Bank) -> None:
    assert encodings(bank) == ["a byte order mark"]


@pytest.mark.parametrize(
    ("bank", "says"),
    [
        (Reading("replaced"), "the reference holds"),
        (Reading("replaced", note="memo", references=False), "the text memo holds"),
        (Reading("utf-7"), "the body is UTF-7"),
    ],
)
def test_a_lenient_reader_is_found(bank: Bank, says: str) -> None:
    with pytest.raises(Finding, match=says):
        encodings(bank)


def test_a_payment_without_free_text_is_not_tested() -> None:
    with pytest.raises(NotTested, match="no member of a payment takes free text"):
        encodings(Reading(references=False))


def test_a_byte_order_mark_must_not_change_what_is_paid() -> None:
    class Doubling(Reading):
        def perform(self, prepared: Prepared) -> Answer:
            marked = any(e.kind == "body" and bytes(e.value).startswith(b"\xef\xbb\xbf") for e in prepared.edits)
            if marked:
                super().perform(prepared)
            return super().perform(prepared)

    with pytest.raises(Finding, match="must not change what is paid"):
        encodings(Doubling("marked"))


# -- large bodies ---------------------------------------------------------------------------------------------------


def large(bank: Bank) -> None:
    checks.huge_and_deep_bodies_do_no_harm(candidate_of(bank), evidence(), PARAMS)


class Slow(Bank):
    """Refuses large and deep bodies, large ones after these seconds."""

    def __init__(self, *seconds: float, answer: Answer | None = None) -> None:
        super().__init__()
        self.seconds, self.answer = list(seconds), answer

    def perform(self, prepared: Prepared) -> Answer:
        size = max((len(edit.value) for edit in prepared.edits if edit.kind == "body"), default=0)
        if size < 10_000:
            return super().perform(prepared)
        if size < 1_000_000:
            return self.no(400, "too-deep")
        answer = self.answer or self.no(413, "too-large")
        return replace(answer, exchange=replace(answer.exchange, elapsed_us=int(self.seconds.pop(0) * 1e6)))


def test_one_slow_refusal_may_be_chance() -> None:
    large(Slow(0.2))
    large(Slow(9.0, 0.2))


def test_refusals_that_are_always_late_are_found() -> None:
    with pytest.raises(Finding, match="before it is read and kept"):
        large(Slow(9.0, 8.0, 7.0))


@pytest.mark.parametrize(("answer", "raised"), [(CRASH, Finding), (BUSY, Inconclusive)])
def test_a_crash_or_a_429_turns_nothing_away(answer: Answer, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        large(Slow(0.1, answer=answer))
