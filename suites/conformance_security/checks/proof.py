"""Non-repudiation: what the audit log keeps of a signed payment must prove it later, without the product's word."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    NotOffered,
    NotTested,
    check,
    expect,
)
from conformance_security.checks.audit import audited
from conformance_security.scene import Scene
from conformance_security.verifying import PublicKey, public_key_of, verifies

#: Texts of one record that are tried as signatures and as what was signed.
_TEXTS_MAX = 60


@check("SEC-D11", needs=("payments.create", "audit.list"), users=("signer", "auditor"), effects=Effect.MONEY)
def the_audit_proves_signed_payments(candidate: Candidate, evidence: Evidence) -> None:
    """The audit record of a signed payment holds what its client signed and the signature, which verifies offline.

    Every text of the record is tried as a signature of the client's public key over every other; the record needs no
    particular form. What was signed must lead to the payment's own body: it holds the body, or its digest beside it.
    """
    key = _key_of(candidate)
    paid = Scene.set(candidate.as_user("signer"), evidence).paid()
    payment = str(paid.value["id"])
    record = next((item for item in audited(candidate.as_user("auditor")) if payment in str(item)), None)
    expect(
        record is not None, "a signed payment must leave an audit record", expected=payment, actual="no record of it"
    )
    texts = texts_of(record)
    signed = signed_among(texts, key)
    expect(
        signed is not None,
        "the audit must keep the client's signature and what it was made over",
        expected="a signature that verifies under the client's public key",
        actual=f"none among the {len(texts)} texts of the record",
    )
    expect(
        signed is not None and leads_to(signed, paid.exchange.request_body, texts),
        "the audit must keep what was signed, not only its digest",
        expected="the body of the payment",
        actual="a signature over a digest of something that is not in the record",
    )
    evidence.note("proved offline", {"payment": payment, "signed bytes": len(signed or b"")})


def _key_of(candidate: Candidate) -> PublicKey:
    section = {**candidate.file.signing, **(candidate.file.users["signer"].get("signing") or {})}
    if not section:
        raise NotOffered("the client signs no requests")
    directory = candidate.file.path.parent if candidate.file.path else Path()
    key = public_key_of(section, directory)
    if key is None:
        raise NotTested("the public key of the user signer cannot be told from [users.signer] signing", blame="CONFIG")
    return key


def texts_of(record: Any) -> list[str]:
    """Return the distinct texts of a record, those inside JSON texts included."""
    return list(dict.fromkeys(_texts(record)))[:_TEXTS_MAX]


def signed_among(texts: list[str], key: PublicKey) -> bytes | None:
    """Return the text that another text is a valid signature over, or None."""
    values = _values(texts)
    return next((message for message in _messages(texts) for value in values if verifies(key, message, value)), None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in "{[":
            try:
                yield from _texts(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _values(texts: list[str]) -> list[bytes]:
    """Return everything that may be a signature: decoded texts of a likely length, and the last part of a JWS."""
    parts = [text.rpartition(".")[2] if text.count(".") == 2 else text for text in texts]
    return [value for part in parts for value in _decoded(part) if 48 <= len(value) <= 1024]


def _messages(texts: list[str]) -> list[bytes]:
    """Return everything that may have been signed: texts as they are, decoded, and without their JWS signature."""
    found = [text.encode() for text in texts if len(text) >= 16]
    found += [text.rpartition(".")[0].encode() for text in texts if text.count(".") == 2]
    found += [text.encode("latin-1") for text in texts if not text.isascii() and _latin(text)]
    return found + [value for text in texts for value in _decoded(text) if len(value) >= 16]


def _decoded(text: str) -> list[bytes]:
    bare = text.strip().rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    if not 16 <= len(bare) <= 16384:
        return []
    try:
        found = [base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)]
    except (binascii.Error, ValueError):
        found = []
    try:
        return [*found, bytes.fromhex(text)]
    except ValueError:
        return found


def _latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def leads_to(signed: bytes, body: bytes, texts: list[str]) -> bool:
    """Tell whether what was signed is about this body, and the record holds the body itself."""
    forms = (body, base64.urlsafe_b64encode(body).rstrip(b"="), base64.b64encode(body))
    if any(form in signed for form in forms):
        return True
    digest = hashlib.sha256(body).digest()
    bound = any(form in signed for form in (base64.b64encode(digest), digest.hex().encode()))
    held = body.decode("latin-1"), body.decode("utf-8", "replace"), *(form.decode() for form in forms[1:])
    return bound and any(text in held for text in texts)
