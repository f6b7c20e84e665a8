"""Signed requests of the user ``signer``: the genuine ones, and others like them that are signed here.

What a product is asked with is the driver's own request; only the headers that carry credentials, digest and signature
are put in its place after the driver has signed, so that everything else stays as the product knows it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.sdk import Accepted, Candidate, Evidence, NotApplicable, NotOffered, NotTested, Prepared
from conformance_security import sm2
from conformance_security.declared import declared
from conformance_security.detached import Detached
from conformance_security.httpsig import Message, Pattern
from conformance_security.keyed import Keyed
from conformance_security.scene import Scene, control, opened
from conformance_security.signing_keys import SigningKey

#: A signature that does not hold is answered 401; 400 and 403 are the answers of gateways in front.
UNSIGNED = (400, 401, 403)
#: Headers that belong to one connection or one sending, and are not part of a replay.
_OF_THE_SENDING = frozenset(
    {"host", "content-length", "connection", "user-agent", "accept-encoding", "conformance-check", "conformance-run"}
)
#: Headers that detached JSON web signatures are sent in, beside the one that the candidate file names.
_JWS_HEADERS = ("x-jws-signature", "x-request-signature", "jws-signature")

Scheme = Pattern | Detached | Keyed


@dataclass(frozen=True, slots=True)
class Genuine:
    """A signed request that was accepted: how it was signed, and by which key."""

    request: Prepared
    answer: Accepted
    scheme: Scheme
    key: SigningKey

    @classmethod
    def of(cls, candidate: Candidate, request: Prepared) -> Genuine:
        """Send the signer's request as the positive control and read how it was signed."""
        answer = control(request, f"{request.operation} signed by its caller")
        return cls(request, answer, scheme_of(candidate, answer), own_key(candidate))

    @classmethod
    def read(cls, candidate: Candidate, key: SigningKey | None = None) -> Genuine:
        """Make a harmless signed read of an account of the signer, and check that signing it here is accepted too.

        ``key`` is another key of the signer's own to sign with.
        """
        signer = candidate.as_user("signer")
        genuine = cls.of(candidate, signer.prepare("accounts.balance", account=opened(signer, 1_00).id))
        genuine = genuine.by(key) if key else genuine
        control(genuine.resigned(genuine.renewed()), "the read signed anew, outside the driver")
        return genuine

    @classmethod
    def payment(cls, candidate: Candidate, evidence: Evidence) -> tuple[Genuine, Scene]:
        """Make a signed payment, and check that another one signed here is accepted too."""
        scene = Scene.set(candidate.as_user("signer"), evidence)
        genuine = cls.of(candidate, scene.payment())
        control(genuine.another(evidence), "another payment signed anew, outside the driver")
        return genuine, scene

    def renewed(self, key: SigningKey | None = None, **given: Any) -> Scheme:
        """Return the scheme made now, by the caller's own key unless another is given."""
        return self.scheme.renewed(key or self.key, **given)

    def by(self, key: SigningKey) -> Genuine:
        """Return the same request as signed by another key."""
        return replace(self, key=key)

    def another(self, evidence: Evidence, scheme: Scheme | None = None) -> Prepared:
        """Return the same order under an idempotency key of its own, signed here."""
        return self.resigned(scheme or self.renewed(), idempotency_key=evidence.unique("key"))

    def resigned(
        self, scheme: Scheme, sign: Callable[[bytes], bytes] | None = None, *, idempotency_key: str = ""
    ) -> Prepared:
        """Return the request under a signature of this scheme, made here; ``sign`` replaces the key's own."""
        message = self.message(idempotency_key)
        request = self.request
        if idempotency_key:
            request = request.with_arguments(idempotency_key=idempotency_key)
        if message.body:
            request = request.with_bytes(message.body)
        headers = _kept(message.headers) | scheme.signed(message, sign or self.key.sign)
        return request.after_signing(headers=headers)

    def message(self, idempotency_key: str = "") -> Message:
        """Return the accepted request as it was on the wire, under another idempotency key if one is given."""
        exchange, old = self.answer.exchange, str(self.request.arguments.get("idempotency_key", ""))
        body, headers = exchange.request_body, dict(exchange.request_headers)
        if idempotency_key and old:
            body = body.replace(old.encode(), idempotency_key.encode())
            headers = {name: value.replace(old, idempotency_key) for name, value in headers.items()}
        for name, value in headers.items():
            if name.lower() == "content-digest":
                headers[name] = digest_like(value, body)
        return Message(exchange.method, exchange.url, headers, body)


# -- how a request was signed ---------------------------------------------------------------------------------------


def scheme_of(candidate: Candidate, answer: Accepted) -> Scheme:
    """Return how an accepted request was signed; raises NotOffered for no signature, NotTested for other schemes."""
    if sent(answer, "signature-input"):
        pattern = Pattern.read(sent(answer, "signature-input"))
        if pattern is None:
            raise NotTested("the signer's Signature-Input holds more than one signature: forge which?", blame="CONFIG")
        return pattern
    exchange = answer.exchange
    message = Message(exchange.method, exchange.url, exchange.request_headers, exchange.request_body)
    if settings := _hmac(candidate):
        found_hash = Keyed.read(settings, message)
        if found_hash is not None:
            return found_hash
    for header in (str(_signing(candidate).get("header", "")), *_JWS_HEADERS):
        found = Detached.read(header, sent(answer, header.lower()), message) if header else None
        if found is not None:
            return found
    if _signing(candidate):
        raise NotTested(
            "the requests of the user signer are signed neither by RFC 9421 nor by a detached JWS; "
            "see [users.signer.signing]",
            blame="CONFIG",
        )
    raise NotOffered("the requests of the user signer are not signed; see [users.signer.signing]")


