"""The envelope and its keys, against the published vectors of DSSE and RFC 8032."""

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from conformance.attest.canonical import NotStrict
from conformance.attest.envelope import PAYLOAD_TYPE, pae, parse_envelope, sign
from conformance.attest.keys import ALGORITHMS, ED25519, P256, KeyPair, PublicKey
from conformance.errors import ConfigError

DSSE_TYPE, DSSE_BODY = "http://example.com/HelloWorld", b"hello world"


def public_pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_pae_of_the_dsse_specification() -> None:
    assert pae(DSSE_TYPE, DSSE_BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("", b"") == b"DSSEv1 0  0 "


def test_lengths_in_pae_are_bytes_not_characters() -> None:
    assert pae("é", "支付".encode()) == "DSSEv1 2 é 6 支付".encode()


@given(st.text(max_size=20), st.binary(max_size=40), st.text(max_size=20), st.binary(max_size=40))
def test_pae_is_unambiguous(one_type: str, one: bytes, other_type: str, other: bytes) -> None:
    assert (pae(one_type, one) == pae(other_type, other)) == ((one_type, one) == (other_type, other))


def test_the_signed_example_of_the_dsse_specification() -> None:
    """ECDSA on P-256 over PAE, the signature as raw r and s."""
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    key = PublicKey.from_pem(public_pem(ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()))
    text = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    signature = base64.b64decode(text)
    assert key.verify(pae(DSSE_TYPE, DSSE_BODY), signature)
    assert not key.verify(DSSE_BODY, signature)
    assert not key.verify(pae(DSSE_TYPE, DSSE_BODY), signature[32:] + signature[:32])


def test_ed25519_of_rfc_8032_section_7_1() -> None:
    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    pair = KeyPair(ed25519.Ed25519PrivateKey.from_private_bytes(secret))
    expected = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert pair.sign(b"\x72").hex() == expected
    assert pair.public.verify(b"\x72", bytes.fromhex(expected))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signatures_verify_and_nothing_else_does(algorithm: str) -> None:
    pair = KeyPair.new(algorithm)
    signature = pair.sign(b"message")
    assert pair.algorithm == algorithm
    assert len(signature) == 64
    assert pair.public.verify(b"message", signature)
    assert not pair.public.verify(b"massage", signature)
    assert not KeyPair.new(algorithm).public.verify(b"message", signature)
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64):
        assert not pair.public.verify(b"message", wrong)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_envelope_round_trip(algorithm: str) -> None:
    pair = KeyPair.new(algorithm)
    envelope = parse_envelope(sign(b'{"a":1}', pair))
    assert (envelope.payload_type, envelope.payload) == (PAYLOAD_TYPE, b'{"a":1}')
    (signature,) = envelope.signatures
    assert signature.keyid == pair.keyid
    assert pair.public.verify(envelope.signed_bytes, signature.value)


@given(st.binary(max_size=60))
def test_any_payload_survives_the_envelope(payload: bytes) -> None:
    pair = KeyPair.new()
    assert parse_envelope(sign(payload, pair, pair)).payload == payload


@pytest.mark.parametrize("spelling", ["YQ", "YQ=", "YR==", "YQ==\n", " YQ==", "Y-__", "YQ==YQ==", "é"])
def test_base64_has_one_spelling(spelling: str) -> None:
    members = {"payload": spelling, "payloadType": PAYLOAD_TYPE, "signatures": [{"keyid": "", "sig": ""}]}
    with pytest.raises(NotStrict, match="Base64"):
        parse_envelope(json.dumps(members).encode())


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_are_saved_for_their_owner_alone(tmp_path: Path, algorithm: str, passphrase: str | None) -> None:
    path = tmp_path / "keys" / "signer.pem"
    pair = KeyPair.new(algorithm)
    pair.save(path, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)
    assert KeyPair.load(path, passphrase).keyid == pair.keyid


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    KeyPair.new().save(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="cannot be written"):
        KeyPair.new().save(path)
    assert path.read_bytes() == before


def test_key_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    cases: list[tuple[bytes, int, str | None, str]] = [
        (b"not a key", 0o600, None, "not a PEM private key"),
        (b"not a key", 0o644, None, "others may read"),
        (private_pem(rsa.generate_private_key(65537, 2048)), 0o600, None, "cannot sign reports"),
        (private_pem(ec.generate_private_key(ec.SECP384R1())), 0o600, None, "cannot sign reports"),
        (private_pem(ed25519.Ed25519PrivateKey.generate()), 0o600, "unneeded", "needs no passphrase"),
    ]
    for content, mode, passphrase, words in cases:
        path.write_bytes(content)
        path.chmod(mode)
        with pytest.raises(ConfigError, match=words) as caught:
            KeyPair.load(path, passphrase)
        assert caught.value.remedy
    with pytest.raises(ConfigError, match="cannot be read"):
        KeyPair.load(tmp_path / "absent.pem")
    with pytest.raises(ConfigError, match="unknown key algorithm"):
        KeyPair.new("rsa")


def test_a_locked_key_needs_the_right_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    KeyPair.new().save(path, "right horse")
    with pytest.raises(ConfigError, match="needs its passphrase"):
        KeyPair.load(path)
    with pytest.raises(ConfigError, match="not its passphrase"):
        KeyPair.load(path, "wrong horse")


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    lock = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def test_public_keys_of_other_kinds_are_refused() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(ValueError, match="neither Ed25519 nor ECDSA"):
            PublicKey.from_pem(public_pem(key.public_key()))
    with pytest.raises(ValueError, match="not a PEM public key"):
        PublicKey.from_pem(b"hello")


def test_the_key_id_is_the_digest_of_the_public_key_whatever_the_spelling() -> None:
    for algorithm in (ED25519, P256):
        public = KeyPair.new(algorithm).public
        again = PublicKey.from_pem(public.pem.replace("\n", "\r\n").encode())
        assert again.keyid == public.keyid
        assert public.keyid.startswith("sha256:")
        assert len(public.keyid) == 71
