"""Judging a stapled OCSP response (RFC 6960 3.2): whose it is, who signed it, how old it is and what it says."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

#: A responder's clock may be this far ahead of ours.
_AHEAD = timedelta(minutes=5)
#: Responses that do not say when the next one comes are stale after this long (CA/Browser Forum: ten days at most).
_UNDATED = timedelta(days=10)


def demands_staple(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate must not be served without a staple (RFC 7633)."""
    try:
        features = certificate.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
    return x509.TLSFeatureType.status_request in features


def defect(staple: bytes, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str:
    """Say what is wrong with a response about ``leaf``, or return "": completes "the stapled OCSP response …".

    Raises UnsupportedAlgorithm for algorithms that cannot be verified here.
    """
    try:
        return _defect(ocsp.load_der_ocsp_response(staple), leaf, issuer, now)
    except ValueError:
        return "cannot be parsed"


def _defect(response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return f"is an error: {response.response_status.name.lower()}"
    answer = next((item for item in response.responses if _is_about(item, leaf, issuer)), None)
    if answer is None:
        return "is about another certificate"
    return _misused(response, issuer, now) or _outdated(answer, now) or _unfit(answer)


def _is_about(item: ocsp.OCSPSingleResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    if item.serial_number != leaf.serial_number:
        return False
    name = hashes.Hash(item.hash_algorithm)
    name.update(issuer.subject.public_bytes())
    key = hashes.Hash(item.hash_algorithm)
    key.update(_key_bits(issuer))
    return item.issuer_name_hash == name.finalize() and item.issuer_key_hash == key.finalize()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """Return the value of the subject public key, without algorithm and tag, as OCSP hashes it."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    raise UnsupportedAlgorithm(f"an issuer with a key of kind {type(key).__name__}")


def _misused(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> str:
    """Say why the signature does not count: made by neither the issuer nor somebody whom the issuer let sign."""
    if _signed_by(response, issuer):
        return ""
    for delegate in response.certificates:
        if _is_delegate(delegate, issuer, now) and _signed_by(response, delegate):
            return ""
    return "is not signed by the issuer, nor by a responder of the issuer"


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    return valid and ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, digest = signer.public_key(), response.signature_hash_algorithm
    signature, body = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey) and digest:
            key.verify(signature, body, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest:
            key.verify(signature, body, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, body)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _outdated(answer: ocsp.OCSPSingleResponse, now: datetime) -> str:
    begins, ends = answer.this_update_utc, answer.next_update_utc
    if begins > now + _AHEAD:
        return f"is dated in the future, {begins:%Y-%m-%d %H:%M} UTC"
    if now >= (ends or begins + _UNDATED):
        return f"is stale: it held until {ends or begins + _UNDATED:%Y-%m-%d %H:%M} UTC"
    return ""


def _unfit(answer: ocsp.OCSPSingleResponse) -> str:
    if answer.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return ""
    return f"says that the certificate is {answer.certificate_status.name.lower()}"
