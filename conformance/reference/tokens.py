"""Access tokens: JWT of type ``at+jwt`` (RFC 9068), ES256, short-lived, revocable."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance.reference.board import ShiftableClock
from conformance.reference.database import SqliteDatabase
from conformance.reference.gullible import gullible
from conformance.reference.keys import Seed, b64, ec_jwk, public_pem, unb64
from conformance.sdk.reference import FaultBoard, Problem

SCHEMA = """
CREATE TABLE IF NOT EXISTS revoked_tokens (jti TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used_assertions (client TEXT, jti TEXT, expires INTEGER NOT NULL, PRIMARY KEY (client, jti))
    WITHOUT ROWID;
"""

#: Seconds an access token is valid.
LIFETIME_S = 900
#: Seconds a clock may run ahead of ours (FAPI 2.0 5.3.2.1: up to 10 s ahead is accepted).
SKEW_S = 10
#: Verified tokens kept, so that a busy client costs one signature check.
_CACHE_MAX = 4096

Claims = Mapping[str, Any]


class Tokens:
    """Issues, verifies and revokes access tokens. ``issuer`` is also the audience of this bank's API."""

    def __init__(
        self,
        seed: Seed,
        issuer: str,
        db: SqliteDatabase,
        clock: ShiftableClock,
        faults: FaultBoard,
        callable_hosts: tuple[str, ...] = (),
    ) -> None:
        self.issuer = issuer
        self._seed = seed
        self._db = db
        self._clock = clock
        self._faults = faults
        self._callable_hosts = callable_hosts
        self._verified: dict[str, Claims] = {}
        self._revoked: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """Start with the first signing key and the revocations that the database knows."""
        self._generation = 1
        self._verified.clear()
        with self._db.reading() as connection:
            self._revoked = {row["jti"] for row in connection.execute("SELECT jti FROM revoked_tokens")}

    # -- keys ---------------------------------------------------------------------------------------------

    @property
    def kid(self) -> str:
        """The id of the key that signs now."""
        return f"bank-{self._generation}"

    def key(self) -> ec.EllipticCurvePrivateKey:
        """Return the key that signs now."""
        return self._seed.p256(f"token/{self._generation}")

    def rotate(self) -> str:
        """Retire the signing key at once and return the id of the new one."""
        self._generation += 1
        self._verified.clear()
        return self.kid

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set."""
        private = self._faults.on("keys.private-published")
        return {"keys": [ec_jwk(self.key(), self.kid, private=private)]}

    # -- issuing ------------------------------------------------------------------------------------------

    def issue(
        self,
        user: str,
        scopes: tuple[str, ...],
        audience: str = "",
        claims: Claims | None = None,
        header: Claims | None = None,
    ) -> str:
        """Return a signed token; ``claims`` and ``header`` override members (None removes), for the test hook."""
        now = self._clock.epoch()
        body = {
            "iss": self.issuer, "aud": audience or self.issuer, "sub": user, "client_id": user, "iat": now,
            "exp": now + LIFETIME_S, "jti": secrets.token_urlsafe(16), "scope": " ".join(scopes),
        }  # fmt: skip
        head = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}
        signed = f"{_encoded({**head, **(header or {})})}.{_encoded({**body, **(claims or {})})}"
        return f"{signed}.{b64(es256(self.key(), signed.encode()))}"

    # -- verifying ----------------------------------------------------------------------------------------

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that is ours, intact, timely, for us and not revoked; else Problem(401)."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._intact(token)
            if len(self._verified) >= _CACHE_MAX:
                self._verified.clear()
            self._verified[digest] = claims
        self._require_current(claims)
        return claims

    def forget_verified(self) -> None:
        """Verify every token anew: what counts as intact has changed with the faults."""
        self._verified.clear()

    def _intact(self, token: str) -> Claims:
        try:
            head_text, body_text, signature_text = token.split(".")
            head, body = json.loads(unb64(head_text)), json.loads(unb64(body_text))
            signature = unb64(signature_text)
        except ValueError as error:
            raise unauthorized("The access token cannot be read.") from error
        if not isinstance(head, dict) or not isinstance(body, dict):
            raise unauthorized("The access token cannot be read.")
        if not self._signed(head, f"{head_text}.{body_text}".encode(), signature):
            raise unauthorized("The access token was not issued by this server.")
        return body

    def _signed(self, head: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
        algorithm = str(head.get("alg", ""))
        if self._faults.on("tokens.none-accepted") and (algorithm.lower() == "none" or not signature):
            return True
        if self._faults.on("tokens.algorithm-confused") and algorithm == "HS256":
            pem = public_pem(self.key().public_key())
            keys = (pem, pem.strip())
            return any(hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature) for key in keys)
        if any(trusted(signed, signature) for trusted in gullible(head, self._faults, self._callable_hosts)):
            return True
        if algorithm != "ES256" or head.get("typ") != "at+jwt" or head.get("kid") != self.kid or "crit" in head:
            return False
        return es256_valid(self.key().public_key(), signed, signature)

    def _require_current(self, claims: Claims) -> None:
        now, on = self._clock.epoch(), self._faults.on
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not on("tokens.expiry-unchecked") and (not isinstance(expires, int) or now >= expires):
            raise unauthorized("The access token has expired.")
        if not on("tokens.begin-unchecked") and (not isinstance(begins, int) or begins > now + SKEW_S):
            raise unauthorized("The access token is not valid yet.")
        if not on("tokens.audience-unchecked") and claims.get("aud") != self.issuer:
            raise unauthorized("The access token is for another service.")
        if not on("tokens.issuer-unchecked") and claims.get("iss") != self.issuer:
            raise unauthorized("The access token is of another issuer.")
        if not on("tokens.revocation-ignored") and claims.get("jti") in self._revoked:
            raise unauthorized("The access token was revoked.")

    # -- revoking -----------------------------------------------------------------------------------------

    def revoke(self, connection: sqlite3.Connection, claims: Claims) -> None:
        """Revoke a verified token inside a transaction."""
        jti, expires = str(claims.get("jti", "")), int(claims.get("exp", 0))
        connection.execute("INSERT OR IGNORE INTO revoked_tokens VALUES (?,?)", (jti, expires))
        self._revoked.add(jti)


def unauthorized(detail: str) -> Problem:
    """Return the 401 of the API, with the challenge of RFC 6750."""
    return Problem(401, "invalid-token", detail, {"WWW-Authenticate": 'Bearer realm="bank", error="invalid_token"'})


def es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the 64-byte ES256 signature r‖s (RFC 7518 3.4)."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def es256_valid(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Tell whether a 64-byte ES256 signature is good."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _encoded(value: Mapping[str, Any]) -> str:
    kept = {name: member for name, member in value.items() if member is not None}
    return b64(json.dumps(kept, separators=(",", ":")).encode())
