"""Signatures: known answers of the standards, an independent implementation of SM2, and requests as they go out."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import gmalg
import pytest
from candidate_product import Product
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.candidate import sm2
from conformance.candidate.jws import KeyMismatch, sign_jws
from conformance.candidate.signing import (
    Message,
    Uncoverable,
    component_value,
    content_digest,
    signature_base,
    signature_params,
    verify_message,
)
from conformance.candidate.signing_keys import load_signer, verifier
from conformance.errors import ConfigError, FileProblems
from conformance.sdk import Candidate

#: RFC 9421 B.1.4, B.2 and B.2.6.
RFC_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_MESSAGE = Message(
    "POST",
    "https://example.com/foo?param=Value&Pet=dog",
    {
        "Host": "example.com",
        "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "Content-Type": "application/json",
        "Content-Length": "18",
    },
)
RFC_COMPONENTS = ("date", "@method", "@path", "@authority", "content-type", "content-length")
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="

#: GB/T 32918.5-2017 Annex A.
GB_PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
GB_NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
GB_PUBLIC = (
    0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
    0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
)
GB_R = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
GB_S = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"


def pem(key: Any) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(encoding, form, serialization.NoEncryption()).decode())


# -- RFC 9421 -------------------------------------------------------------------------------------------------------


def test_the_known_answer_of_rfc_9421() -> None:
    params = signature_params(RFC_COMPONENTS, {"created": 1618884473, "keyid": "test-key-ed25519"})
    base = signature_base(RFC_MESSAGE, RFC_COMPONENTS, params)
    assert base64.b64encode(load_signer("ed25519", RFC_KEY, "").sign(base)).decode() == RFC_SIGNATURE
    assert base.decode().splitlines()[1:4] == ['"@method": POST', '"@path": /foo', '"@authority": example.com']


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ("@target-uri", "https://example.com/foo?param=Value&Pet=dog"),
        ("@scheme", "https"),
        ("@query", "?param=Value&Pet=dog"),
        ("@request-target", "/foo?param=Value&Pet=dog"),
        ('@query-param;name="Pet"', "dog"),
        ("Content-Type", "application/json"),
    ],
)
def test_components_have_their_values(component: str, value: str) -> None:
    assert component_value(RFC_MESSAGE, component) == value


@pytest.mark.parametrize("component", ["@status", "x-none", '@query-param;name="none"', "@method;req", "bad name"])
def test_a_component_that_is_not_there_cannot_be_covered(component: str) -> None:
    with pytest.raises(Uncoverable):
        component_value(RFC_MESSAGE, component)


def test_authority_leaves_out_the_default_port_and_case() -> None:
    assert component_value(Message("GET", "https://EXAMPLE.com:443/"), "@authority") == "example.com"
    assert component_value(Message("GET", "https://example.com:8443/"), "@authority") == "example.com:8443"


def test_content_digest_is_that_of_the_bytes() -> None:
    # RFC 9530 gives this digest for this body.
    assert content_digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    assert content_digest(b"", "sha-512").startswith("sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8")


def signed_response(key: ed25519.Ed25519PrivateKey, components: tuple[str, ...], **changes: Any) -> Message:
    params = signature_params(components, {"created": 1, "keyid": "k"})
    plain = Message(status=200, headers={"Content-Type": "application/json"}, request=RFC_MESSAGE)
    value = base64.b64encode(key.sign(signature_base(plain, components, params))).decode()
    headers = {**plain.headers, "Signature-Input": f"other=(), res={params}", "Signature": f"res=:{value}:"}
    return Message(status=changes.get("status", 200), headers=headers, request=RFC_MESSAGE)


def test_a_signed_response_is_verified_with_its_request() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    verify = verifier(key.public_key())
    covered = ("@status", "content-type", "@method;req")
    assert verify_message(signed_response(key, covered), verify, required=("@status",), label="res") == ""
    altered = signed_response(key, covered, status=201)
    assert verify_message(altered, verify, label="res") == "the signature does not verify"
    assert "does not cover content-digest" in verify_message(
        signed_response(key, covered), verify, required=("content-digest",), label="res"
    )
    assert verify_message(RFC_MESSAGE, verify) == "the message is not signed"
    other = verifier(ed25519.Ed25519PrivateKey.generate().public_key())
    assert verify_message(signed_response(key, covered), other, label="res") != ""


# -- SM2 ------------------------------------------------------------------------------------------------------------


def test_the_known_answer_of_gb_t_32918() -> None:
    assert sm2.public_of(GB_PRIVATE) == GB_PUBLIC
    signature = sm2.sign(GB_PRIVATE, b"message digest", nonce=GB_NONCE)
    assert signature.hex().upper() == GB_R + GB_S
    assert sm2.verify(GB_PUBLIC, b"message digest", signature)


def test_the_known_answer_of_sm3() -> None:
    assert sm2.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**256 - 1) | st.integers(0, 40) | st.integers(sm2.N - 40, sm2.N + 40))
def test_multiples_of_the_base_point_are_those_made_by_adding(scalar: int) -> None:
    assert sm2.multiply_base(scalar) == sm2.multiply(scalar, (sm2.GX, sm2.GY))


@settings(max_examples=8, deadline=None)
@given(private=st.integers(1, sm2.N - 2), message=st.binary(max_size=200))
def test_sm2_agrees_with_an_independent_implementation(private: int, message: bytes) -> None:
    theirs = gmalg.SM2(sk=private.to_bytes(32, "big"), uid=sm2.DEFAULT_ID)
    public = sm2.public_of(private)
    point = b"\x04" + public[0].to_bytes(32, "big") + public[1].to_bytes(32, "big")
    ours = sm2.sign(private, message)
    assert gmalg.SM2(pk=point, uid=sm2.DEFAULT_ID).verify(message, ours[:32], ours[32:])
    # This library drops leading zeros of both numbers.
    theirs = gmalg.SM2(sk=private.to_bytes(32, "big"), pk=point, uid=sm2.DEFAULT_ID)
    assert sm2.verify(public, message, b"".join(part.rjust(32, b"\x00") for part in theirs.sign(message)))


@settings(max_examples=10, deadline=None)
@given(position=st.integers(0, 511))
def test_a_flipped_bit_breaks_an_sm2_signature(position: int) -> None:
    signature = bytearray(sm2.sign(GB_PRIVATE, b"m", nonce=GB_NONCE))
    signature[position // 8] ^= 1 << position % 8
    assert not sm2.verify(GB_PUBLIC, b"m", bytes(signature))


@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\xff" * 64, b"\x01" * 63])
def test_degenerate_sm2_signatures_are_refused(signature: bytes) -> None:
    assert not sm2.verify(GB_PUBLIC, b"m", signature)


def test_a_public_key_off_the_curve_verifies_nothing() -> None:
    assert not sm2.verify((1, 1), b"m", sm2.sign(GB_PRIVATE, b"m"))
    with pytest.raises(ValueError, match="not an SM2 private key"):
        sm2.public_of(sm2.N - 1)


# -- requests as they go out ----------------------------------------------------------------------------------------

SM2_HEX = f"{GB_PRIVATE:064x}"
ED_KEY, EC_KEY = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
WIDE_KEY, RSA_KEY = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
SHARED = b"a secret that both sides share, 32 bytes"


@pytest.mark.parametrize(
    ("algorithm", "text", "public"),
    [
        ("ed25519", pem(ED_KEY), ED_KEY.public_key()),
        ("ecdsa-p256-sha256", pem(EC_KEY), EC_KEY.public_key()),
        ("ecdsa-p384-sha384", pem(WIDE_KEY), WIDE_KEY.public_key()),
        ("rsa-pss-sha512", pem(RSA_KEY), RSA_KEY.public_key()),
        ("rsa-v1_5-sha256", pem(RSA_KEY), RSA_KEY.public_key()),
        ("hmac-sha256", base64.b64encode(SHARED).decode(), SHARED),
        ("sm2-sm3", SM2_HEX, GB_PUBLIC),
        ("sm2-sm3", base64.b64encode(bytes.fromhex(SM2_HEX)).decode(), GB_PUBLIC),
    ],
)
def test_a_request_is_signed_as_it_goes_out(
    bound: Callable[..., Candidate],
    product: Product,
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
    text: str,
    public: Any,
) -> None:
    monkeypatch.setenv("SIGNER_KEY", text)
    signing = {"algorithm": algorithm, "keyid": "k-1", "key": {"env": "SIGNER_KEY"}, "tag": "t", "alg": True}
    users = {"signer": {"scheme": "bearer", "token": "signer-token", "signing": signing}}
    candidate = bound(supports=("payments",), users=users)
    prepared = candidate.prepare("payments.create", amount=1)
    prepared.send()
    prepared.send()
    candidate.call("payments.list", limit=1)
    prepared.after_signing(body=b"{}").send()
    prepared.without_credentials().send()

    first, second, listed, altered, stranger = product.requests

    def verdict(request: Any) -> str:
        message = Message(request.method, product.url + request.path, request.headers)
        required = ("@method", "@target-uri", "authorization", *(("content-digest",) if request.body else ()))
        return verify_message(message, verifier(public, algorithm), required=required)

    assert verdict(first) == verdict(second) == verdict(listed) == ""
    digest = base64.b64encode(hashlib.sha256(first.body).digest()).decode()
    assert first.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert altered.headers["Content-Digest"] == first.headers["Content-Digest"]
    nonces = {re.search(r'nonce="([^"]+)"', r.headers["Signature-Input"])[1] for r in (first, second, listed)}  # type: ignore[index]
    assert len(nonces) == 3
    assert f'keyid="k-1";alg="{algorithm}";tag="t"' in first.headers["Signature-Input"]
    assert "Content-Digest" not in listed.headers
    assert "Signature" not in stranger.headers


@pytest.mark.parametrize(
    ("algorithm", "text", "public"),
    [
        ("ES256", pem(EC_KEY), EC_KEY.public_key()),
        ("PS256", pem(RSA_KEY), RSA_KEY.public_key()),
        ("RS256", pem(RSA_KEY), RSA_KEY.public_key()),
        ("EdDSA", pem(ED_KEY), ED_KEY.public_key()),
        ("SM2-SM3", SM2_HEX, GB_PUBLIC),
    ],
)
def test_a_body_is_signed_apart_from_itself(
    bound: Callable[..., Candidate],
    product: Product,
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
    text: str,
    public: Any,
) -> None:
    monkeypatch.setenv("SIGNER_KEY", text)
    signing = {"scheme": "jws-detached", "algorithm": algorithm, "keyid": "k-1", "key": {"env": "SIGNER_KEY"}}
    users = {"signer": {"scheme": "bearer", "token": "signer-token", "signing": signing}}
    candidate = bound(supports=("payments",), users=users)
    candidate.call("payments.create", amount=1)
    candidate.call("payments.list", limit=1)
    written, listed = product.requests
    for request in (written, listed):
        protected, payload, value = request.headers["x-jws-signature"].split(".")
        said = json.loads(unpadded(protected))
        assert payload == ""
        assert verifier(public, algorithm)(protected.encode() + b"." + request.body, unpadded(value))
        assert (said["alg"], said["kid"], said["b64"], said["crit"]) == (algorithm, "k-1", False, ["b64"])
        assert (said["htm"], said["htu"]) == (request.method, product.url + request.path)
        assert unpadded(said["ath"]) == hashlib.sha256(b"signer-token").digest()
    assert "Signature-Input" not in written.headers


def test_a_protected_header_says_what_the_file_says(
    bound: Callable[..., Candidate], product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNER_KEY", pem(EC_KEY))
    claims = {
        "https://example.com/iat": "{now}",
        "made": "{method} {path} by {keyid}",
        "level": 2,
        "ath": "{token_hash}",
    }
    signing = {"scheme": "jws-detached", "keyid": "k-1", "key": {"env": "SIGNER_KEY"}, "header": "X-Signed"}
    signing |= {"b64": True, "typ": "JOSE", "claims": claims, "crit": ["https://example.com/iat"]}
    bound(supports=("payments",), users={"signer": {"signing": signing}}).call("payments.create", amount=1)
    protected, _, value = product.requests[0].headers["X-Signed"].split(".")
    said = json.loads(unpadded(protected))
    assert isinstance(said.pop("https://example.com/iat"), int)
    assert said == {
        "alg": "ES256", "kid": "k-1", "typ": "JOSE", "made": "POST /payments by k-1", "level": 2,
        "crit": ["https://example.com/iat"],
    }  # fmt: skip
    payload = base64.urlsafe_b64encode(product.requests[0].body).rstrip(b"=")
    assert verifier(EC_KEY.public_key())(protected.encode() + b"." + payload, unpadded(value))


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": "xml"},
        {"scheme": "jws-detached", "algorithm": "ed25519"},
        {"algorithm": "ES256"},
        {"scheme": "jws-detached", "claim": {}},
    ],
)
def test_mistakes_about_schemes_are_named(bound: Callable[..., Candidate], wrong: dict[str, Any]) -> None:
    with pytest.raises(FileProblems):
        bound(supports=("payments",), users={"signer": {"signing": {"key": {"env": "SIGNER_KEY"}, **wrong}}})


def test_a_member_of_a_header_can_be_covered_by_itself() -> None:
    request = Message("POST", "https://example.com/", {"Signature": "a=:YQ==:, sig1=:Yg==:"})
    answer = Message(status=200, request=request)
    assert component_value(answer, '"signature";req;key="sig1"') == ":Yg==:"
    with pytest.raises(Uncoverable, match="no member"):
        component_value(answer, '"signature";req;key="other"')


def test_signing_may_be_for_some_operations_only(
    bound: Callable[..., Candidate], product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNER_KEY", RFC_KEY)
    signing = {"keyid": "k", "key": {"env": "SIGNER_KEY"}, "operations": ["payments.c*"]}
    candidate = bound(supports=("payments",), users={"signer": {"signing": signing}})
    candidate.call("payments.create", amount=1)
    candidate.call("payments.list")
    assert ["Signature" in request.headers for request in product.requests] == [True, False]


@pytest.mark.parametrize(
    ("algorithm", "text"),
    [
        ("ed25519", pem(EC_KEY)),
        ("ecdsa-p256-sha256", pem(ED_KEY)),
        ("sm2-sm3", "00"),
        ("rsa", RFC_KEY),
        ("ed25519", "x"),
    ],
)
def test_a_key_that_does_not_fit_is_a_mistake_in_the_file(algorithm: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"does not fit {algorithm}"):
        load_signer(algorithm, text, "candidate.toml [users.signer] signing")


# -- tokens ---------------------------------------------------------------------------------------------------------


def test_the_algorithm_of_a_token_follows_from_its_key() -> None:
    keys = {"EdDSA": ED_KEY, "ES256": EC_KEY, "PS256": rsa.generate_private_key(65537, 2048)}
    for algorithm, key in keys.items():
        head = sign_jws({"a": 1}, pem(key)).partition(".")[0]
        assert f'"alg":"{algorithm}"' in base64.urlsafe_b64decode(head + "==").decode()
    with pytest.raises(KeyMismatch):
        sign_jws({}, pem(ED_KEY), "ES256")
