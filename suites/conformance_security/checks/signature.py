"""Signed requests: what was signed is what is done, by whom it was signed, now, and once.

The user ``signer`` is the client that must sign: by HTTP message signatures (RFC 9421), detached JSON web signatures,
or keyed hashes. Every altered request has a signed twin that was accepted.
"""

from __future__ import annotations

import re

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
    unthrottled,
)
from conformance_security.detached import Detached
from conformance_security.heard import decided
from conformance_security.httpsig import Pattern
from conformance_security.scene import AMOUNT, Rewriter, Scene, control, opened
from conformance_security.signers import UNSIGNED, Genuine, digest_like, foreign_keys, replayed, scheme_of, sent


@check("SEC-S01", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def unsigned_requests_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A client that must sign is answered 401 when it sends no signature."""
    scene, twin = _signed_scene(candidate, evidence)
    refused(
        scene.payment().after_signing(headers=dict.fromkeys(scheme_of(candidate, twin).carriers)),
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
    if isinstance(scheme_of(candidate, twin), Detached):
        raise NotApplicable("a detached JWS is made over the body itself, not over a digest; SEC-S02 tests that")
    wire = Rewriter.of(scene).wire
    payment = scene.payment()
    body = wire.body(wire.minor(AMOUNT), str(payment.arguments["idempotency_key"]))
    digest = digest_like(sent(twin, "content-digest"), _raised(body))
    refused(
        payment.with_bytes(body).after_signing(body=_raised, headers={"Content-Digest": digest}),
        twin=twin,
        state=scene.money,
        codes=UNSIGNED,
        because="the body and its digest were changed under the old signature",
    )


@check("SEC-S04", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def method_path_and_query_are_signed(candidate: Candidate, evidence: Evidence) -> None:
    """Method, path, query and Authorization, each changed after signing, are answered 401.

    A method that the path does not have is refused before anybody looks at a signature. So the reading of a consent is
    turned into its revocation, where both have one address; else another method counts if it is not answered 404, 405
    or 501.
    """
    signer = candidate.as_user("signer")
    mine, other = opened(signer, 1_00), opened(signer, 2_00)
    read = signer.prepare("accounts.balance", account=mine.id)
    twin = control(read.with_query("conformance", "1"), "a signed read with a query")
    scheme = scheme_of(candidate, twin)
    if not isinstance(scheme, Pattern) and not scheme.ties:
        raise NotApplicable("the signatures of this API are made over the body alone, by its specification")
    changed = {
        "query": read.after_signing(query={"conformance": "1"}),
        "path": read.after_signing(path=_path_of(signer, other.id)),
    }
    if candidate.offers("token"):
        token = accepted(signer.call("token"), "another token of the signer")["access_token"]
        changed["Authorization"] = read.after_signing(headers={"Authorization": f"Bearer {token}"})
    uncovered = set() if isinstance(scheme, Pattern) else {*changed, "method"} - scheme.ties
    for component in sorted(uncovered):
        evidence.note("not covered by the signatures of this API", component)
    for component, request in changed.items():
        if component not in uncovered:
            _refuse_changed(request, twin, component)
    if "method" not in uncovered and not _revocation_is_refused(signer, mine.id):
        _refuse_another_method(read, twin)


@check("SEC-S06", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def another_clients_key_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """The signer's credentials under a valid signature by another client's registered key are answered 401.

    ``[declared.security.signing_keys]`` names keys by their ids; one that is not the signer's own is taken.
    """
    genuine = Genuine.read(candidate)
    for key in foreign_keys(candidate):
        refused(
            genuine.by(key).resigned(genuine.renewed(key)),
            twin=genuine.answer,
            codes=UNSIGNED,
            because=f"it is signed by the key of another client, {key.keyid}",
        )


@check("SEC-S07", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def a_recorded_request_cannot_be_repeated(candidate: Candidate, evidence: Evidence) -> None:
    """A signed request sent again, byte for byte or under another idempotency key, has no second effect."""
    scene, _ = _signed_scene(candidate, evidence)
    payment = scene.payment()
    recorded = control(payment, "the signed payment that is recorded")
    before = scene.money()
    for attempt, what in (
        (replayed(payment, recorded), "a recorded signed payment was sent again as it was"),
        (
            replayed(payment, recorded, key=evidence.unique("key")),
            "a recorded signed payment was sent again under another idempotency key",
        ),
    ):
        answer = decided(attempt, what)
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
    scheme_of(candidate, control(read, "a signed read"))
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
    twin = scene.paid()
    scheme_of(candidate, twin)
    return scene, twin


# -- changes --------------------------------------------------------------------------------------------------------


def _raised(body: bytes) -> bytes:
    """Return the body with the amount one minor unit higher."""
    raised = re.sub(rb"(?<![\w.-])12(\.?)37(?![\w.-])", rb"12\g<1>38", body)
    if raised == body:
        raise NotTested("the amount cannot be found in the body of the product's own request")
    return raised


def _path_of(candidate: Candidate, account: str) -> str:
    """Return the path, below the base URL, at which the product shows this account's balance."""
    answer = control(candidate.prepare("accounts.balance", account=account), "a signed read of the other account")
    return answer.exchange.url.removeprefix(candidate.file.base_url.rstrip("/"))


def _refuse_changed(request: Prepared, twin: Accepted, component: str) -> None:
    refused(request, twin=twin, codes=UNSIGNED, because=f"its {component} was changed under the old signature")


def _refuse_another_method(read: Prepared, twin: Accepted) -> None:
    """Require a refusal of the signature; raises NotTested where the path has no other method to be confused with."""
    request = read.after_signing(method="PATCH")
    status = unthrottled(request.send()).exchange.status
    if status in (404, 405, 501):
        raise NotTested(
            f"the method alone: PATCH was answered {status}, which says nothing about the signature; "
            "map consents.grant, consents.read and consents.revoke, if the last two have one address"
        )
    _refuse_changed(request, twin, "method")


def _revocation_is_refused(signer: Candidate, account: str) -> bool:
    """Turn the signed reading of a consent into its revocation; False where the product has no such pair."""
    if not all(signer.offers(f"consents.{verb}") for verb in ("grant", "read", "revoke")):
        return False
    grant = {"account": account, "permissions": ["accounts.balance"], "expires_in": 600}
    consent = accepted(signer.call("consents.grant", **grant), "granting a consent to be read")["id"]
    read = signer.prepare("consents.read", consent=consent)
    twin = control(read, "a signed reading of a consent")
    try:
        revoke = signer.wire(signer.prepare("consents.revoke", consent=consent))
    except NotTested:  # a revocation of several calls, or not over HTTP
        return False
    if revoke.body or revoke.url != twin.exchange.url or revoke.method == twin.exchange.method:
        return False
    _refuse_changed(read.after_signing(method=revoke.method), twin, "method")
    return True


def _replay_makes_no_second_consent(scene: Scene) -> None:
    """An operation without idempotency key shows best whether a signature can be used twice."""
    grant = scene.candidate.prepare(
        "consents.grant", account=scene.debtor.id, permissions=["accounts.balance"], expires_in=600
    )
    recorded = control(grant, "the signed consent that is recorded")
    answer = decided(replayed(grant, recorded), "a recorded signed consent was sent again as it was")
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
