"""Signing keys that clients register for themselves: each belongs to its caller, and lies on its curve."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.keys import unb64
from conformance.reference.users import PublicKey, SigningKey
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS signing_keys (keyid TEXT PRIMARY KEY, owner TEXT NOT NULL, algorithm TEXT NOT NULL,
    x BLOB NOT NULL, y BLOB NOT NULL) WITHOUT ROWID;
"""

#: What may be registered: algorithm → curve of the key.
_CURVES = {"sm2-sm3": "SM2", "ecdsa-p256-sha256": "P-256"}
#: The field and the coefficients of the SM2 curve (GB/T 32918.5).
_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93


def routes(host: ReferenceHost) -> list[Route]:
    """Return the route of registrations."""

    async def register(request: Request) -> Response:
        principal = host.principal(request)
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("keyid", "algorithm", "jwk"))
        keyid = strict.text(body, "keyid", max_length=64)
        algorithm = strict.text(body, "algorithm", max_length=32)
        x, y = _point(body.get("jwk"), algorithm)
        if not host.faults.on("sm2.curve-unchecked"):
            _require_on_curve(algorithm, x, y)
        if host.users.key(keyid) is not None:
            raise Problem(409, "key-known", "This key id is taken.")
        row = (keyid, principal.user, algorithm, x, y)
        if not await host.db.write(lambda connection: _kept(connection, row)):
            raise Problem(409, "key-known", "This key id is taken.")
        return answer({"id": keyid}, 201)

    return [Route("/keys", register, methods=["POST"])]


def registered(host: ReferenceHost, keyid: str) -> SigningKey | None:
    """Return a key that a client registered, or None."""
    with host.db.reading() as connection:
        row = connection.execute("SELECT * FROM signing_keys WHERE keyid = ?", (keyid,)).fetchone()
    if row is None:
        return None
    public: PublicKey = b"\x04" + row["x"] + row["y"]
    if row["algorithm"] != "sm2-sm3":
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + row["x"] + row["y"])
    return SigningKey(keyid, row["owner"], row["algorithm"], public)


def _kept(connection: sqlite3.Connection, row: tuple[str, str, str, bytes, bytes]) -> int:
    return connection.execute("INSERT OR IGNORE INTO signing_keys VALUES (?,?,?,?,?)", row).rowcount


def _point(jwk: Any, algorithm: str) -> tuple[bytes, bytes]:
    """Return the coordinates of a public key as a JWK holds them (RFC 7518 6.2.1)."""
    known = isinstance(jwk, Mapping) and jwk.get("kty") == "EC" and jwk.get("crv") == _CURVES.get(algorithm, "")
    if not known:
        raise Problem(422, "invalid-key", "A key is an EC JWK on the curve of its algorithm: SM2 or P-256.")
    try:
        x, y = (unb64(str(jwk[name])) for name in ("x", "y"))
    except (KeyError, ValueError) as error:
        raise Problem(422, "invalid-key", "The coordinates cannot be read.") from error
    if "d" in jwk or len(x) != 32 or len(y) != 32:
        raise Problem(422, "invalid-key", "A public key has two coordinates of 32 bytes, and nothing secret.")
    return x, y


def _require_on_curve(algorithm: str, x_bytes: bytes, y_bytes: bytes) -> None:
    x, y = int.from_bytes(x_bytes, "big"), int.from_bytes(y_bytes, "big")
    if algorithm == "sm2-sm3":
        on_curve = x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0
    else:
        on_curve = _is_nist_point(x, y)
    if not on_curve:
        raise Problem(422, "invalid-key", "The point does not lie on the curve.")


def _is_nist_point(x: int, y: int) -> bool:
    try:
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        return False
    return True
