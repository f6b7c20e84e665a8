"""What a careful receiver makes of signed answers and notices."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance_security.answered import answer_verdict, notice_verdict
from conformance_security.detached import Detached
from conformance_security.httpsig import Message, Pattern
from conformance_security.signing_keys import SigningKey

PRIVATE = ed25519.Ed25519PrivateKey.generate()
KEY = SigningKey("bank", PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
KEYS: dict[str, Any] = {"bank": PRIVATE.public_key()}
BODY = b'{"state":"confirmed"}'
NOW = 1_700_000_000


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def notice(covers: str = '"@method" "@target-uri" "content-digest"', created: str = f";created={NOW}") -> Message:
    pattern = Pattern.read(f'n=({covers}){created};keyid="bank"')
    assert pattern is not None
    plain = Message("POST", "http://127.0.0.1:9/hook", {"Content-Digest": digest(BODY)}, BODY)
    return replace(plain, headers={**plain.headers, **pattern.signed(plain, KEY.sign)})


def test_a_genuine_notice_holds() -> None:
    assert notice_verdict(notice(), KEYS, NOW) == ""
    assert notice_verdict(notice(), KEYS, NOW + 70) == ""


@pytest.mark.parametrize(
    ("message", "keys", "now", "says"),
    [
        (replace(notice(), headers={}), KEYS, NOW, "carries no signature"),
        (replace(notice(), body=b"{}"), KEYS, NOW, "Content-Digest is not that of its body"),
        (replace(notice(), url="http://127.0.0.1:9/other"), KEYS, NOW, "does not verify"),
        (notice('"@method"'), KEYS, NOW, "does not cover content-digest"),
        (notice(created=""), KEYS, NOW, "does not say when it was made"),
        (notice(), KEYS, NOW + 3600, "was made 3600 s ago"),
        (notice(), KEYS, NOW - 3600, "was made 3600 s ahead"),
        (notice(), {}, NOW, "key bank is not one that the product has published"),
        (notice(), {"bank": ed25519.Ed25519PrivateKey.generate().public_key()}, NOW, "does not verify"),
    ],
)
def test_other_notices_do_not(message: Message, keys: dict[str, Any], now: int, says: str) -> None:
    assert says in notice_verdict(message, keys, now)


def test_an_answer_must_cover_its_status() -> None:
    message = replace(notice('"content-digest"'), status=200)
    assert "does not cover @status" in answer_verdict(message, KEYS, NOW)
    pattern = Pattern.read(f'a=("@status" "content-digest");created={NOW};keyid="bank"')
    assert pattern is not None
    signed = replace(message, headers={"Content-Digest": digest(BODY)})
    signed = replace(signed, headers={**signed.headers, **pattern.signed(signed, KEY.sign)})
    assert answer_verdict(signed, KEYS, NOW) == ""
    assert answer_verdict(replace(signed, status=201), KEYS, NOW) == "the signature does not verify"


def test_what_only_the_request_covers_does_not_count() -> None:
    request = Message("POST", "https://example.com/", {"Content-Digest": digest(b"x")}, b"x")
    pattern = Pattern.read(f'a=("@status" "content-digest";req);created={NOW};keyid="bank"')
    assert pattern is not None
    plain = Message(headers={"Content-Digest": digest(BODY)}, body=BODY, status=200, request=request)
    signed = replace(plain, headers={**plain.headers, **pattern.signed(plain, KEY.sign)})
    assert "does not cover content-digest" in answer_verdict(signed, KEYS, NOW)


def test_detached_signatures_are_judged_too() -> None:
    plain = Message("POST", "http://127.0.0.1:9/hook", {}, BODY)
    scheme = Detached("x-jws-signature", {"alg": "EdDSA", "kid": "bank", "b64": False, "iat": NOW, "crit": ["b64"]}, {})
    signed = replace(plain, headers=scheme.signed(plain, KEY.sign))
    assert notice_verdict(signed, KEYS, NOW) == ""
    assert notice_verdict(replace(signed, body=b"{}"), KEYS, NOW) == "the signature does not verify"
    assert "not one that" in notice_verdict(signed, {}, NOW)
    assert "s ago" in notice_verdict(signed, KEYS, NOW + 3600)
    assert "cannot be read" in notice_verdict(replace(signed, headers={"x-jws-signature": "x"}), KEYS, NOW)


SHARED = {
    "secret": "a shared secret",
    "header": "Acme-Signature",
    "pattern": r"t=(?P<timestamp>\d+),v1=(?P<signature>[0-9a-f]+)",
}


def test_shared_secrets_are_judged_too() -> None:
    made = hmac.new(b"a shared secret", f"{NOW}.".encode() + BODY, "sha256").hexdigest()
    signed = Message("POST", "http://127.0.0.1:9/", {"acme-signature": f"t={NOW},v1={made}"}, BODY)
    assert notice_verdict(signed, {}, NOW, SHARED) == ""
    assert notice_verdict(replace(signed, body=b"{}"), {}, NOW, SHARED) == "the signature does not verify"
    assert "s ago" in notice_verdict(signed, {}, NOW + 3600, SHARED)
    assert "no signature" in notice_verdict(replace(signed, headers={}), {}, NOW, SHARED)
    assert "cannot be read" in notice_verdict(replace(signed, headers={"Acme-Signature": "x"}), {}, NOW, SHARED)
    undated = {**SHARED, "pattern": "(?P<signature>.+)", "template": "{body}"}
    plain = base64.b64encode(hmac.digest(b"a shared secret", BODY, "sha256")).decode()
    verdict = notice_verdict(replace(signed, headers={"Acme-Signature": plain}), {}, NOW, undated)
    assert verdict == "its signature does not say when it was made"
