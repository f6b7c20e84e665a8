"""The attacker's key in every form in which a token can offer it."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.model.candidate import CandidateFile
from conformance.sdk import Candidate, NotTested, Pool
from conformance_security.attacker import attacker_key, certificate, certificate_pem, key_set, x5c
from conformance_security.checks import token_keys
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


def at(base_url: str, **declared: Any) -> Candidate:
    file = CandidateFile("x", "1", base_url, declared={"security": declared})
    return Candidate(cast(Any, None), file, Pool(()), lambda name, arguments: {}, "alice")


@pytest.mark.parametrize("base_url", ["https://127.0.0.1:8443", "http://localhost:80/api", "https://[::1]:1"])
def test_a_product_on_this_machine_is_offered_the_key_on_this_machine(base_url: str) -> None:
    assert token_keys._address(at(base_url)).startswith("127.0.0.1:")


def test_a_product_elsewhere_is_offered_the_key_where_its_owner_says_that_it_can_be_reached() -> None:
    """Its own loopback would answer nothing, and whoever followed the address would look as if it had not."""
    with pytest.raises(NotTested, match="callback_hosts"):
        token_keys._address(at("https://sandbox.example.com"))
    assert token_keys._address(at("https://sandbox.example.com", callback_hosts=["127.0.0.1:9"])) == "127.0.0.1:9"
