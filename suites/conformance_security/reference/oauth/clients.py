"""The registered clients: how each proves itself, where its users come back to, and what it may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from conformance.sdk import Host
from conformance_security.reference.oauth.jose import PublicKey

#: Order of the group of P-256 (SEC 2): private keys lie below it.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

#: Scopes that this server knows. ``payments`` is registered for nobody here.
SCOPES = ("openid", "accounts", "payments")
_REGISTERED = ("openid", "accounts")

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Client:
    """A confidential client.

    ``method``: private_key_jwt or tls_client_auth. ``binding``: what its access tokens are bound to, dpop or mtls.
    ``subject``: the subject of its certificate (RFC 4514), for tls_client_auth. ``certificate``: which of the bank's
    client certificates its user has.
    """

    name: str
    method: str = "private_key_jwt"
    binding: str = "dpop"
    algorithm: str = "ES256"
    certificate: str = "first"
    signed_requests: bool = False
    scopes: tuple[str, ...] = _REGISTERED
    key: PublicKey | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """Its client_id."""
        return f"client-{self.name}"

    @property
    def kid(self) -> str:
        """The id of its key."""
        return f"{self.id}-1"

    @property
    def user(self) -> str:
        """Its user in the candidate file."""
        return f"oauth-{self.name}"

    @property
    def redirect_uri(self) -> str:
        """The one address that its users may be sent back to."""
        return f"https://client.example.com/{self.name}/cb"

    @property
    def subject(self) -> str:
        """The subject of its certificate."""
        return f"CN=client-{self.certificate}"

    @property
    def variable(self) -> str:
        """The environment variable that holds its private key."""
        return f"CONFORMANCE_DEMO_OAUTH_{self.name.upper()}_KEY"


_ROLES = (
    Client("first"),
    Client("second", algorithm="EdDSA", certificate="second"),
    Client("jar", certificate="second", signed_requests=True),
    Client("mtls", method="tls_client_auth", binding="mtls"),
)


def registry(host: Host) -> Mapping[str, Client]:
    """Return the clients by client_id, with their public keys."""
    return {client.id: replace(client, key=private_key(host, client).public_key()) for client in _ROLES}


def private_key(host: Host, client: Client) -> PrivateKey:
    """Return a client's own key, which the test environment gives to whoever plays that client."""
    if client.algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.from_private_bytes(host.seed(f"oauth/client/{client.name}"))
    return p256(host, f"oauth/client/{client.name}")


def p256(host: Host, name: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key that belongs to ``name``."""
    wide = int.from_bytes(host.seed(f"{name}/high") + host.seed(f"{name}/low"), "big")
    return ec.derive_private_key(wide % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def secrets_of(host: Host) -> dict[str, str]:
    """Return the clients' private keys as PEM, by environment variable."""
    form = serialization.PrivateFormat.PKCS8
    return {
        client.variable: private_key(host, client)
        .private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        .decode()
        for client in _ROLES
        if client.method == "private_key_jwt"
    }


def users_of() -> dict[str, dict[str, Any]]:
    """Return the users of the candidate file that have the clients' certificates."""
    return {client.user: _user(client) for client in _ROLES}


def declared_clients() -> dict[str, dict[str, Any]]:
    """Return ``[declared.security.oauth.clients]``."""
    return {client.name: _declared(client) for client in _ROLES}


def _user(client: Client) -> dict[str, Any]:
    file = f"client-{client.certificate}.pem"
    return {"scheme": "none", "client_id": client.id, "client_cert": file, "client_key": file}


def _declared(client: Client) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "client_id": client.id,
        "user": client.user,
        "redirect_uri": client.redirect_uri,
        "method": client.method,
        "binding": client.binding,
        "registered_scope": " ".join(client.scopes),
    }
    if client.method == "private_key_jwt":
        entry |= {"algorithm": client.algorithm, "kid": client.kid, "key": {"env": client.variable}}
    if client.signed_requests:
        entry["signed_requests"] = True
    return entry
