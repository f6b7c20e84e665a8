"""Signed requests (RFC 9421): what was signed is what is done, by whom it was signed, now, and once.

The user ``signer`` is the client that must sign. Every altered request has a signed twin that was accepted.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    NotApplicable,
    NotTested,
    Prepared,
    accepted,
    check,
    expect,
    refused,
)
from conformance_security.declared import declared
from conformance_security.httpsig import Pattern, sign
from conformance_security.scene import AMOUNT, Rewriter, Scene, control, opened

#: A signature that does not hold is answered 401; 400 and 403 are the answers of gateways in front.
UNSIGNED = (400, 401, 403)
#: Headers that belong to one connection or one sending, and are not part of a replay.
_OF_THE_SENDING = frozenset(
    {"host", "content-length", "connection", "user-agent", "accept-encoding", "conformance-check", "conformance-run"}
)


@check("SEC-S01", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def unsigned_requests_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A client that must sign is answered 401 when it sends no signature."""
    scene, twin = _signed_scene(candidate, evidence)
    refused(
        scene.payment().after_signing(headers={"Signature": None, "Signature-Input": None}),
        twin=twin,
        state=scene.money,
        codes=UNSIGNED,
        because="the request carries no signature",
    )


@check("SEC-S02", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def a_changed_body_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A body changed after signing, under its old digest and signature, is answered 401."""
    scene, twin = _signed_scene(candidate, evidence)
    refused(
        scene.payment().after_signing(body=_raised),
        twin=twin,
        state=scene.money,
        codes=UNSIGNED,
        because="the body was changed under its old digest and signature",
    )


@check("SEC-S03", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def a_changed_body_with_its_digest_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A body changed after signing together with its digest, under the old signature, is answered 401."""
    scene, twin = _signed_scene(candidate, evidence)
    wire = Rewriter.of(scene).wire
    payment = scene.payment()
    body = wire.body(wire.minor(AMOUNT), str(payment.arguments["idempotency_key"]))
    digest = _digest_like(_sent(twin, "content-digest"), _raised(body))
    refused(
        payment.with_bytes(body).after_signing(body=_raised, headers={"Content-Digest": digest}),
        twin=twin,
        state=scene.money,
        codes=UNSIGNED,
        because="the body and its digest were changed under the old signature",
    )


@check("SEC-S04", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def method_path_and_query_are_signed(candidate: Candidate, evidence: Evidence) -> None:
    """Method, path, query and Authorization, each changed after signing, are answered 401."""
    signer = candidate.as_user("signer")
    mine, other = opened(signer, 1_00), opened(signer, 2_00)
    read = signer.prepare("accounts.balance", account=mine.id)
    twin = _signed(control(read.with_query("conformance", "1"), "a signed read with a query"))
    changed = {
        "query": read.after_signing(query={"conformance": "1"}),
        "path": read.after_signing(path=_path_of(signer, other.id)),
        "method": read.after_signing(method="PATCH"),
    }
    if candidate.offers("token"):
        token = accepted(signer.call("token"), "another token of the signer")["access_token"]
        changed["Authorization"] = read.after_signing(headers={"Authorization": f"Bearer {token}"})
    for component, request in changed.items():
        refused(request, twin=twin, because=f"its {component} was changed under the old signature")


@check("SEC-S06", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def another_clients_key_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """The signer's credentials under a valid signature by another client's registered key are answered 401.

    ``[declared.security.signing_keys]`` names keys by their ids; one that is not the signer's own is taken.
    """
    signer = candidate.as_user("signer")
    read = signer.prepare("accounts.balance", account=opened(signer, 1_00).id)
    twin = _signed(control(read, "a read signed by its caller"))
    pattern = _pattern(twin)
    keyid, pem = _own_key(candidate)
    control(
        _resigned(read, twin, pattern.renewed(keyid), pem), "the read signed anew, outside the driver, by its caller"
    )
    for keyid, pem in _foreign_keys(candidate):
        refused(
            _resigned(read, twin, pattern.renewed(keyid), pem),
            twin=twin,
            codes=UNSIGNED,
            because=f"it is signed by the key of another client, {keyid}",
        )


@check("SEC-S07", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def a_recorded_request_cannot_be_repeated(candidate: Candidate, evidence: Evidence) -> None:
    """A signed request sent again, byte for byte or under another idempotency key, has no second effect."""
    scene, _ = _signed_scene(candidate, evidence)
    payment = scene.payment()
    recorded = control(payment, "the signed payment that is recorded")
    before = scene.money()
    for attempt, what in (
        (_replayed(payment, recorded), "a recorded signed payment was sent again as it was"),
        (
            _replayed(payment, recorded, key=evidence.unique("key")),
            "a recorded signed payment was sent again under another idempotency key",
        ),
    ):
        answer = attempt.send()
        same = isinstance(answer, Accepted) and answer.value.get("id") == recorded.value.get("id")
        after = scene.money()
        expect(before == after, f"no second effect is allowed: {what}", expected=before, actual=after)
        expect(
            same or not isinstance(answer, Accepted),
            f"a replay must be refused or answered as before: {what}",
            expected="a refusal, or the first payment",
            actual="another payment",
        )
    if candidate.offers("consents.grant"):
        _replay_makes_no_second_consent(scene)


@check("SEC-S09", needs=("accounts.balance", "token"), hooks=("clock",), users=("signer",), effects=Effect.DISRUPTIVE)
def signatures_age_within_a_minute(candidate: Candidate, evidence: Evidence) -> None:
    """A signature 8 s old or ahead is accepted; one 75 s or an hour old, or 90 s ahead, is answered 401."""
    signer = candidate.as_user("signer")
    read = signer.prepare("accounts.balance", account=opened(signer, 1_00).id)
    _signed(control(read, "a signed read"))
    try:
        for offset in (8, -8):
            twin = control(_at(candidate, read, offset), f"a signature {_apart(offset)}")
        for offset in (75, 3_600, -90):
            refused(
                _at(candidate, read, offset),
                twin=twin,
                codes=UNSIGNED,
                because=f"its signature is {_apart(offset)}",
            )
    finally:
        candidate.hook("clock", offset_s=0)


# -- the signed twin ------------------------------------------------------------------------------------------------


def _signed_scene(candidate: Candidate, evidence: Evidence) -> tuple[Scene, Accepted]:
    scene = Scene.set(candidate.as_user("signer"), evidence)
    return scene, _signed(scene.paid())


def _signed(answer: Accepted) -> Accepted:
    """Return an answer whose request was signed; another scheme than RFC 9421 is not this chapter's."""
    if not _sent(answer, "signature") or not _sent(answer, "signature-input"):
        raise NotApplicable("the requests of the user signer are not signed by RFC 9421; see [users.signer.signing]")
    return answer


def _sent(answer: Accepted, name: str) -> str:
    return next((value for key, value in answer.exchange.request_headers.items() if key.lower() == name), "")


# -- other keys -----------------------------------------------------------------------------------------------------


def _pattern(answer: Accepted) -> Pattern:
    pattern = Pattern.read(_sent(answer, "signature-input"))
    if pattern is None:
        raise NotApplicable("the signer's Signature-Input holds more than one signature")
    return pattern


def _resigned(read: Prepared, twin: Accepted, pattern: Pattern, pem: str) -> Prepared:
    """Return the read with the twin's credentials, signed here by the key in ``pem``."""
    headers = twin.exchange.request_headers
    signature = sign(pem, pattern.base("GET", twin.exchange.url, headers))
    bare = read.without_credentials()
    for name in pattern.components:
        if not name.startswith("@"):
            bare = bare.with_header(name, _sent(twin, name))
    for name, value in pattern.headers(signature).items():
        bare = bare.with_header(name, value)
    return bare.with_header("Authorization", _sent(twin, "authorization"))


def _own_key(candidate: Candidate) -> tuple[str, str]:
    signing = candidate.file.users["signer"].get("signing", {})
    return str(signing.get("keyid", "")), _secret(signing.get("key"), "[users.signer.signing] key")


def _foreign_keys(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """Give key id and PEM of the declared keys of other clients: ``owner``, or the key id up to its last hyphen."""
    keys = declared(candidate, "signing_keys", {})
    found = {name: key for name, key in keys.items() if key.get("owner", name.rpartition("-")[0]) != "signer"}
    if not found:
        raise NotTested("declare another client's key under [declared.security.signing_keys]", blame="CONFIG")
    for name, key in found.items():
        yield name, _secret(key, f"[declared.security.signing_keys] {name}")


def _secret(reference: Any, where: str) -> str:
    """Reveal ``{ env = "NAME" }``; raises NotTested when the environment lacks it."""
    value = os.environ.get(str(reference.get("env", ""))) if isinstance(reference, Mapping) else None
    if not value:
        raise NotTested(f"{where} names no variable of the environment that holds a key", blame="CONFIG")
    return value


# -- changes --------------------------------------------------------------------------------------------------------


def _raised(body: bytes) -> bytes:
    """Return the body with the amount one minor unit higher."""
    raised = re.sub(rb"(?<![\w.-])12(\.?)37(?![\w.-])", rb"12\g<1>38", body)
    if raised == body:
        raise NotTested("the amount cannot be found in the body of the product's own request")
    return raised


def _digest_like(header: str, body: bytes) -> str:
    """Return a Content-Digest of ``body`` by the algorithm that the twin used (RFC 9530)."""
    for name, algorithm in (("sha-256", hashlib.sha256), ("sha-512", hashlib.sha512)):
        if header.startswith(f"{name}="):
            return f"{name}=:{base64.b64encode(algorithm(body).digest()).decode('ascii')}:"
    raise NotApplicable("signed requests carry no Content-Digest by SHA-256 or SHA-512")


def _path_of(candidate: Candidate, account: str) -> str:
    """Return the path, below the base URL, at which the product shows this account's balance."""
    answer = control(candidate.prepare("accounts.balance", account=account), "a signed read of the other account")
    return answer.exchange.url.removeprefix(candidate.file.base_url.rstrip("/"))


def _replayed(request: Prepared, recorded: Accepted, key: str = "") -> Prepared:
    """Return the recorded request as it was on the wire; with ``key``, under another idempotency key in its headers."""
    old = str(request.arguments.get("idempotency_key", ""))
    replay = request.without_credentials().with_bytes(recorded.exchange.request_body)
    for name, value in _kept(recorded.exchange.request_headers).items():
        replay = replay.with_header(name, value.replace(old, key) if key and old else value)
    return replay


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_SENDING}


def _replay_makes_no_second_consent(scene: Scene) -> None:
    """An operation without idempotency key shows best whether a signature can be used twice."""
    grant = scene.candidate.prepare(
        "consents.grant", account=scene.debtor.id, permissions=["accounts.balance"], expires_in=600
    )
    recorded = control(grant, "the signed consent that is recorded")
    answer = _replayed(grant, recorded).send()
    expect(
        not isinstance(answer, Accepted) or answer.value.get("id") == recorded.value.get("id"),
        "no second effect is allowed: a recorded signed consent was sent again as it was",
        expected="a refusal, or the first consent",
        actual="another consent",
    )


# -- time -----------------------------------------------------------------------------------------------------------


def _at(candidate: Candidate, read: Prepared, offset: int) -> Prepared:
    """Set the product's clock ``offset`` seconds from ours, and return the read with a token issued at that time.

    The harness signs by its own clock, so the product sees a signature that is ``offset`` seconds old. The token is
    a new one, so that only the signature is out of time.
    """
    candidate.hook("clock", offset_s=offset)
    token = accepted(candidate.as_user("signer").call("token"), "a token issued after the clock moved")["access_token"]
    return read.with_header("Authorization", f"Bearer {token}")


def _apart(offset: int) -> str:
    return f"{abs(offset)} s {'old' if offset > 0 else 'ahead'}"
