"""The audit log: what each transfer leaves there, and whether anybody can change it unseen.

Records are changed through the hook ``inject`` (kind ``audit-tamper``), as an intruder with the database would, and put
back afterwards, so that the next check finds the log as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    accepted,
    check,
    expect,
)
from conformance_security.scene import Scene

#: Records of the audit log asked for at once.
PAGE = 200
#: What a record must name.
MEMBERS = ("actor", "at", "hash", "signature")
NEEDS = ("payments.create", "audit.list", "audit.verify")


@check("SEC-D10", needs=NEEDS, users=("auditor",), effects=Effect.DESTRUCTIVE)
def transfers_leave_an_unalterable_record(candidate: Candidate, evidence: Evidence) -> None:
    """Each transfer leaves an audit record with actor, time, hash and signature; altering one record is detected."""
    record = _record_of_a_payment(candidate, evidence)
    missing = [name for name in MEMBERS if not record.get(name)]
    expect(
        not missing,
        "an audit record must name actor, time, hash and signature",
        expected=", ".join(MEMBERS),
        actual=f"without {', '.join(missing)}",
    )
    _must_be_detected(candidate, evidence, record, "alter", "an altered audit record must be detected")


@check(
    "SEC-D10.deletion",
    requirement="SEC-D10",
    needs=NEEDS,
    users=("auditor",),
    hooks=("inject",),
    effects=Effect.DESTRUCTIVE,
)
def deleted_records_are_missed(candidate: Candidate, evidence: Evidence) -> None:
    """Deleting the record of a transfer is detected, although every record that is left is as it was.

    Another transfer follows first, so that the record is not the last one: what a log knows of its end is another
    matter.
    """
    record = _record_of_a_payment(candidate, evidence)
    Scene.set(candidate, evidence).paid()
    _must_be_detected(candidate, evidence, record, "delete", "a deleted audit record must be detected")


@check(
    "SEC-D10.signature",
    requirement="SEC-D10",
    needs=NEEDS,
    users=("auditor",),
    hooks=("inject",),
    effects=Effect.DESTRUCTIVE,
)
def hashes_alone_prove_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """Altering a record is detected even where all hashes were made to fit: the signature is verified too.

    Whoever can write to the database can compute hashes; what he has not is the key.
    """
    record = _record_of_a_payment(candidate, evidence)
    message = "an audit record altered together with all hashes must be detected by its signature"
    _must_be_detected(candidate, evidence, record, "forge", message)


def audited(auditor: Candidate) -> Iterator[dict[str, Any]]:
    """Give every record of the audit log, page by page."""
    cursor: str | None = None
    for _ in range(1_000):
        page = accepted(auditor.call("audit.list", cursor=cursor, limit=PAGE), "a page of the audit log")
        yield from page.get("items", ())
        cursor = page.get("next")
        if not cursor:
            return


def _record_of_a_payment(candidate: Candidate, evidence: Evidence) -> dict[str, Any]:
    """Make a payment and return its audit record; a Finding if there is none."""
    payment = str(Scene.set(candidate, evidence).paid().value["id"])
    record = next((item for item in audited(candidate.as_user("auditor")) if payment in str(item)), None)
    expect(record is not None, "every transfer must leave an audit record", expected=payment, actual="no record of it")
    return record or {}


def _must_be_detected(
    candidate: Candidate, evidence: Evidence, record: dict[str, Any], action: str, message: str
) -> None:
    """Change a record behind the log's back and require that the log notices."""
    if not _valid(candidate, "before anything was changed"):
        raise Inconclusive(
            "positive control: the audit log does not verify before anything was altered; if another check altered it, "
            "let the hook 'inject' put records back (action = \"restore\")"
        )
    if "inject" not in candidate.file.hooks:
        raise NotTested("hook 'inject' is not declared in candidate.toml, so no record can be altered")
    with _tampered(candidate, evidence, record, action):
        valid = _valid(candidate, "after a record was changed")
    expect(not valid, message, expected="valid: false", actual="valid: True")


def _valid(candidate: Candidate, when: str) -> bool:
    verdict = accepted(candidate.as_user("auditor").call("audit.verify"), f"verifying the audit log {when}")
    return verdict.get("valid") is True


@contextmanager
def _tampered(candidate: Candidate, evidence: Evidence, record: dict[str, Any], action: str) -> Iterator[None]:
    """Change a record for as long as the context lasts; a hook that cannot put it back is noted."""
    seq = record.get("seq")
    candidate.hook("inject", kind="audit-tamper", seq=seq, action=action)
    try:
        yield
    finally:
        try:
            candidate.hook("inject", kind="audit-tamper", seq=seq, action="restore")
        except Inconclusive as error:
            evidence.note("the record was not put back", error.reason)
