"""HTTP message signatures (RFC 9421), verified for users who must sign every request.

Written on its own, from the RFC: it shares no code with the signing that the harness does as a client.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from conformance.reference import detached
from conformance.reference.detached import refusal
from conformance.reference.registering import registered
from conformance.reference.sm2_verify import sm2_valid
from conformance.reference.tokens import es256_valid
from conformance.reference.users import SigningKey, User
from conformance.sdk.reference import FaultBoard, Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS nonces (keyid TEXT, nonce TEXT, created INTEGER NOT NULL, PRIMARY KEY (keyid, nonce))
    WITHOUT ROWID;
"""

#: Seconds that ``created`` may lie before or after our clock.
WINDOW_S = 60
#: The window under fault signature.window-day.
_DAY_S = 86_400
#: What JSON web signatures call the algorithms of registered keys.
_JWS_NAMES = {"ES256": "ecdsa-p256-sha256", "EdDSA": "ed25519", "SM2-SM3": "sm2-sm3"}
#: What a signature must cover; a body adds ``content-digest``.
REQUIRED = ("@method", "@target-uri", "authorization")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_INPUT = re.compile(r'([a-z][a-z0-9_-]*)=(\(((?:"[^"]+" ?)*)\)((?:;[a-z]+=(?:\d+|"[\x20-\x21\x23-\x5b\x5d-\x7e]*"))+))')
_PARAMETER = re.compile(r';([a-z]+)=(?:(\d+)|"([^"]*)")')
_VALUE = re.compile(r"([a-z][a-z0-9_-]*)=:([A-Za-z0-9+/]+={0,2}):")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]+={0,2}):")
_KNOWN_PARAMETERS = frozenset({"created", "expires", "nonce", "keyid", "alg", "tag"})


@dataclass(frozen=True, slots=True)
class Signed:
    """A parsed signature. ``raw`` is the inner list with parameters exactly as it was received."""

    components: tuple[str, ...]
    raw: str
    created: int
    keyid: str
    nonce: str
    algorithm: str
    expires: int | None
    value: bytes
    #: Fault signature.several-confused: a second signature, whose validity is taken for that of the first.
    other: Signed | None = None


