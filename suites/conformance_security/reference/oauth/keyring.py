"""The server's signing keys, one after the other: only the newest counts, and a retired one opens nothing."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from conformance.sdk import Host
from conformance_security.reference.oauth.clients import p256
from conformance_security.reference.oauth.jose import Claims, b64, ec_jwk, sign

SCHEMA = "CREATE TABLE IF NOT EXISTS oauth_keys (generation INTEGER PRIMARY KEY);"

_PREFIX = "as-"


class KeyRing:
    """Signs with the newest key. Which that is survives a restart; the keys themselves follow from the seed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._keys: dict[int, ec.EllipticCurvePrivateKey] = {}
        self._generation = 1

    def restart(self) -> None:
        """Go on with the key that the database names."""
        with self._host.db.reading() as connection:
            newest = connection.execute("SELECT MAX(generation) FROM oauth_keys").fetchone()[0]
        self._generation = newest or 1

    def rotate(self) -> str:
        """Retire the signing key at once and return the id of the new one."""
        with self._host.db.transaction() as connection:
            connection.execute("INSERT INTO oauth_keys VALUES (?)", (self._generation + 1,))
        self._generation += 1
        return self.kid

    @property
    def kid(self) -> str:
        """The id of the key that signs now."""
        return f"{_PREFIX}{self._generation}"

    def sign(self, kind: str, claims: Claims) -> str:
        """Return a token of the type ``kind``."""
        return sign(self._key(self._generation), {"typ": kind, "kid": self.kid}, claims)

    def public(self, kid: object) -> ec.EllipticCurvePublicKey | None:
        """Return the public key of an id that is in use, or None."""
        if kid == self.kid:
            return self._key(self._generation).public_key()
        retired = [number for number in range(1, self._generation) if kid == f"{_PREFIX}{number}"]
        if retired and self._host.faults.on("keys.rotation-ignored"):
            return self._key(retired[0]).public_key()
        return None

    def published(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set."""
        key = self._key(self._generation)
        shown = ec_jwk(key.public_key(), self.kid)
        if self._host.faults.on("oauth.private-key-published"):
            shown["d"] = b64(key.private_numbers().private_value.to_bytes(32, "big"))
        return {"keys": [shown]}

    def _key(self, generation: int) -> ec.EllipticCurvePrivateKey:
        if generation not in self._keys:
            self._keys[generation] = p256(self._host, f"oauth/server/{generation}")
        return self._keys[generation]
