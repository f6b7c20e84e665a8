"""Thumbprints of client certificates, as bound tokens carry them."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from conformance_security.jws import encode


def x5t_s256(pem: bytes) -> str:
    """Return ``x5t#S256`` of the first certificate in a PEM file (RFC 8705 3.1); raises ValueError for none."""
    return encode(x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()))
