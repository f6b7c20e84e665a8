"""Chains, names, strength and purposes of certificates, each judged alone; names beside the standard library's own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.candidate import CandidateFile
from conformance.reference.inspected import make_variants
from conformance.reference.issuing import CLIENT, SERVER, Authority, Holder, Order, pem, self_signed
from conformance.sdk import NotTested
from conformance_security.tls.strength import purposes, self_issued, serves_servers, weak_key, weak_signature
from conformance_security.tls.trust import Roots, alternative_names, names_host

HOST = "pay.example.com"
ROOT = Authority("Root")
ISSUER = Authority("Issuer", path_length=0, parent=ROOT)
SOUND = ISSUER.issue(Order(HOST, SERVER, (HOST,)))


def named(*names: str, subject: str = HOST) -> Holder:
    return ISSUER.issue(Order(subject, SERVER, names))


# -- chains -----------------------------------------------------------------------------------------------------------


def test_a_complete_chain_leads_to_its_root_and_tells_the_issuer() -> None:
    route = Roots.given([ROOT.certificate]).route((SOUND.certificate, *SOUND.above))
    assert route.error == ""
    assert route.certificates == (SOUND.certificate, ISSUER.certificate, ROOT.certificate)
    assert route.issuer == ISSUER.certificate


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ((SOUND.certificate,), "unable to get local issuer certificate"),
        ((self_signed(Order(HOST, SERVER, (HOST,))).certificate,), "self-signed certificate"),
        ((SOUND.certificate, Authority("Issuer", parent=ROOT).certificate), "unable to get local issuer certificate"),
    ],
)
def test_a_chain_that_leads_nowhere_says_why(chain: tuple[x509.Certificate, ...], words: str) -> None:
    route = Roots.given([ROOT.certificate]).route(chain)
    assert words in route.error
    assert route.issuer is None


def test_an_end_entity_cannot_issue() -> None:
    rogue = Authority("Rogue")
    rogue.key, rogue.certificate, rogue.above = SOUND.key, SOUND.certificate, (SOUND.certificate,)  # type: ignore[assignment]
    forged = rogue.issue(Order("bank.example.com", SERVER, ("bank.example.com",)))
    chain = (forged.certificate, SOUND.certificate, ISSUER.certificate)
    assert Roots.given([ROOT.certificate]).route(chain).error == "invalid CA certificate"


def test_validity_does_not_matter_to_the_chain() -> None:
    then = datetime.now(UTC) - timedelta(days=90)
    expired = ISSUER.issue(Order(HOST, SERVER, (HOST,), then, then + timedelta(days=30)))
    assert Roots.given([ROOT.certificate]).route((expired.certificate, *expired.above)).error == ""


def test_roots_come_from_the_candidate_file_or_the_system(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(pem(ROOT.certificate))
    (tmp_path / "broken.pem").write_text("no certificate")
    chain = (SOUND.certificate, *SOUND.above)

    def roots(ca: object) -> Roots:
        section = {"ca": ca} if ca else {}
        return Roots.of(
            CandidateFile("x", "1", "x", "https://x.example", "http", tls=section, path=tmp_path / "c.toml")
        )

    assert roots("root.pem").route(chain).error == ""
    assert roots({"file": "root.pem"}).route(chain).error == ""
    assert roots(None).route(chain).error == "unable to get local issuer certificate"
    for wrong in ("broken.pem", "missing.pem"):
        with pytest.raises(NotTested, match=r"\[tls\] ca cannot be read"):
            roots(wrong)


# -- names ------------------------------------------------------------------------------------------------------------

NAMES = [
    ((HOST,), HOST, True),
    (("PAY.Example.COM",), HOST, True),
    ((HOST,), "PAY.EXAMPLE.COM", True),
    (("other.example",), HOST, False),
    ((), HOST, False),
    (("*.example.com",), HOST, True),
    (("*.example.com",), "example.com", False),
    (("*.example.com",), "a.b.example.com", False),
    (("*.com",), "example.com", False),
    (("p*.example.com",), HOST, False),
    (("pay.example.com.evil.example",), HOST, False),
    (("127.0.0.1",), "127.0.0.1", True),
    (("localhost",), "127.0.0.1", False),
    (("::1",), "::1", True),
    (("::1",), "0:0:0:0:0:0:0:1", True),
]


@pytest.mark.parametrize(("names", "host", "covered"), NAMES)
def test_names_are_read_as_the_standard_library_reads_them(names: tuple[str, ...], host: str, covered: bool) -> None:
    holder = named(*names)
    assert names_host(holder.certificate, host) is covered
    assert _accepted_by_openssl(holder, host) is covered


def test_the_common_name_counts_for_nothing() -> None:
    holder = named(subject=HOST)
    assert alternative_names(holder.certificate) == ()
    assert not names_host(holder.certificate, HOST)
    assert not _accepted_by_openssl(holder, HOST)


def test_an_address_written_as_a_dns_name_names_no_address() -> None:
    name = x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(ROOT.certificate.subject).issuer_name(ROOT.certificate.subject)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(now).add_extension(name, False)
    certificate = builder.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    assert not names_host(certificate, "127.0.0.1")


labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.lists(labels, min_size=2, max_size=4), labels)
def test_a_wildcard_stands_for_one_whole_label(parent: list[str], label: str) -> None:
    suffix = ".".join(parent)
    wildcard = _certificate_for(f"*.{suffix}")
    assert names_host(wildcard, f"{label}.{suffix}")
    assert not names_host(wildcard, suffix)
    assert not names_host(wildcard, f"{label}.{label}.{suffix}")


_KEY = ec.generate_private_key(ec.SECP256R1())


def _certificate_for(name: str) -> x509.Certificate:
    return ISSUER.issue(Order("x", SERVER, (name,)), _KEY).certificate


def _accepted_by_openssl(holder: Holder, host: str) -> bool:
    """Shake hands in memory with the standard library, which may not look at the common name either."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.create_default_context(cadata=pem(ROOT.certificate).decode())
    client.hostname_checks_common_name = False
    server.load_cert_chain(_written(holder))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(4):
            for side in (ours, theirs):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLCertVerificationError:
        return False
    return ours.version() is not None


