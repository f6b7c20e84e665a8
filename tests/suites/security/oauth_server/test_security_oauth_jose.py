"""The server's own reading of JOSE against published vectors, and what counts of an address."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from oauth_party import jwk_of, new_key
from oauth_party import jwt as made

from conformance_security.reference.oauth.dpop import normal
from conformance_security.reference.oauth.jose import Unreadable, parse, public_key, sign, thumbprint, unb64, valid

#: RFC 7515 A.3: ES256.
ES256_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
ES256_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
#: RFC 8037 A.2, A.3: Ed25519 and its thumbprint.
ED25519_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#: RFC 7638 3.1: the thumbprint of an RSA key.
RSA_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
}
RSA_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_published_es256_signature_is_valid() -> None:
    jwt = parse(ES256_TOKEN)
    key = public_key(ES256_KEY)
    assert jwt.claims["iss"] == "joe"
    assert valid(jwt, key)
    assert not valid(parse(ES256_TOKEN[:-2] + "AA"), key)


def test_published_thumbprints() -> None:
    assert thumbprint(ED25519_KEY) == ED25519_THUMBPRINT
    assert thumbprint({**RSA_KEY, "alg": "RS256", "kid": "2011-04-29"}) == RSA_THUMBPRINT


def test_a_signature_is_valid_under_the_algorithm_of_its_key_only() -> None:
    key = new_key()
    token = parse(sign(key, {"typ": "JWT"}, {"a": 1}))
    assert valid(token, key.public_key())
    confused = parse(made(key, {"alg": "PS256"}, {"a": 1}))
    assert not valid(confused, key.public_key())
    assert not valid(confused, rsa.generate_private_key(65537, 2048).public_key())


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "key",
        {},
        {"kty": "oct", "k": "AAAA"},
        {**ES256_KEY, "d": "AAAA"},
        {**ES256_KEY, "y": ES256_KEY["x"]},
        {**ES256_KEY, "crv": "P-521"},
        {**ES256_KEY, "x": 7},
        {**ED25519_KEY, "x": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        jwk_of(rsa.generate_private_key(65537, 1024)),
    ],
)
def test_keys_that_are_private_weak_or_broken_are_refused(jwk: object) -> None:
    with pytest.raises(Unreadable):
        public_key(jwk)


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ('{"alg":"ES256","alg":"none"}', "{}"),
        ('{"alg":"ES256","crit":["x"]}', "{}"),
        ('{"alg":"ES256","b64":false}', "{}"),
        ("[]", "{}"),
        ("{}", '{"exp":NaN}'),
        ("{}", "1"),
        ("{}", "[" * 3000),
    ],
)
def test_tokens_that_can_be_read_in_two_ways_are_not_read(header: str, body: str) -> None:
    with pytest.raises(Unreadable):
        parse(f"{part(header)}.{part(body)}.")


@pytest.mark.parametrize("value", [True, "1", [1], {}])
def test_moments_are_numbers(value: object) -> None:
    jwt = parse(f"{part('{}')}.{part(json.dumps({'exp': value}))}.")
    with pytest.raises(Unreadable):
        jwt.moment("exp")
    assert jwt.moment("nbf") is None


@given(st.text(max_size=60))
def test_reading_any_text_ends_with_a_token_or_a_refusal(text: str) -> None:
    try:
        jwt = parse(text)
    except Unreadable:
        return
    assert jwt.signed.decode() == text.rpartition(".")[0]


@given(st.binary(max_size=40))
def test_base64url_is_read_in_its_one_spelling(data: bytes) -> None:
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert unb64(text) == data
    if len(data) % 3:
        with pytest.raises(ValueError):
            unb64(base64.urlsafe_b64encode(data).decode())


PATHS = st.text("abcXYZ019-._~/", min_size=1, max_size=20).map(lambda text: f"/{text}")


@given(PATHS, st.data())
def test_spelling_an_address_otherwise_changes_nothing(path: str, data: st.DataObject) -> None:
    url = f"https://api.example.com{path}"
    spelt = "".join(f"%{ord(c):02x}" if c not in "/%" and data.draw(st.booleans(), label="encode") else c for c in path)
    tail = data.draw(st.sampled_from(["", "?a=b", "#c", "?a#c"]))
    assert normal(f"HTTPS://API.example.COM:443{spelt}{tail}") == normal(url)


@pytest.mark.parametrize(
    "other",
    [
        "http://api.example.com/a",
        "https://api.example.com:8443/a",
        "https://api.example.com/A",
        "https://api.example.com/a/",
        "https://api.example.com/%2561",
        "https://user@api.example.com/a",
        "https://api.example.org/a",
        "https://[::1",
        "https://api.example.com:x/a",
        "",
    ],
)
def test_another_address_is_another(other: str) -> None:
    assert normal(other) != normal("https://api.example.com/a")
