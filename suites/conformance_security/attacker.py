"""The attacker's own key: nobody registered it, and every form in which a token can offer it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conformance_security.oauth.keys import SigningKey

#: Whom the certificate names.
_SUBJECT = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "attacker.example.com")])


@lru_cache(maxsize=4)
def attacker_key(algorithm: str) -> SigningKey:
    """Return a key of the attacker's for an algorithm, one for all checks of a run; ES256 for algorithms not known."""
    if algorithm in ("RS256", "PS256"):
        return SigningKey(rsa.generate_private_key(65537, 2048), algorithm, "attacker")
    if algorithm == "EdDSA":
        return SigningKey(ed25519.Ed25519PrivateKey.generate(), algorithm, "attacker")
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "attacker")


def certificate(key: SigningKey) -> x509.Certificate:
    """Return a certificate that the attacker gave itself."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_SUBJECT)
        .issuer_name(_SUBJECT)
        .public_key(key.private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    return builder.sign(key.private, None if key.algorithm == "EdDSA" else hashes.SHA256())


def x5c(key: SigningKey) -> list[str]:
    """Return the certificate as the header member ``x5c`` holds it (RFC 7515 4.1.6)."""
    return [base64.b64encode(certificate(key).public_bytes(serialization.Encoding.DER)).decode("ascii")]


def key_set(key: SigningKey, *kids: str) -> bytes:
    """Return a key set (RFC 7517 5) that holds the attacker's key under each of these ids."""
    return json.dumps({"keys": [{**key.public_jwk(), "kid": kid, "alg": key.algorithm} for kid in kids]}).encode()


def certificate_pem(key: SigningKey) -> bytes:
    """Return the certificate as an address in ``x5u`` gives it (RFC 7515 4.1.5)."""
    return certificate(key).public_bytes(serialization.Encoding.PEM)
