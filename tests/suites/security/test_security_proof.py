"""Proof from the record alone: whatever its form, a signature in it is found, and what it was made over."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from conformance_security.checks.proof import leads_to, signed_among, texts_of
from conformance_security.verifying import PublicKey, public_key_of

PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = PublicKey(PRIVATE.public_key(), "ed25519")
BODY = b'{"amount":1000,"creditor":"acc-2"}'
DIGEST = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
BASE = f'"@method": POST\n"content-digest": sha-256=:{DIGEST}:\n"@signature-params": ("@method" "content-digest")'


def signature(message: str) -> str:
    return base64.b64encode(PRIVATE.sign(message.encode())).decode()


@pytest.mark.parametrize(
    "record",
    [
        {"detail": {"signature": {"base": BASE, "value": signature(BASE), "content": BODY.decode()}}},
        {"proof": json.dumps({"base": BASE, "sig": signature(BASE)}), "body": BODY.decode()},
        {"a": [BASE, PRIVATE.sign(BASE.encode()).hex()], "b": base64.b64encode(BODY).decode()},
        {"request": BODY.decode(), "signature": signature(BODY.decode())},
    ],
)
def test_a_record_of_any_form_proves(record: dict[str, object]) -> None:
    texts = texts_of(record)
    signed = signed_among(texts, KEY)
    assert signed is not None
    assert leads_to(signed, BODY, texts)


def test_a_jws_in_the_record_proves() -> None:
    payload = base64.urlsafe_b64encode(BODY).rstrip(b"=").decode()
    value = base64.urlsafe_b64encode(PRIVATE.sign(f"e30.{payload}".encode())).rstrip(b"=").decode()
    texts = texts_of({"jws": f"e30.{payload}.{value}"})
    signed = signed_among(texts, KEY)
    assert signed is not None
    assert leads_to(signed, BODY, texts)


@pytest.mark.parametrize(
    "record",
    [{"verified": True, "keyid": "k"}, {"base": BASE, "value": signature(BASE + "x")}, {"value": signature(BASE)}],
)
def test_a_word_that_it_was_valid_proves_nothing(record: dict[str, object]) -> None:
    assert signed_among(texts_of(record), KEY) is None


def test_a_digest_without_what_it_was_made_of_proves_too_little() -> None:
    texts = texts_of({"base": BASE, "value": signature(BASE)})
    signed = signed_among(texts, KEY)
    assert signed is not None
    assert not leads_to(signed, BODY, texts)


def test_a_proof_of_another_payment_is_none_of_this_one() -> None:
    texts = texts_of({"base": BASE, "value": signature(BASE), "content": BODY.decode()})
    signed = signed_among(texts, KEY)
    assert signed is not None
    assert not leads_to(signed, BODY.replace(b"1000", b"9999"), texts)


def test_public_keys_come_from_the_candidate_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    r, s = decode_dss_signature(private.sign(b"message of some length", ec.ECDSA(SHA256())))
    value = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    monkeypatch.setenv("ACME_KEY", pem)
    (tmp_path / "key.pem").write_text(pem)
    for reference in ({"env": "ACME_KEY"}, {"file": "key.pem"}, pem):
        key = public_key_of({"key": reference, "algorithm": "ecdsa-p256-sha256"}, tmp_path)
        assert key is not None
        assert signed_among(["message of some length", value], key) is not None
    assert public_key_of({"key": "c2VjcmV0", "algorithm": "hmac-sha256"}, tmp_path) is None
    assert public_key_of({"key": {"env": "ACME_NO_KEY"}}, tmp_path) is None
