"""The demo bank's users: roles, registered scopes, secrets and public keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from conformance.reference.keys import Seed, sm2_public

#: What a client of each role may ask a token for.
ROLE_SCOPES = {
    "customer": ("accounts", "payments", "consents", "notices"),
    "merchant": ("codes",),
    "admin": ("admin",),
    "regulator": ("supervisor",),
    "auditor": ("audit",),
}

#: User → roles.
ROLES: dict[str, tuple[str, ...]] = {
    "alice": ("customer",),
    "bob": ("customer",),
    "shop": ("customer", "merchant"),
    "signer": ("customer",),
    "signer-jws": ("customer",),
    "admin": ("admin",),
    "regulator": ("regulator",),
    "auditor": ("auditor",),
}

#: Users whose every request must be signed → by which scheme; a detached signature does for everyone.
SIGNERS = {"signer": "rfc9421", "signer-jws": "jws-detached"}

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A registered key for request signatures. ``public`` is bytes (04‖x‖y) for SM2."""

    keyid: str
    owner: str
    algorithm: str
    public: PublicKey


@dataclass(frozen=True)
class User:
    """One user, who is also an OAuth client of the same name."""

    name: str
    roles: frozenset[str]
    scopes: tuple[str, ...]
    secret: str
    assertion_key: ec.EllipticCurvePublicKey
    #: How every request must be signed, or "".
    must_sign: str = ""
    keys: tuple[SigningKey, ...] = field(default=())


class Users:
    """The registry; immutable, derived from the seed."""

    def __init__(self, seed: Seed) -> None:
        self._users = {name: _user(seed, name, roles) for name, roles in ROLES.items()}
        self._keys = {key.keyid: key for user in self._users.values() for key in user.keys}

    def get(self, name: str) -> User | None:
        """Return a user by name."""
        return self._users.get(name)

    def key(self, keyid: str) -> SigningKey | None:
        """Return a registered signing key by its id."""
        return self._keys.get(keyid)

    def names(self) -> tuple[str, ...]:
        """Return all user names."""
        return tuple(self._users)


@lru_cache(2)
def users_of(seed: Seed) -> Users:
    """Return the registry of a seed; its keys are dear to derive, so it is remembered."""
    return Users(seed)


def _user(seed: Seed, name: str, roles: tuple[str, ...]) -> User:
    scopes = tuple(scope for role in roles for scope in ROLE_SCOPES[role])
    return User(
        name=name,
        roles=frozenset(roles),
        scopes=scopes,
        secret=seed.password(f"client/{name}"),
        assertion_key=seed.p256(f"assertion/{name}").public_key(),
        must_sign=SIGNERS.get(name, ""),
        keys=_keys(seed, name),
    )


def _keys(seed: Seed, name: str) -> tuple[SigningKey, ...]:
    edwards = SigningKey(f"{name}-ed25519", name, "ed25519", seed.ed25519(f"sign/ed25519/{name}").public_key())
    nist = SigningKey(f"{name}-p256", name, "ecdsa-p256-sha256", seed.p256(f"sign/p256/{name}").public_key())
    if name not in SIGNERS:
        return (edwards, nist)
    return (edwards, nist, SigningKey(f"{name}-sm2", name, "sm2-sm3", sm2_public(seed.sm2(f"sign/sm2/{name}"))))
