"""Certificates of the reference bank: whom its ports let in, what they show, and the faults of both."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.reference import tls
from conformance.reference.inspected import PREFIX, make_variants
from conformance.reference.issuing import Authority

if TYPE_CHECKING:
    from conftest import Client

Answer = requests.Response | None


@pytest.fixture
def directory(bank: Client) -> Path:
    return bank.process.candidate_path.parent


@pytest.fixture
def document(bank: Client) -> dict[str, Any]:
    return tomllib.loads(bank.process.candidate_path.read_text("utf-8"))


@pytest.fixture
def faults(bank: Client) -> Iterator[Any]:
    yield bank.process.switch
    bank.process.switch([])


def whoami(bank: Client, document: dict[str, Any], client: str = "", **headers: str) -> Answer:
    """Ask who one is at the port for client certificates; None where TLS lets nobody in."""
    certificate = str(bank.process.candidate_path.parent / tls.client_file(client)) if client else None
    with requests.Session() as session:
        session.trust_env = False
        session.verify = document["tls"]["ca"]
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            url = document["endpoints"]["mtls"] + "/mtls/whoami"
            return session.get(url, cert=certificate, headers=wanted, timeout=10)
        except (requests.exceptions.SSLError, requests.exceptions.ConnectionError):
            return None


def certificate_of(directory: Path, client: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates((directory / tls.client_file(client)).read_bytes())[0]


@pytest.mark.parametrize("client", ["first", "second"])
def test_a_client_is_known_by_its_certificate(
    bank: Client, document: dict[str, Any], directory: Path, client: str
) -> None:
    answer = whoami(bank, document, client)
    assert answer is not None
    digest = hashlib.sha256(certificate_of(directory, client).public_bytes(Encoding.DER)).digest()
    thumbprint = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert answer.json() == {"subject": f"CN=client-{client}", "thumbprint": thumbprint}


def test_without_a_certificate_one_is_nobody_whatever_a_header_says(
    bank: Client, document: dict[str, Any], directory: Path
) -> None:
    pem = certificate_of(directory, "first").public_bytes(Encoding.PEM).decode()
    for headers in ({}, {"X_Client_Cert": quote(pem)}):
        answer = whoami(bank, document, **headers)
        assert answer is not None
        assert (answer.status_code, answer.json()["code"]) == (401, "certificate-missing")
    assert bank.raw("GET", "/mtls/whoami").status_code == 401


FAULTS = {"stranger": "mtls.optional-no-ca", "revoked": "mtls.crl-ignored", "expired": "mtls.expiry-ignored"}


@pytest.mark.parametrize("client", FAULTS)
def test_bad_certificates_are_refused_but_for_their_fault(
    bank: Client, document: dict[str, Any], faults: Any, client: str
) -> None:
    assert whoami(bank, document, client) is None
    for fault in FAULTS.values():
        faults([fault])
        answer = whoami(bank, document, client)
        assert (answer is not None) is (fault == FAULTS[client])
    faults([])
    assert whoami(bank, document, client) is None


def test_the_fault_of_the_header_and_the_fault_of_the_optional_certificate(
    bank: Client, document: dict[str, Any], directory: Path, faults: Any
) -> None:
    pem = certificate_of(directory, "first").public_bytes(Encoding.PEM).decode()
    faults(["mtls.header-trusted"])
    trusted, unread = whoami(bank, document, X_Client_Cert=quote(pem)), whoami(bank, document, X_Client_Cert="rubbish")
    assert trusted is not None
    assert unread is not None
    assert trusted.json()["subject"] == "CN=client-first"
    assert unread.status_code == 400
    faults(["mtls.certificate-optional"])
    anybody = whoami(bank, document)
    assert anybody is not None
    assert anybody.status_code == 200


def test_the_same_product_answers_behind_both_ports(bank: Client, document: dict[str, Any]) -> None:
    token = {"Authorization": f"Bearer {bank.token('alice')}"}
    url = document["endpoints"]["mtls"] + "/accounts"
    assert requests.get(url, headers=token, verify=document["tls"]["ca"], timeout=10).status_code == 200


def test_the_candidate_file_names_users_for_every_case(document: dict[str, Any], directory: Path) -> None:
    mtls = document["declared"]["security"]["tls"]["mtls"]
    for use in ("good", "stranger", "revoked", "expired"):
        section = document["users"][mtls[use]]
        assert section["scheme"] == "none"
        assert (directory / section["client_cert"]).stat().st_mode & 0o077 == 0


# -- what the port for certificates shows -----------------------------------------------------------------------------


def shown(document: dict[str, Any]) -> str:
    """Return what the standard library says about the certificate, "" for nothing."""
    parts = urlsplit(document["endpoints"]["certificates"])
    context = ssl.create_default_context(cafile=document["tls"]["ca"])
    context.hostname_checks_common_name = False
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=5) as raw:
        try:
            context.wrap_socket(raw, server_hostname="127.0.0.1").close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("sound", ""),
        ("self-signed", "self-signed certificate"),
        ("intermediate-missing", "unable to get local issuer certificate"),
        ("other-host", "IP address mismatch"),
        ("common-name-only", "IP address mismatch"),
        ("expired", "certificate has expired"),
        ("future", "certificate is not yet valid"),
        ("client-purpose", "unsuitable certificate purpose"),
        ("nearly-expired", ""),
    ],
)
def test_each_fault_shows_the_certificate_it_is_named_for(
    document: dict[str, Any], faults: Any, variant: str, words: str
) -> None:
    faults([PREFIX + variant])
    assert words in shown(document)
    assert bool(shown(document)) is bool(words)


def test_certificates_survive_a_restart_and_their_authority_does_not(tmp_path: Path) -> None:
    first = tls.make_certificates(tmp_path).read_bytes()
    assert tls.make_certificates(tmp_path).read_bytes() == first
    root = x509.load_pem_x509_certificate(first).public_key()
    holding = [path for path in tmp_path.rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]
    for path in holding:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(path)
        assert x509.load_pem_x509_certificates(path.read_bytes())[0].public_key() != root


def test_variants_are_private_files(tmp_path: Path) -> None:
    make_variants(tmp_path, Authority("Root"), ("127.0.0.1",))
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("*.pem")} == {0}


def test_a_client_that_says_nothing_does_not_hold_the_port(document: dict[str, Any]) -> None:
    parts = urlsplit(document["endpoints"]["certificates"])
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=5) as silent:
        silent.sendall(b"\x16")
        assert shown(document) == ""
