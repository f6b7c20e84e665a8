"""What keys, signatures and purposes certificates have, measured against RFC 9325 4.5 and RFC 5280."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

#: Least bits of keys (RFC 9325 4.5; EC as FAPI 2.0 5.4.1 asks).
RSA_BITS_MIN, EC_BITS_MIN = 2048, 224

_BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
#: SM2 with SM3 (GB/T 32918, 256 bits), which the library parses but does not know.
_SM2_WITH_SM3 = "1.2.156.10197.1.501"


def weak_key(certificate: x509.Certificate) -> str:
    """Say what is wrong with a certificate's key, or return ""."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        sm2 = certificate.signature_algorithm_oid.dotted_string == _SM2_WITH_SM3
        return "" if sm2 else f"a key of a kind that cannot be judged ({certificate.public_key_algorithm_oid._name})"
    match key:
        case rsa.RSAPublicKey() if key.key_size < RSA_BITS_MIN:
            return f"an RSA key of {key.key_size} bits"
        case ec.EllipticCurvePublicKey() if key.curve.key_size < EC_BITS_MIN:
            return f"an EC key of {key.curve.key_size} bits"
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return ""
        case dsa.DSAPublicKey():
            return f"a DSA key of {key.key_size} bits"
        case _:
            return f"a key that is not for signing ({type(key).__name__})"


def weak_signature(certificate: x509.Certificate) -> str:
    """Say what is wrong with the signature on a certificate, or return ""."""
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        known = certificate.signature_algorithm_oid.dotted_string == _SM2_WITH_SM3
        return "" if known else f"a signature of unknown kind ({certificate.signature_algorithm_oid.dotted_string})"
    return f"a signature with {digest.name.upper()}" if isinstance(digest, _BROKEN_HASHES) else ""


def self_issued(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate names itself as its issuer, as roots do: nobody relies on its signature."""
    return certificate.subject == certificate.issuer


def purposes(certificate: x509.Certificate) -> tuple[str, ...] | None:
    """Return the dotted extended key usages of a certificate; None where there is no such limit (RFC 5280 4.2.1.12)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return tuple(usage.dotted_string for usage in found)


def serves_servers(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate may prove a server: no limit at all, serverAuth, or any purpose."""
    found = purposes(certificate)
    allowed = {ExtendedKeyUsageOID.SERVER_AUTH.dotted_string, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string}
    return found is None or bool(allowed & set(found))