def sent(answer: Accepted, name: str) -> str:
    """Return a header of the request of an answer by its lower-case name, or ""."""
    return next((value for key, value in answer.exchange.request_headers.items() if key.lower() == name), "")


def digest_like(header: str, body: bytes) -> str:
    """Return a Content-Digest of ``body`` by the algorithm that ``header`` uses (RFC 9530)."""
    for name, algorithm in (("sha-256", hashlib.sha256), ("sha-512", hashlib.sha512)):
        if header.startswith(f"{name}="):
            return f"{name}=:{base64.b64encode(algorithm(body).digest()).decode('ascii')}:"
    raise NotApplicable("signed requests carry no Content-Digest by SHA-256 or SHA-512")


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_SENDING}


def replayed(request: Prepared, recorded: Accepted, key: str = "") -> Prepared:
    """Return the recorded request as it was on the wire; with ``key``, under another idempotency key in its headers."""
    old = str(request.arguments.get("idempotency_key", ""))
    replay = request.without_credentials().with_bytes(recorded.exchange.request_body)
    for name, value in _kept(recorded.exchange.request_headers).items():
        replay = replay.with_header(name, value.replace(old, key) if key and old else value)
    return replay


# -- keys -----------------------------------------------------------------------------------------------------------


def own_key(candidate: Candidate) -> SigningKey:
    """Return the key that the driver signs with for the user signer."""
    if settings := _hmac(candidate):
        secret = _secret(candidate, settings.get("key"), "[users.signer] key")
        return SigningKey(str(settings.get("key_id", "")), secret, f"keyed-{settings.get('hash', 'sha256')}")
    signing = _signing(candidate)
    return _key(candidate, str(signing.get("keyid", "")), signing, signing.get("key"), "[users.signer.signing] key")


def sm2_key(candidate: Candidate) -> SigningKey:
    """Return an SM2 key of the user signer: the driver's own, or a declared one.

    Raises NotTested without any, and NotApplicable where the file says ``sm2 = false`` under ``[declared.security]``.
    """
    if declared(candidate, "sm2", True) is False:
        raise NotApplicable("candidate.toml declares that the product takes no SM2 signatures")
    own = _signing(candidate)
    if own.get("algorithm") in ("sm2-sm3", "SM2-SM3"):
        return own_key(candidate)
    for name, key, owner in _declared_keys(candidate):
        if owner == "signer" and key.get("algorithm") == "sm2-sm3":
            return _key(candidate, name, key, key, f"[declared.security.signing_keys] {name}")
    raise NotTested(
        'the user signer has no SM2 key; declare it under [declared.security.signing_keys] with algorithm "sm2-sm3"',
        blame="CONFIG",
    )


def foreign_keys(candidate: Candidate) -> Iterator[SigningKey]:
    """Give the declared keys of other clients: ``owner`` says whose, or the key id up to its last hyphen."""
    if _hmac(candidate):
        raise NotApplicable("the key tells who asks: whoever uses another one is another client; see SEC-Z01")
    found = [(name, key) for name, key, owner in _declared_keys(candidate) if owner != "signer"]
    if not found:
        raise NotTested("declare another client's key under [declared.security.signing_keys]", blame="CONFIG")
    for name, key in found:
        yield _key(candidate, name, key, key, f"[declared.security.signing_keys] {name}")


def _declared_keys(candidate: Candidate) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for name, key in declared(candidate, "signing_keys", {}).items():
        yield name, key, str(key.get("owner", name.rpartition("-")[0]))


def _signing(candidate: Candidate) -> Mapping[str, Any]:
    own = candidate.file.users["signer"].get("signing")
    return {**candidate.file.signing, **own} if isinstance(own, Mapping) else candidate.file.signing


def _hmac(candidate: Candidate) -> Mapping[str, Any]:
    """Return the settings of a signer that authenticates by a keyed hash and has no other signature, else nothing."""
    settings = {**candidate.file.auth, **candidate.file.users["signer"]}
    own = settings.pop("auth", None)
    settings |= own if isinstance(own, Mapping) else {}
    return settings if settings.get("scheme") == "hmac" and not _signing(candidate) else {}


def _key(candidate: Candidate, keyid: str, settings: Mapping[str, Any], reference: Any, where: str) -> SigningKey:
    user = str(settings.get("user_id", "")).encode() or sm2.DEFAULT_USER
    secret = _secret(candidate, reference, where)
    return SigningKey(keyid, secret, str(settings.get("algorithm", "")), user)


def _secret(candidate: Candidate, reference: Any, where: str) -> str:
    """Reveal ``{ env = "NAME" }`` or ``{ file = "path" }``; raises NotTested where neither leads to anything."""
    named = reference if isinstance(reference, Mapping) else {}
    value = os.environ.get(str(named.get("env", "")), "")
    if "file" in named and candidate.file.path:
        path = candidate.file.path.parent / str(named["file"])
        value = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if not value:
        raise NotTested(f"{where} names neither a variable nor a file that holds a key", blame="CONFIG")
    return value
