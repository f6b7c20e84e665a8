"""Detached signatures: read from a genuine request, renewed and altered, against RFC 7797's published example."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.detached import Detached
from conformance_security.httpsig import Message
from conformance_security.jws import decode, encode
from conformance_security.signing_keys import SigningKey, verifies

#: RFC 7797 4 and 4.2: the key and the example with an unencoded, detached payload.
RFC_SECRET = decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
RFC_JWS = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"
RFC_PAYLOAD = b"$.02"

PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEY = SigningKey("k-2", PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
REQUEST = Message("POST", "https://example.com/pay?x=1", {"Authorization": "Bearer token"}, b'{"amount":1}')
MEMBERS: dict[str, Any] = {
    "alg": "ES256",
    "kid": "k-1",
    "b64": False,
    "http://example.com/iat": 1,
    "jti": "n-1",
    "htm": "POST",
    "htu": "https://example.com/pay?x=1",
    "ath": encode(hashlib.sha256(b"token").digest()),
    "crit": ["b64", "http://example.com/iat"],
}


def genuine(**members: Any) -> Detached:
    value = f"{encode(json.dumps({**MEMBERS, **members}).encode())}..AA"
    found = Detached.read("x-jws-signature", value, REQUEST)
    assert found is not None
    return found


def header(signed: dict[str, str]) -> dict[str, Any]:
    return dict(json.loads(decode(signed["x-jws-signature"].split(".")[0])))


def test_the_published_example_is_reproduced() -> None:
    found = Detached.read("x-jws-signature", RFC_JWS, Message(body=RFC_PAYLOAD))
    assert found is not None
    signed = found.signed(Message(body=RFC_PAYLOAD), lambda base: hmac.digest(RFC_SECRET, base, "sha256"))
    assert signed == {"x-jws-signature": RFC_JWS}


def test_what_repeats_the_request_is_seen() -> None:
    found = genuine()
    assert found.repeats == {"htm": "method", "htu": "url", "ath": "Authorization"}
    assert found.ties == {"method", "path", "query", "Authorization"}
    assert found.required == ("http://example.com/iat", "jti", "htm", "htu", "ath")
    assert (found.nonce, found.created) == ("n-1", 1)


def test_another_message_is_signed_over_its_own_facts() -> None:
    other = Message("PUT", "https://example.com/other", {"authorization": "DPoP second"}, b"[]")
    signed = genuine().renewed(KEY).signed(other, KEY.sign)
    said = header(signed)
    assert (said["htm"], said["htu"], said["kid"]) == ("PUT", "https://example.com/other", "k-2")
    assert said["ath"] == encode(hashlib.sha256(b"second").digest())
    assert said["http://example.com/iat"] > 1
    assert said["jti"] != "n-1"
    protected, _, value = signed["x-jws-signature"].split(".")
    assert verifies(PRIVATE.public_key(), "ES256", protected.encode() + b"." + b"[]", decode(value))


def test_an_encoded_payload_is_encoded() -> None:
    signed = genuine(b64=True).signed(REQUEST, KEY.sign)
    protected, _, value = signed["x-jws-signature"].split(".")
    base = f"{protected}.{encode(REQUEST.body)}".encode()
    assert verifies(PRIVATE.public_key(), "ES256", base, decode(value))


def test_members_are_left_out_and_misstated() -> None:
    without = genuine().without("http://example.com/iat")
    assert "http://example.com/iat" not in without.members
    assert without.members["crit"] == ["b64"]
    assert [variant.created for variant in genuine().misdated().values()] == [None, None]
    unknown, critical = genuine().misnamed().values()
    assert unknown.members["alg"] == "XX256"
    assert critical.members["crit"][-1] in critical.members


@pytest.mark.parametrize("value", ["", "a.b.c", f"{encode(b'[]')}..AA", f"{encode(b'{}')}.AA.AA", RFC_JWS + ".x"])
def test_other_text_is_no_detached_signature(value: str) -> None:
    assert Detached.read("x-jws-signature", value, REQUEST) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_not(value: str) -> None:
    assert Detached.read("h", value, REQUEST) is None
