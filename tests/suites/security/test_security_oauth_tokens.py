"""Proofs, assertions and thumbprints agree with the published vectors of RFC 7636, 7638 and 9449."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.jwk import public_key
from conformance_security.jws import Token, decode, encode
from conformance_security.oauth.certificates import x5t_s256
from conformance_security.oauth.keys import SigningKey, thumbprint
from conformance_security.oauth.pkce import Pkce
from conformance_security.oauth.tokens import (
    Jwt,
    bare,
    client_assertion,
    dpop_proof,
    request_object,
    token_hash,
)

#: RFC 9449 4.1: a proof for the token endpoint.
PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
    "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
    "In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2V"
    "uIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37x"
    "RZT3Lg"
)
#: RFC 9449 6.1: the thumbprint that a token bound to this key carries.
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
#: RFC 9449 7.1: an access token and its hash.
BOUND_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
ATH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
#: RFC 7638 3.1.
RSA_JWK = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
KEY = SigningKey.made()


def read(text: str) -> Token:
    token = Token.read(text)
    assert token is not None
    return token


def verifies(text: str) -> bool:
    """Verify an ES256 token under the key in its own header, by the library alone."""
    signed, _, signature = text.rpartition(".")
    raw = decode(signature)
    key = public_key(read(text).header["jwk"])
    assert isinstance(key, ec.EllipticCurvePublicKey)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    return True


def test_the_challenge_of_rfc_7636_appendix_b() -> None:
    assert (
        Pkce("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_verifiers_are_long_enough_and_never_the_same() -> None:
    made = {Pkce.made().verifier for _ in range(50)}
    assert len(made) == 50
    assert all(43 <= len(verifier) <= 128 for verifier in made)


def test_the_thumbprint_of_rfc_7638() -> None:
    assert thumbprint(RSA_JWK) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_rfc_9449() -> None:
    assert thumbprint(read(PROOF).header["jwk"]) == JKT


def test_the_token_hash_of_rfc_9449() -> None:
    assert token_hash(BOUND_TOKEN) == ATH


def test_a_proof_has_the_members_of_the_published_one() -> None:
    published = read(PROOF)
    assert verifies(PROOF)
    ours = dpop_proof(KEY, "POST", "https://server.example.com/token", now=1562262616)
    assert set(ours.header) == set(published.header)
    assert {**ours.claims, "jti": published.claims["jti"]} == dict(published.claims)
    assert verifies(ours.text())


def test_a_proof_at_a_resource_holds_hash_and_nonce() -> None:
    url = "https://resource.example.org/protectedresource?page=2#top"
    proof = dpop_proof(KEY, "GET", url, now=1562262618, token=BOUND_TOKEN, nonce="n-1")
    assert proof.claims["ath"] == ATH
    assert proof.claims["nonce"] == "n-1"
    assert proof.claims["htu"] == "https://resource.example.org/protectedresource"


def test_every_member_can_be_left_out_or_replaced() -> None:
    proof = dpop_proof(KEY, "GET", "https://example.com/", now=1, token="token")
    for name in proof.claims:
        assert name not in read(proof.without(name).text()).claims
        assert read(proof.claiming(**{name: "other"}).text()).claims[name] == "other"
    for name in proof.header:
        assert name not in read(proof.beheaded(name).text()).header
        assert read(proof.heading(**{name: "other"}).text()).header[name] == "other"


def test_another_key_signs_under_the_old_header() -> None:
    other = SigningKey.made()
    forged = dpop_proof(KEY, "GET", "https://example.com/", now=1).by(other).text()
    assert read(forged).header["jwk"] == KEY.public_jwk()
    with pytest.raises(InvalidSignature):
        verifies(forged)


def test_nothing_is_signed_under_none() -> None:
    assert read(client_assertion(KEY, "a", "https://example.com", now=1).heading(alg="none").text()).signature == b""


def test_a_public_key_can_be_misused_as_a_secret() -> None:
    text = client_assertion(KEY, "a", "https://example.com", now=1).under_hmac(b"public")
    signed, _, signature = text.rpartition(".")
    assert decode(signature) == hmac.new(b"public", signed.encode(), hashlib.sha256).digest()
    assert read(text).header["alg"] == "HS256"


def test_an_assertion_is_for_one_audience_one_minute_and_once() -> None:
    claims = client_assertion(KEY, "client", "https://as.example.com", now=1000).claims
    assert claims["aud"] == "https://as.example.com"
    assert (claims["iss"], claims["sub"], claims["iat"], claims["exp"]) == ("client", "client", 1000, 1060)
    assert claims["jti"] != client_assertion(KEY, "client", "https://as.example.com", now=1000).claims["jti"]


def test_a_request_object_has_bounds_within_the_hour() -> None:
    claims = request_object(KEY, "client", "https://as.example.com", {"scope": "openid"}, now=1000).claims
    assert claims["nbf"] == 1000
    assert 1000 < claims["exp"] <= 1000 + 3600
    assert (claims["iss"], claims["client_id"], claims["scope"]) == ("client", "client", "openid")


@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate])
def test_keys_read_from_pem_and_jwk_are_the_same(make: Any) -> None:
    private = make()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = SigningKey.read(pem.decode())
    again = SigningKey.read(json.dumps({**key.private_jwk(), "kid": "one"}))
    assert again.public_jwk() == key.public_jwk()
    assert (again.kid, again.algorithm) == ("one", key.algorithm)


def test_rsa_keys_sign_with_pss() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = SigningKey.read(pem.decode())
    assert key.algorithm == "PS256"
    assert SigningKey.read(json.dumps(key.private_jwk())).public_jwk() == key.public_jwk()
    private.public_key().verify(
        key.sign(b"message"), b"message", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
    )


def test_other_curves_are_refused_with_words() -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="P-256"):
        SigningKey.read(pem.decode())


@pytest.mark.parametrize(("algorithm", "known"), [("ES256", True), ("PS256", False), ("EdDSA", False)])
def test_an_algorithm_belongs_to_its_kind_of_key(algorithm: str, known: bool) -> None:
    jwk = json.dumps(KEY.private_jwk())
    if known:
        assert SigningKey.read(jwk, algorithm).algorithm == algorithm
        return
    with pytest.raises(ValueError, match=f"a key for ES256, and algorithm says {algorithm}"):
        SigningKey.read(jwk, algorithm)


def test_a_certificate_thumbprint_is_that_of_its_der() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client.example.com")])
    start = datetime.datetime(2026, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    assert x5t_s256(b"text before\n" + pem) == encode(hashlib.sha256(der).digest())


@given(st.dictionaries(st.text(min_size=1), st.none() | st.booleans() | st.integers() | st.text(), max_size=5))
def test_what_is_signed_is_what_was_put_in(claims: dict[str, Any]) -> None:
    assert read(Jwt({"alg": "ES256"}, claims, KEY).text()).claims == claims


@given(
    st.sampled_from(["https://example.com/a", "https://example.com:8443/", "http://127.0.0.1/x/y"]), st.text("abc?&=#")
)
def test_a_bare_url_has_neither_query_nor_fragment(url: str, rest: str) -> None:
    assert bare(f"{url}?{rest}") == url
    assert bare(f"{url}#{rest}") == url
