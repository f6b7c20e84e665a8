"""Attacks on the envelope, its signatures and the spelling of what is signed (steps 1 to 4), and their reason codes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from small_run import SmallRun, refused

from conformance.attest.canonical import canonical_bytes
from conformance.attest.envelope import ENVELOPE_SIZE_MAX, pae, sign
from conformance.attest.keys import P256, KeyPair
from conformance.attest.policy import MODES, Policy, Role, TrustedKey
from conformance.attest.verify import read_envelope
from conformance.errors import UntrustedError


def repacked(run: SmallRun, **members: Any) -> bytes:
    return json.dumps(json.loads(run.envelope()) | members).encode()


def sealed(run: SmallRun, payload: bytes) -> bytes:
    """Sign bytes that the engine would never sign, with the trusted key."""
    return sign(payload, run.key)


# -- (1) the envelope itself -----------------------------------------------------------------------------------


def test_an_envelope_of_100_megabytes_is_not_parsed(run: SmallRun) -> None:
    refused(run, b'{"payload":"' + b"A" * 100_000_000 + b'"}', "TOO_LARGE", 1)


def test_an_envelope_file_of_100_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dsse.json"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    assert path.stat().st_size > ENVELOPE_SIZE_MAX
    with pytest.raises(UntrustedError, match="TOO_LARGE"):
        read_envelope(path)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_10000_deep_is_refused_without_recursion(run: SmallRun, opening: bytes) -> None:
    refused(run, opening * 10_000, "TOO_DEEP", 1)


def test_nesting_10000_deep_inside_the_payload_is_refused(run: SmallRun) -> None:
    refused(run, sealed(run, b"[" * 10_000 + b"]" * 10_000), "TOO_DEEP", 4)


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (b"", "NOT_JSON"),
        (b"not json", "NOT_JSON"),
        (b"\xff\xfe{}", "NOT_UTF8"),
        (b"[]", "MALFORMED_ENVELOPE"),
        (b"{}", "MALFORMED_ENVELOPE"),
        (b'{"payload":1,"payloadType":"a","signatures":[{"keyid":"","sig":""}]}', "MALFORMED_ENVELOPE"),
        (b'{"payload":"","payload":"","payloadType":"a","signatures":[]}', "DUPLICATE_KEY"),
        (b'{"payload":"","payloadType":"a","signatures":[],"more":1}', "MALFORMED_ENVELOPE"),
        (b'{"payload":1.5}', "FLOAT"),
    ],
)
def test_malformed_envelopes(run: SmallRun, envelope: bytes, code: str) -> None:
    refused(run, envelope, code, 1)


def test_signature_stripping(run: SmallRun) -> None:
    refused(run, repacked(run, signatures=[]), "MALFORMED_ENVELOPE", 1)


def test_a_flood_of_signatures(run: SmallRun) -> None:
    signature = json.loads(run.envelope())["signatures"][0]
    refused(run, repacked(run, signatures=[signature] * 33), "MALFORMED_ENVELOPE", 1)


def test_base64_that_hides_bits(run: SmallRun) -> None:
    text = json.loads(run.envelope())["signatures"][0]["sig"]
    assert text.endswith("==")
    loose = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    assert base64.b64decode(loose) == base64.b64decode(text)
    refused(run, repacked(run, signatures=[{"keyid": "", "sig": loose}]), "MALFORMED_ENVELOPE", 1)


# -- (2) (3) types and signatures ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.in-toto+json", ""])
def test_payload_type_confusion(run: SmallRun, kind: str) -> None:
    payload = canonical_bytes(run.statement)
    signature = base64.b64encode(run.key.sign(pae(kind, payload))).decode()
    envelope = repacked(run, payloadType=kind, signatures=[{"keyid": run.key.keyid, "sig": signature}])
    refused(run, envelope, "PAYLOAD_TYPE", 2)


def test_a_signature_for_another_payload_type_does_not_count(run: SmallRun) -> None:
    signature = base64.b64encode(run.key.sign(pae("application/json", canonical_bytes(run.statement)))).decode()
    refused(run, repacked(run, signatures=[{"keyid": run.key.keyid, "sig": signature}]), "NO_TRUSTED_SIGNATURE", 3)


def test_a_signature_over_the_bare_payload_does_not_count(run: SmallRun) -> None:
    signature = base64.b64encode(run.key.sign(canonical_bytes(run.statement))).decode()
    refused(run, repacked(run, signatures=[{"keyid": run.key.keyid, "sig": signature}]), "NO_TRUSTED_SIGNATURE", 3)


def test_key_substitution_under_the_trusted_key_id(run: SmallRun) -> None:
    stranger = KeyPair.new()
    envelope = json.loads(sign(canonical_bytes(run.statement), stranger))
    envelope["signatures"][0]["keyid"] = run.key.keyid
    refused(run, json.dumps(envelope).encode(), "NO_TRUSTED_SIGNATURE", 3)


def test_verdict_edited_and_signed_again_by_a_stranger(run: SmallRun) -> None:
    statement = run.changed()
    statement["predicate"]["verdict"] = {"value": "conformant", "reasons": []}
    refused(run, sign(canonical_bytes(statement), KeyPair.new()), "NO_TRUSTED_SIGNATURE", 3)


def test_verdict_edited_under_the_old_signature(run: SmallRun) -> None:
    statement = run.changed()
    statement["predicate"]["verdict"] = {"value": "conformant", "reasons": []}
    payload = base64.b64encode(canonical_bytes(statement)).decode()
    refused(run, repacked(run, payload=payload), "NO_TRUSTED_SIGNATURE", 3)


def two_of_two(run: SmallRun, other: KeyPair) -> Policy:
    keys = (TrustedKey("one", ("lab",), run.key.public), TrustedKey("two", ("lab",), other.public))
    return Policy(keys, (Role("lab", 2, MODES),))


def test_one_key_under_two_ids_does_not_reach_a_threshold_of_two(run: SmallRun) -> None:
    envelope = json.loads(run.envelope())
    envelope["signatures"] += [{**envelope["signatures"][0], "keyid": "sha256:other"}]
    refused(run, json.dumps(envelope).encode(), "THRESHOLD", 3, policy=two_of_two(run, KeyPair.new()))


def test_one_key_trusted_under_two_names_counts_once(run: SmallRun) -> None:
    keys = (TrustedKey("one", ("lab",), run.key.public), TrustedKey("two", ("lab",), run.key.public))
    refused(run, None, "THRESHOLD", 3, policy=Policy(keys, (Role("lab", 2, MODES),)))


def test_two_keys_of_both_algorithms_reach_a_threshold_of_two(run: SmallRun) -> None:
    other = KeyPair.new(P256)
    verified = run.verify(sign(canonical_bytes(run.statement), run.key, other), policy=two_of_two(run, other))
    assert {key.name for key in verified.signers} == {"one", "two"}


def test_a_key_of_the_wrong_role(run: SmallRun) -> None:
    policy = Policy((TrustedKey("vendor", ("vendor",), run.key.public),), (Role("lab", 1, MODES),))
    refused(run, None, "THRESHOLD", 3, policy=policy)


# -- (4) JSON tricks, signed by the trusted key ------------------------------------------------------------------


def tricked(run: SmallRun, old: bytes, new: bytes) -> bytes:
    payload = canonical_bytes(run.statement)
    assert old in payload
    return sealed(run, payload.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"critical":[]', b'"critical":[],"critical":[]', "DUPLICATE_KEY"),
        (b'"critical":[]', b'"critical":[],"\\u0063ritical":[]', "DUPLICATE_KEY"),
        (b'"cpus":2', b'"cpus":2.0', "FLOAT"),
        (b'"cpus":2', b'"cpus":2e0', "FLOAT"),
        (b'"cpus":2', b'"cpus":NaN', "FLOAT"),
        (b'"cpus":2', b'"cpus":Infinity', "FLOAT"),
        (b'"cpus":2', b'"cpus":9007199254740992', "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus":-9007199254740992', "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus":' + b"9" * 5000, "BIG_INTEGER"),
        (b'"cpus":2', b'"cpus": 2', "NOT_CANONICAL"),
        (b'"cpus":2', b'"cpus":-0', "NOT_CANONICAL"),
        (b'"cpus":2', b'"cpus":02', "NOT_JSON"),
        (b'"Linux"', b'"\\u004cinux"', "NOT_CANONICAL"),
        (b'"Linux"', b'"\\ud800"', "NOT_CANONICAL"),
        (b'"Linux"', b'"Linux\xff"', "NOT_UTF8"),
        (b'"attempts":1,"cpus":2', b'"cpus":2,"attempts":1', "NOT_CANONICAL"),
        (b'{"_type"', b' {"_type"', "NOT_CANONICAL"),
        (b'{"_type"', b'\xef\xbb\xbf{"_type"', "NOT_JSON"),
    ],
)
def test_json_tricks_inside_a_signed_payload(run: SmallRun, old: bytes, new: bytes, code: str) -> None:
    refused(run, tricked(run, old, new), code, 4)