class Verifier:
    """Checks that a request was signed by its caller, whole, now, and only once."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host

    async def require(self, request: Request, user: User, body: bytes) -> Mapping[str, Any] | None:
        """Verify the signature and return what proves it later (for the audit log); raises Problem(401)."""
        if self._host.faults.on("signature.skipped"):
            return None
        either = "signature-input" not in request.headers and detached.HEADER in request.headers
        if user.must_sign == "jws-detached" or either:
            return await self._require_detached(request, user, body)
        signed = self._parsed(request)
        self._require_covered(signed, body)
        self._require_timely(signed)
        key = self._key(signed, user)
        self._require_digest(request, signed, body)
        if not (body and self._host.faults.on("signature.digest-uncovered")):
            await self._require_valid(request, signed, key)
        await self._use_nonce(signed)
        if self._host.faults.on("audit.signature-dropped"):
            return {"keyid": signed.keyid, "verified": True}
        base = signature_base(request, signed)
        proof = {"keyid": signed.keyid, "base": base, "value": base64.b64encode(signed.value).decode()}
        return proof if self._host.faults.on("audit.content-dropped") else proof | {"content": body.decode("latin-1")}

    async def _require_detached(self, request: Request, user: User, body: bytes) -> Mapping[str, Any]:
        """Verify a detached JSON web signature over the body and what its protected header says of the request."""
        given, lenient = detached.parse(request), self._host.faults.on("signature.components-optional")
        detached.require_understood(given)
        detached.require_bound(given, request, target_uri(request), optional=lenient)
        moment, nonce = detached.created(given, self._host), given.text("jti")
        signed = Signed((), given.protected, moment, given.text("kid"), nonce, given.text("alg"), None, given.value)
        self._require_timely(signed)
        key = self._key(signed, user)
        base = detached.base(given, body)
        if not nonce or not await _valid(key, base, signed.value, self._host.faults):
            raise refusal("signature-invalid", "The signature does not verify.")
        await self._use_nonce(signed)
        return {"keyid": signed.keyid, "base": base.decode("latin-1"), "value": base64.b64encode(given.value).decode()}

    def _parsed(self, request: Request) -> Signed:
        faults = self._host.faults
        if faults.on("signature.several-confused") and "," in request.headers.get("signature-input", ""):
            return _confused(request)
        return parse(request, self._host.clock.epoch() if faults.on("signature.created-lenient") else None)

    def _require_covered(self, signed: Signed, body: bytes) -> None:
        if self._host.faults.on("signature.components-optional"):
            return
        wanted = (*REQUIRED, "content-digest") if body else REQUIRED
        if any(name not in signed.components for name in wanted):
            raise refusal("signature-incomplete", f"A signature must cover {', '.join(wanted)}.")

    def _require_timely(self, signed: Signed) -> None:
        window = _DAY_S if self._host.faults.on("signature.window-day") else WINDOW_S
        now = self._host.clock.epoch()
        if abs(now - signed.created) > window or (signed.expires is not None and now >= signed.expires):
            raise refusal("signature-stale", "The signature was not made now.")

    def _key(self, signed: Signed, user: User) -> SigningKey:
        key = self._host.users.key(signed.keyid) or registered(self._host, signed.keyid)
        if key is None or (key.owner != user.name and not self._host.faults.on("signature.keyid-unbound")):
            raise refusal("signature-key", "The key is not registered for this caller.")
        named = _JWS_NAMES.get(signed.algorithm, signed.algorithm)
        if named not in ("", key.algorithm) and not self._host.faults.on("signature.algorithm-ignored"):
            raise refusal("signature-algorithm", "The algorithm is not that of the registered key.")
        return key

    def _require_digest(self, request: Request, signed: Signed, body: bytes) -> None:
        if self._host.faults.on("signature.digest-unchecked"):
            return
        given = request.headers.getlist("content-digest")
        if not given and not body and "content-digest" not in signed.components:
            return
        match = _DIGEST.fullmatch(given[0].strip()) if len(given) == 1 else None
        if match is None or _unbase64(match.group(1)) != hashlib.sha256(body).digest():
            raise refusal("digest-mismatch", "Content-Digest is not the SHA-256 of the body.")

    async def _require_valid(self, request: Request, signed: Signed, key: SigningKey) -> None:
        for made in filter(None, (signed, signed.other)):
            for base in self._bases(request, made):
                if await _valid(key, base.encode("utf-8"), made.value, self._host.faults):
                    return
        raise refusal("signature-invalid", "The signature does not verify.")

    def _bases(self, request: Request, signed: Signed) -> Iterator[str]:
        """Give the signature base; under two faults also those of other requests."""
        yield signature_base(request, signed)
        if self._host.faults.on("signature.component-uncovered") or self._host.faults.on("signature.method-uncovered"):
            yield from (signature_base(request, signed, method=method) for method in _METHODS)
        if self._host.faults.on("signature.component-uncovered"):
            bare = target_uri(request).partition("?")[0]
            for method in _METHODS:
                yield signature_base(request, signed, method=method, target=bare)

    async def _use_nonce(self, signed: Signed) -> None:
        if self._host.faults.on("signature.nonce-off"):
            return
        timed = self._host.faults.on("signature.nonce-timed")
        nonce = f"{signed.nonce}@{signed.created}" if timed else signed.nonce
        oldest = self._host.clock.epoch() - 2 * WINDOW_S

        def job(connection: sqlite3.Connection) -> int:
            connection.execute("DELETE FROM nonces WHERE created < ?", (oldest,))
            row = (signed.keyid, nonce, signed.created)
            return connection.execute("INSERT OR IGNORE INTO nonces VALUES (?,?,?)", row).rowcount

        if not await self._host.db.write(job):
            if self._host.faults.on("signature.replay-crash"):
                raise Problem(500, "internal", "The request could not be served.")
            raise refusal("signature-replayed", "The nonce was used before.")


def parse(request: Request, lenient_at: int | None = None) -> Signed:
    """Return the one signature of a request; raises Problem(401) for none, several, or any other spelling.

    ``lenient_at`` (fault signature.created-lenient) is when a signature was made that does not rightly say so.
    """
    inputs, values = request.headers.getlist("signature-input"), request.headers.getlist("signature")
    if len(inputs) != 1 or len(values) != 1:
        raise refusal("signature-missing", "Exactly one signature is required.")
    match, value = _INPUT.fullmatch(inputs[0].strip()), _VALUE.fullmatch(values[0].strip())
    if match is None or value is None or match.group(1) != value.group(1):
        raise refusal("signature-malformed", "Signature-Input or Signature cannot be read.")
    parameters = _parameters(match.group(4))
    components = tuple(re.findall(r'"([^"]+)"', match.group(3)))
    if len(set(components)) != len(components) or not all(name == name.lower() for name in components):
        raise refusal("signature-malformed", "Components are repeated or not in lower case.")
    if lenient_at is not None and not isinstance(parameters.get("created"), int):
        parameters = {**parameters, "created": lenient_at}
    return _signed(components, match.group(2), parameters, _unbase64(value.group(2)))


def _confused(request: Request) -> Signed:
    """Fault signature.several-confused: the first of two is read, and either of them may be the valid one."""
    values = {label: _unbase64(text) for label, text in _VALUE.findall(request.headers["signature"])}
    both = [
        _signed(tuple(re.findall(r'"([^"]+)"', match.group(3))), match.group(2), _parameters(match.group(4)), value)
        for match in _INPUT.finditer(request.headers["signature-input"])
        if (value := values.get(match.group(1))) is not None
    ]
    if len(both) < 2:
        raise refusal("signature-malformed", "Signature-Input or Signature cannot be read.")
    return replace(both[0], other=both[1])


def _parameters(text: str) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for name, number, quoted in _PARAMETER.findall(text):
        if name in found or name not in _KNOWN_PARAMETERS:
            raise refusal("signature-malformed", "A signature parameter is repeated or unknown.")
        found[name] = int(number) if number else quoted
    return found


def _signed(components: tuple[str, ...], raw: str, parameters: Mapping[str, int | str], value: bytes) -> Signed:
    created, keyid, nonce = (parameters.get(name) for name in ("created", "keyid", "nonce"))
    algorithm, expires = parameters.get("alg", ""), parameters.get("expires")
    texts = isinstance(keyid, str) and isinstance(nonce, str) and isinstance(algorithm, str)
    if not isinstance(created, int) or not texts or not nonce or isinstance(expires, str):
        raise refusal("signature-malformed", "created, keyid and nonce are required.")
    return Signed(components, raw, created, str(keyid), str(nonce), str(algorithm), expires, value)


def target_uri(request: Request) -> str:
    """Return the absolute URI as the client wrote it (RFC 9421 2.2.2)."""
    path = request.scope.get("raw_path", request.scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{request.url.scheme}://{request.headers.get('host', '')}{path}" + (f"?{query}" if query else "")


def signature_base(request: Request, signed: Signed, *, method: str = "", target: str = "") -> str:
    """Return the text that was signed (RFC 9421 2.5); ``method`` and ``target`` replace the request's own."""
    lines = [f'"{name}": {_component(request, name, method, target)}' for name in signed.components]
    return "\n".join([*lines, f'"@signature-params": {signed.raw}'])