_FILES: list[Path] = []


@pytest.fixture(autouse=True)
def _directory(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not _FILES:
        _FILES.append(tmp_path_factory.mktemp("holders"))


def _written(holder: Holder) -> Path:
    path = _FILES[0] / f"{holder.certificate.serial_number:x}.pem"
    path.write_bytes(holder.pem())
    return path


# -- strength and purposes --------------------------------------------------------------------------------------------


def with_key(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return ISSUER.issue(Order(HOST, SERVER, (HOST,)), key).certificate


def test_short_keys_are_weak_and_others_are_not() -> None:
    assert weak_key(with_key(rsa.generate_private_key(65537, 1024))) == "an RSA key of 1024 bits"
    assert weak_key(with_key(ec.generate_private_key(ec.SECP192R1()))) == "an EC key of 192 bits"
    assert weak_key(with_key(rsa.generate_private_key(65537, 2048))) == ""
    assert weak_key(with_key(ec.generate_private_key(ec.SECP224R1()))) == ""
    assert weak_key(_ed25519()) == ""


def test_old_hashes_are_weak_and_a_signature_without_a_separate_hash_is_not(tmp_path: Path) -> None:
    make_variants(tmp_path, ROOT, (HOST,))
    old = x509.load_pem_x509_certificates((tmp_path / "sha1.pem").read_bytes())
    assert weak_signature(old[0]) == "a signature with SHA1"
    assert weak_signature(SOUND.certificate) == ""
    assert weak_signature(_ed25519()) == ""
    assert Roots.given([ROOT.certificate]).route(old).error == ""


def test_roots_are_known_by_their_issuer() -> None:
    assert self_issued(ROOT.certificate)
    assert not self_issued(ISSUER.certificate)


def test_purposes_limit_only_where_they_are_said() -> None:
    assert serves_servers(SOUND.certificate)
    assert not serves_servers(ISSUER.issue(Order(HOST, CLIENT, (HOST,))).certificate)
    assert serves_servers(ISSUER.issue(Order(HOST, x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)).certificate)
    assert purposes(ROOT.certificate) is None
    assert serves_servers(ROOT.certificate)


def _ed25519() -> x509.Certificate:
    key, now = ed25519.Ed25519PrivateKey.generate(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, None)
