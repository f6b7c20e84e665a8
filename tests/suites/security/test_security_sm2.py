"""SM2 as an attacker makes it, against the published values of GB/T 32918.5 and an independent implementation."""

from __future__ import annotations

import base64

import gmalg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_security import sm2
from conformance_security.signing_keys import SigningKey, public_of_jwk, verifies

#: GB/T 32918.5-2017 annex A: private key, public key, nonce, signature of "message digest".
PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
PUBLIC = (
    0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
    0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
)
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MESSAGE = b"message digest"


def test_the_published_signature_is_reproduced() -> None:
    assert sm2.public_of(PRIVATE) == PUBLIC
    assert sm2.sign(PRIVATE, MESSAGE, nonce=NONCE) == (R, S)
    assert sm2.verify(PUBLIC, MESSAGE, (R, S))
    assert sm2.sm3(b"abc").hex().startswith("66c7f0f462eeedd9d1f2d46bdc10e4e2")


@settings(max_examples=12, deadline=None)
@given(private=st.integers(1, sm2.N - 2), message=st.binary(max_size=80), user=st.binary(min_size=1, max_size=20))
def test_it_agrees_with_an_independent_implementation(private: int, message: bytes, user: bytes) -> None:
    public = sm2.public_of(private)
    point = b"\x04" + sm2.raw(public)
    signature = sm2.raw(sm2.sign(private, message, user))
    assert gmalg.SM2(pk=point, uid=user).verify(message, signature[:32], signature[32:])
    theirs = gmalg.SM2(sk=private.to_bytes(32, "big"), pk=point, uid=user).sign(message)
    r, s = (int.from_bytes(part, "big") for part in theirs)
    assert sm2.verify(public, message, (r, s), user)
    assert not sm2.verify(public, message, (r, s), user + b"x")


@pytest.mark.parametrize("forged", [(0, 0), (sm2.N, sm2.N), (R, 0), (0, S), (R, S + sm2.N), (R, sm2.N - R), (R, S + 1)])
def test_what_is_out_of_range_does_not_verify(forged: tuple[int, int]) -> None:
    assert not sm2.verify(PUBLIC, MESSAGE, forged)


def test_identity_and_curve_are_part_of_what_is_signed() -> None:
    signature = sm2.sign(PRIVATE, MESSAGE, b"ALICE123@YAHOO.COM")
    assert not sm2.verify(PUBLIC, MESSAGE, signature)
    assert sm2.verify(PUBLIC, MESSAGE, sm2.sign(PRIVATE, MESSAGE, None), None)
    assert not sm2.verify((1, 1), MESSAGE, (R, S))
    for private in (0, sm2.N - 1, sm2.N):
        with pytest.raises(ValueError, match="not an SM2 private key"):
            sm2.public_of(private)
    with pytest.raises(ValueError, match="not invertible"):
        sm2.multiple(sm2.N, sm2.G)


def test_signatures_are_encoded_in_every_form() -> None:
    assert sm2.raw((1, 2)) == bytes(31) + b"\x01" + bytes(31) + b"\x02"
    assert len(sm2.raw((R, S + sm2.N), 33)) == 66
    assert sm2.der((0, 127)).hex() == "300602010002017f"
    assert sm2.der((128, 1)).hex() == "300702020080020101"
    assert sm2.der((R, S + sm2.N))[:4].hex() == "30460221"
    assert len(sm2.der((1 << 511, 1 << 511))) == 2 + 1 + 2 * (2 + 65)


@pytest.mark.parametrize(
    "secret",
    [
        f"{PRIVATE:064x}",
        "OUUgj3shRLE_NuOKxtOflYiTk2koYLUaQvuB7033xbg",
    ],
)
def test_keys_are_read_and_used(secret: str) -> None:
    key = SigningKey("k", secret, "sm2-sm3")
    assert key.is_sm2
    assert key.jws_name == "SM2-SM3"
    jwk = {"kty": "EC", "crv": "SM2"} | {n: _b64(v) for n, v in zip("xy", PUBLIC, strict=True)}
    public = public_of_jwk(jwk)
    assert public == PUBLIC
    signature = key.sign(MESSAGE)
    assert verifies(public, "", MESSAGE, signature)
    for broken in (signature + b"\x00", b"\x00" * 64, signature[:63]):
        assert not verifies(public, "", MESSAGE, broken)


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
