"""TLCP is judged by our own arithmetic: published values, certificates that another hand signed, and any bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_security import sm2
from conformance_security.reference import sm2_certificates as other
from conformance_security.reference.sm2_certificates import Party, certificate
from conformance_security.tls.tlcp import SmCertificate, chain_problem, proof_holds, signature_of
from conformance_security.tls.wire import Malformed, vector

NOW = datetime.now(UTC)
ROOT, MIDDLE, LEAF, STRANGER = (Party.of(name, name.encode()) for name in ("Root", "Middle", "Leaf", "Stranger"))
SIGNING = other.DIGITAL_SIGNATURE | other.NON_REPUDIATION
ROOT_DER = certificate(ROOT, ROOT, other.CERTIFICATE_SIGN, NOW, authority=True)
LEAF_DER = certificate(LEAF, ROOT, SIGNING, NOW)

#: GB/T 32918.5, the example of a signature: public key, r and s for "message digest".
PUBLIC = (
    0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
    0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
)
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MESSAGE = b"message digest"


def test_the_published_signature_verifies() -> None:
    assert sm2.verify(PUBLIC, MESSAGE, (R, S))


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (R, 0), (0, S), (R + sm2.N, S), (R, S + sm2.N), (R, sm2.N - R), (S, R), (-R, S)]
)
def test_what_is_near_it_does_not(r: int, s: int) -> None:
    assert not sm2.verify(PUBLIC, MESSAGE, (r, s))


def test_other_words_identities_and_keys_do_not_verify() -> None:
    assert not sm2.verify(PUBLIC, MESSAGE + b".", (R, S))
    assert not sm2.verify(PUBLIC, MESSAGE, (R, S), user=b"someone else")
    assert not sm2.verify((PUBLIC[0], PUBLIC[1] ^ 1), MESSAGE, (R, S))
    assert not sm2.verify(sm2.G, MESSAGE, (R, S))


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 2**64))
def test_the_two_hands_agree(message: bytes, seed: int) -> None:
    party = Party.of("anyone", seed.to_bytes(9, "big"))
    public = int.from_bytes(party.public[1:33], "big"), int.from_bytes(party.public[33:], "big")
    r, s = signature_of(party.sign(message))
    assert sm2.verify(public, message, (r, s))
    assert not sm2.verify(public, message + b"\x00", (r, s))


def test_a_certificate_is_read() -> None:
    read = SmCertificate.of(LEAF_DER)
    assert (read.subject, read.issuer, read.authority) == ("CN=Leaf", "CN=Root", False)
    assert read.usage == {"digitalSignature", "nonRepudiation"}
    assert read.public[0].to_bytes(32, "big") == LEAF.public[1:33]
    assert SmCertificate.of_pem(other.pem(ROOT_DER)).authority


def problem(leaf: bytes, *others: bytes, now: datetime = NOW) -> str:
    return chain_problem(SmCertificate.of(leaf), list(map(SmCertificate.of, others)), SmCertificate.of(ROOT_DER), now)


def test_chains_that_lead_to_the_root() -> None:
    middle = certificate(MIDDLE, ROOT, other.CERTIFICATE_SIGN, NOW, authority=True)
    below = certificate(LEAF, MIDDLE, SIGNING, NOW)
    assert problem(LEAF_DER) == ""
    assert problem(LEAF_DER, LEAF_DER, ROOT_DER) == ""
    assert problem(below, middle) == ""


def test_chains_that_do_not() -> None:
    below = certificate(LEAF, MIDDLE, SIGNING, NOW)
    impostor = Party("Root", STRANGER.private)
    plain = certificate(MIDDLE, ROOT, SIGNING, NOW)
    assert "was not sent" in problem(below)
    assert "was not sent" in problem(below, plain), "only an authority may issue"
    assert "does not verify" in problem(certificate(LEAF, impostor, SIGNING, NOW))
    assert "is valid from" in problem(LEAF_DER, now=NOW + timedelta(days=366))
    assert "is valid from" in problem(LEAF_DER, now=NOW - timedelta(days=3))


def test_a_loop_ends() -> None:
    one = certificate(MIDDLE, STRANGER, other.CERTIFICATE_SIGN, NOW, authority=True)
    two = certificate(STRANGER, MIDDLE, other.CERTIFICATE_SIGN, NOW, authority=True)
    assert "steps" in problem(certificate(LEAF, MIDDLE, SIGNING, NOW), one, two)


def test_a_proof_covers_randoms_and_certificate() -> None:
    client, server = bytes(32), bytes(range(32))
    body = vector(LEAF.sign(client + server + vector(ROOT_DER, 3)), 2)
    signer = SmCertificate.of(LEAF_DER)
    assert proof_holds(body, client, server, signer, ROOT_DER)
    assert not proof_holds(body, server, server, signer, ROOT_DER)
    assert not proof_holds(body, client, client, signer, ROOT_DER)
    assert not proof_holds(body, client, server, signer, LEAF_DER)
    assert not proof_holds(body, client, server, SmCertificate.of(ROOT_DER), ROOT_DER)
    assert not proof_holds(body[:-1], client, server, signer, ROOT_DER)
    assert not proof_holds(b"", client, server, signer, ROOT_DER)


def test_signatures_have_no_tail() -> None:
    der = LEAF.sign(b"x")
    with pytest.raises(Malformed, match="behind"):
        signature_of(der + b"\x00")
    with pytest.raises(Malformed):
        signature_of(der[:-1])


@settings(deadline=None)
@given(st.integers(0, len(LEAF_DER) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_refused(place: int, change: int) -> None:
    changed = bytearray(LEAF_DER)
    changed[place] ^= change
    try:
        read = SmCertificate.of(bytes(changed))
    except Malformed:
        return
    root = SmCertificate.of(ROOT_DER)
    assert chain_problem(read, [], root, NOW), f"byte {place} changed and nobody noticed"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    with pytest.raises(Malformed):
        SmCertificate.of(data)
