"""Our own signing and verifying of messages, against every published example of RFC 9421 that has a signature."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
import rfc9421_vectors as rfc
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.httpsig import Message, Pattern, Uncovered, component_value, sign, verified
from conformance_security.signing_keys import SigningKey, verifies


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def pattern(text: str) -> Pattern:
    found = Pattern.read(text)
    assert found is not None
    return found


ED = SigningKey("other", rfc.ED25519_PRIVATE)
INPUT = 'sig1=("@method" "@target-uri" "authorization");created=1;nonce="a";keyid="x";alg="ed25519";expires=31'


# -- published examples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", rfc.VECTORS, ids=lambda vector: vector.section)
def test_published_signatures_verify(vector: rfc.Vector) -> None:
    message = Message("POST", rfc.URL, vector.headers, b"", vector.status)
    found = pattern(vector.signature_input)
    assert verified(message, found, vector.public) == ""
    assert found.signature_params == vector.signature_input.partition("=")[2]
    if found.components:
        other = Message("GET", "https://example.org/?Pet=cat", {**vector.headers, "Content-Type": "x"}, b"", 201)
        assert verified(other, found, vector.public) == "the signature does not verify"


def test_the_deterministic_examples_are_reproduced() -> None:
    vector = rfc.VECTORS[-1]
    base = pattern(vector.signature_input).base("POST", rfc.URL, rfc.REQUEST)
    assert base64.b64encode(sign(rfc.ED25519_PRIVATE, base)).decode() == vector.signature
    shared = SigningKey("test-shared-secret", rfc.SHARED, "hmac-sha256")
    base = pattern(rfc.HMAC_INPUT).base("POST", rfc.URL, rfc.REQUEST)
    assert base64.b64encode(shared.sign(base)).decode() == rfc.HMAC_SIGNATURE
    assert verifies(base64.b64decode(rfc.SHARED), "", base, base64.b64decode(rfc.HMAC_SIGNATURE))


def test_a_published_answer_is_bound_to_its_request() -> None:
    request = Message("POST", rfc.URL, rfc.REQUEST)
    answer = Message(headers=rfc.BOUND_ANSWER, status=rfc.BOUND_STATUS, request=request)
    key = rfc.VECTORS[3].public
    assert verified(answer, pattern(rfc.BOUND_INPUT), key) == ""
    for other in (replace(request, method="PUT"), replace(request, url="https://example.com/bar")):
        assert verified(replace(answer, request=other), pattern(rfc.BOUND_INPUT), key) != ""
    assert "there is no request" in verified(replace(answer, request=None), pattern(rfc.BOUND_INPUT), key)


# -- components -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ('"@query-param";name="Pet"', "dog"),
        ('"@request-target"', "/foo?param=Value&Pet=dog"),
        ('"@scheme"', "https"),
        ('"content-type"', "application/json"),
        ('"signature";key="b"', ":Yg==:"),
    ],
)
def test_components_have_their_values(component: str, value: str) -> None:
    headers = {**rfc.REQUEST, "Signature": "a=:YQ==:, b=:Yg==:"}
    assert component_value(Message("POST", rfc.URL, headers), component) == value


@pytest.mark.parametrize(
    "component", ['"@status"', '"x-none"', '"@query-param";name="x"', '"@method";req', '"date";bs', '"date";key="x"']
)
def test_what_is_not_there_cannot_be_covered(component: str) -> None:
    with pytest.raises(Uncovered):
        component_value(Message("POST", rfc.URL, rfc.REQUEST), component)


def test_a_component_keeps_its_parameters() -> None:
    found = pattern('s=("@query-param";name="Pet" "@method";req "date");created=1')
    assert found.components == ('"@query-param";name="Pet"', '"@method";req', '"date"')
    assert found.names == ("@query-param", "@method", "date")
    assert found.required == ('"@method";req',)


# -- patterns -------------------------------------------------------------------------------------------------------


def test_a_renewed_pattern_names_the_other_key_and_is_made_now() -> None:
    renewed = pattern(INPUT).renewed(ED)
    said = dict(renewed.parameters)
    assert said["keyid"] == '"other"'
    assert int(said["created"]) > 1
    assert int(said["expires"]) == int(said["created"]) + 30
    assert said["nonce"] != '"a"'
    assert said["alg"] == '"ed25519"'
    again = pattern(INPUT).renewed(ED, nonce="a", created=7)
    assert (again.nonce, again.created) == ("a", 7)


def test_parts_are_left_out_and_misstated_one_at_a_time() -> None:
    found = pattern(INPUT)
    assert found.without('"@method"').names == ("@target-uri", "authorization")
    assert found.ties == {"method", "path", "query", "Authorization"}
    dates = [variant.parameter("created") for variant in found.misdated().values()]
    assert dates == ["", '"1"', "1.5"]
    assert [variant.parameter("alg") for variant in found.misnamed().values()] == ['"hmac-md5"', '"hmac-sha256"']
    unnamed = pattern('s=("@method");created=1')
    assert next(iter(unnamed.misnamed().values())).signature_params == '("@method");created=1;alg="hmac-md5"'


def test_several_signatures_are_no_pattern() -> None:
    two = 'sig1=("@method");created=1, sig2=("@path");created=2'
    assert Pattern.read(two) is None
    assert [(found.label, found.names, found.created) for found in Pattern.read_all(two)] == [
        ("sig1", ("@method",), 1),
        ("sig2", ("@path",), 2),
    ]
    assert Pattern.read("") is None


@given(st.text(max_size=80))
def test_any_text_is_a_pattern_or_none(text: str) -> None:
    found = Pattern.read(text)
    assert found is None or found.signature_params in text


# -- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("private", "algorithm", "name", "jws"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "", "ecdsa-p256-sha256", "ES256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256", "ecdsa-p256-sha256", "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "", "ecdsa-p384-sha384", "ES384"),
        (rsa.generate_private_key(65537, 2048), "", "rsa-pss-sha512", "PS256"),
        (rsa.generate_private_key(65537, 2048), "rsa-v1_5-sha256", "rsa-v1_5-sha256", "RS256"),
        (rsa.generate_private_key(65537, 2048), "PS256", "PS256", "PS256"),
    ],
)
def test_a_key_signs_by_its_algorithm(private: Any, algorithm: str, name: str, jws: str) -> None:
    key = SigningKey("k", pem(private), algorithm)
    signature = key.sign(b"base")
    assert (key.name, key.jws_name) == (name, jws)
    assert verifies(private.public_key(), name, b"base", signature)
    assert not verifies(private.public_key(), name, b"other", signature)
    assert not verifies(private.public_key(), name, b"base", signature[:-1])