def _component(request: Request, name: str, method: str, target: str) -> str:
    uri = target or target_uri(request)
    path, _, query = uri.partition("://")[2].partition("/")[2].partition("?")
    derived = {
        "@method": method or request.method,
        "@target-uri": uri,
        "@authority": request.headers.get("host", "").lower(),
        "@scheme": request.url.scheme,
        "@path": "/" + path,
        "@query": "?" + query,
    }
    if name.startswith("@"):
        if name not in derived:
            raise refusal("signature-malformed", "A covered component is unknown.")
        return derived[name]
    values = request.headers.getlist(name)
    if not values:
        raise refusal("signature-invalid", "A covered header is missing.")
    return ", ".join(value.strip() for value in values)


async def _valid(key: SigningKey, message: bytes, value: bytes, faults: FaultBoard) -> bool:
    if isinstance(key.public, bytes):
        return await run_in_threadpool(sm2_valid, key.public, message, value, faults)
    if isinstance(key.public, ec.EllipticCurvePublicKey):
        return es256_valid(key.public, message, value)
    return _ed25519_valid(key.public, message, value)


def _ed25519_valid(key: ed25519.Ed25519PublicKey, message: bytes, value: bytes) -> bool:
    try:
        key.verify(value, message)
    except InvalidSignature:
        return False
    return True


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise refusal("signature-malformed", "Base64 cannot be read.") from error
