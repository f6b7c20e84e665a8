"""Our own signing of requests, against the published example of RFC 9421 (B.2.6, Ed25519)."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from conformance_security.httpsig import Pattern, sign
from conformance_security.signing_keys import SigningKey

#: RFC 9421 B.1.4: test-key-ed25519, a published test key.
KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
INPUT = (
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
HEADERS = {
    "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "Content-Type": "application/json",
    "Content-Length": "18",
}
SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def test_the_published_example_is_reproduced() -> None:
    pattern = Pattern.read(INPUT)
    assert pattern is not None
    base = pattern.base("POST", "https://example.com/foo?param=Value&Pet=dog", HEADERS)
    assert base64.b64encode(sign(KEY, base)).decode() == SIGNATURE
    assert pattern.headers(base64.b64decode(SIGNATURE)) == {
        "Signature-Input": INPUT,
        "Signature": f"sig-b26=:{SIGNATURE}:",
    }


def test_a_renewed_pattern_names_the_other_key_and_is_made_now() -> None:
    pattern = Pattern.read('sig1=("@method" "@target-uri");created=1;nonce="a";keyid="x";alg="ed25519"')
    assert pattern is not None
    renewed = dict(pattern.renewed(SigningKey("other", KEY)).parameters)
    assert renewed["keyid"] == '"other"'
    assert int(renewed["created"]) > 1
    assert renewed["nonce"] != '"a"'
    assert renewed["alg"] == '"ed25519"'


def test_several_signatures_are_no_pattern() -> None:
    assert Pattern.read('sig1=("@method");created=1, sig2=("@method");created=1') is None
    assert Pattern.read("") is None


def test_an_ecdsa_signature_is_r_and_s() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    signature = sign(pem, b"base")
    assert len(signature) == 64
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.public_key().verify(encode_dss_signature(r, s), b"base", ec.ECDSA(hashes.SHA256()))


def test_the_key_of_the_example_is_the_published_one() -> None:
    key = load_pem_private_key(KEY.encode(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert base64.b64encode(public).decode() == "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
