"""Faults of token verifiers that take the key from the token itself: jwk, x5c, jku, x5u, and a kid that is a path."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.reference.keys import unb64
from conformance.sdk.reference import FaultBoard

#: Where a verifier with fault tokens.kid-path looks for keys.
_KEYS = Path("/srv/bank/keys")
#: Seconds a fetched key may take, and bytes it may have.
_FETCH_S = 2
_FETCH_MAX = 16_384

Trusted = Callable[[bytes, bytes], bool]


def gullible(head: Mapping[str, Any], faults: FaultBoard, hosts: tuple[str, ...]) -> Iterator[Trusted]:
    """Give what a verifier with these faults would check a signature by, as the token's own header tells it."""
    try:
        if faults.on("tokens.jwk-trusted"):
            yield from _embedded(head)
        if faults.on("tokens.jku-followed"):
            yield from _fetched(head, hosts)
        if faults.on("tokens.kid-path") and head.get("alg") == "HS256":
            secret = _secret_at(str(head.get("kid", "")))
            yield lambda signed, value: hmac.compare_digest(hmac.digest(secret, signed, "sha256"), value)
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return  # what cannot be read or fetched is no key, even for this verifier


def _embedded(head: Mapping[str, Any]) -> Iterator[Trusted]:
    if "jwk" in head:
        yield _by(_public(head["jwk"]))
    if "x5c" in head:
        yield _by(x509.load_der_x509_certificate(base64.b64decode(head["x5c"][0])).public_key())


def _fetched(head: Mapping[str, Any], hosts: tuple[str, ...]) -> Iterator[Trusted]:
    if "jku" in head:
        for jwk in json.loads(_fetch(str(head["jku"]), hosts))["keys"]:
            yield _by(_public(jwk))
    if "x5u" in head:
        yield _by(x509.load_pem_x509_certificate(_fetch(str(head["x5u"]), hosts)).public_key())


def _fetch(url: str, hosts: tuple[str, ...]) -> bytes:
    """Fetch from the addresses that this environment may call, and from no others, faulty or not."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.netloc not in hosts:
        raise ValueError("not an address of this environment")
    connection = http.client.HTTPConnection(parts.netloc, timeout=_FETCH_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().read(_FETCH_MAX)
    finally:
        connection.close()


def _secret_at(kid: str) -> bytes:
    """Return the bytes of the file that a kid leads to; of this machine's files, only the empty one."""
    parts: list[str] = list(_KEYS.parts)
    for step in kid.split("/"):
        if step == ".." and len(parts) > 1:
            parts.pop()
        elif step not in ("", ".", ".."):
            parts.append(step)
    if Path(*parts) != Path("/dev/null"):
        raise FileNotFoundError(kid)
    return b""


def _public(jwk: Mapping[str, Any]) -> Any:
    x, y = (int.from_bytes(unb64(str(jwk[name])), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _by(key: Any) -> Trusted:
    def holds(signed: bytes, value: bytes) -> bool:
        r, s = int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")
        try:
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return holds
