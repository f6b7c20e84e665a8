"""Stapled OCSP responses: each defect is named, sound ones of every kind of issuer and responder pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.issuing import RESPONDER, SERVER, Authority, Holder, Order
from conformance_security.tls.staple import defect, demands_staple

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ISSUER = Authority("Issuer")
IMPOSTOR = Authority("Issuer")
LEAF = ISSUER.issue(Order("pay.example.com", SERVER, ("pay.example.com",)))
OTHER = ISSUER.issue(Order("other.example", SERVER, ("other.example",)))
RESPONDERS = ISSUER.issue(Order("responder", RESPONDER))

GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def response(
    *,
    about: x509.Certificate = LEAF.certificate,
    issuer: x509.Certificate = ISSUER.certificate,
    status: ocsp.OCSPCertStatus = GOOD,
    begins: datetime = NOW - HOUR,
    ends: datetime | None = NOW + DAY,
    signer: Holder | None = None,
    digest: Any = None,
    enclose: bool = True,
) -> bytes:
    """Return a response by the issuer, or by ``signer`` with its certificate enclosed."""
    revoked = begins if status is REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        about, issuer, digest or hashes.SHA256(), status, begins, ends, revoked, None
    )
    certificate, key = (signer.certificate, signer.key) if signer else (ISSUER.certificate, ISSUER.key)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
    if signer and enclose:
        builder = builder.certificates([certificate])
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def judged(staple: bytes, issuer: x509.Certificate = ISSUER.certificate) -> str:
    return defect(staple, LEAF.certificate, issuer, NOW)


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256()])
def test_a_current_good_response_of_the_issuer_has_no_defect(digest: Any) -> None:
    assert judged(response(digest=digest)) == ""


def test_a_responder_of_the_issuer_may_sign() -> None:
    assert judged(response(signer=RESPONDERS)) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"status": REVOKED}, "says that the certificate is revoked"),
        ({"status": UNKNOWN}, "says that the certificate is unknown"),
        ({"about": OTHER.certificate}, "is about another certificate"),
        ({"issuer": IMPOSTOR.certificate}, "is about another certificate"),
        ({"begins": NOW - 2 * DAY, "ends": NOW - DAY}, "is stale"),
        ({"begins": NOW - 11 * DAY, "ends": None}, "is stale"),
        ({"begins": NOW + DAY, "ends": NOW + 2 * DAY}, "is dated in the future"),
        ({"signer": Holder(IMPOSTOR.certificate, IMPOSTOR.key)}, "is not signed by the issuer"),
        ({"signer": OTHER}, "is not signed by the issuer"),
        ({"signer": RESPONDERS, "enclose": False}, "is not signed by the issuer"),
        ({"signer": IMPOSTOR.issue(Order("responder", RESPONDER))}, "is not signed by the issuer"),
        (
            {"signer": ISSUER.issue(Order("responder", RESPONDER, (), NOW - 9 * DAY, NOW - DAY))},
            "is not signed by the issuer",
        ),
    ],
)
def test_every_defect_is_named(options: dict[str, Any], words: str) -> None:
    assert words in judged(response(**options))


def test_a_response_without_a_next_update_is_good_for_ten_days() -> None:
    assert judged(response(begins=NOW - 9 * DAY, ends=None)) == ""


def test_errors_and_rubbish_are_no_responses() -> None:
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    assert judged(refused.public_bytes(serialization.Encoding.DER)) == "is an error: try_later"
    assert judged(b"\x30\x03\x0a\x01") == "cannot be parsed"


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_of_the_signed_part_goes_unseen(place: int, change: int) -> None:
    staple = bytearray(SOUND)
    body = ocsp.load_der_ocsp_response(SOUND).tbs_response_bytes
    begin = SOUND.index(body)
    staple[begin + place % len(body)] ^= change
    try:
        assert judged(bytes(staple)) != ""
    except UnsupportedAlgorithm:
        return  # the change hit the name of an algorithm: not tested, so not passed


SOUND = response()


def test_an_rsa_issuer_is_recognised_by_its_key() -> None:
    key = rsa.generate_private_key(65537, 2048)
    holder = ISSUER.issue(Order("RSA Issuer", SERVER), key)
    authority = Authority("any")
    authority.key, authority.certificate = key, holder.certificate  # type: ignore[assignment]
    leaf = authority.issue(Order("leaf", SERVER))
    builder = ocsp.OCSPResponseBuilder().add_response(
        leaf.certificate, holder.certificate, hashes.SHA256(), GOOD, NOW - HOUR, NOW + DAY, None, None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, holder.certificate)
    staple = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    assert defect(staple, leaf.certificate, holder.certificate, NOW) == ""


def test_a_certificate_may_demand_a_staple() -> None:
    key = ISSUER.key
    builder = x509.CertificateBuilder().subject_name(ISSUER.certificate.subject).issuer_name(ISSUER.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(7).not_valid_before(NOW).not_valid_after(NOW + DAY)
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    assert demands_staple(builder.add_extension(feature, critical=False).sign(key, hashes.SHA256()))
    assert not demands_staple(LEAF.certificate)
