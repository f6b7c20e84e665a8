"""The attacker's key in every form in which a token can offer it."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance_security.attacker import attacker_key, certificate, certificate_pem, key_set, x5c
from conformance_security.jws import Token, decode, encode
from conformance_security.signing_keys import public_of_jwk, verifies

ALGORITHMS = ["ES256", "EdDSA", "PS256", "RS256"]


def genuine() -> Token:
    parts = ({"alg": "ES256", "typ": "at+jwt", "kid": "bank-1"}, {"sub": "alice"})
    header, payload = (encode(json.dumps(part).encode()) for part in parts)
    token = Token.read(f"{header}.{payload}.{encode(b'signature')}")
    assert token is not None
    return token


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_forgery_is_valid_by_the_key_that_it_brings(algorithm: str) -> None:
    key = attacker_key(algorithm)
    assert key.algorithm == algorithm
    forged = genuine().resigned({"alg": algorithm, "kid": None, "jwk": key.public_jwk()}, key.sign)
    header, payload, signature = forged.split(".")
    said = json.loads(decode(header))
    assert (said["typ"], "kid" in said, payload) == ("at+jwt", False, genuine().payload)
    name = "rsa-v1_5-sha256" if algorithm == "RS256" else algorithm
    assert verifies(public_of_jwk(said["jwk"]), name, f"{header}.{payload}".encode(), decode(signature))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_certificates_hold_the_same_key(algorithm: str) -> None:
    key = attacker_key(algorithm)

    def spki(certified: x509.Certificate) -> bytes:
        return certified.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    wanted = key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert spki(certificate(key)) == wanted
    assert spki(x509.load_der_x509_certificate(base64.b64decode(x5c(key)[0]))) == wanted
    assert spki(x509.load_pem_x509_certificate(certificate_pem(key))) == wanted


def test_a_key_set_offers_the_key_under_every_id() -> None:
    key = attacker_key("ES256")
    offered = json.loads(key_set(key, "attacker", "bank-1"))["keys"]
    assert [jwk["kid"] for jwk in offered] == ["attacker", "bank-1"]
    assert all(not {"d", "p", "q"} & set(jwk) for jwk in offered)


def test_an_unknown_algorithm_is_answered_with_the_most_common_one() -> None:
    assert attacker_key("HS256").algorithm == "ES256"
    assert attacker_key("ES256") is attacker_key("ES256")
