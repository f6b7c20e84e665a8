"""The ClientHello we write is one that a real TLS stack takes, and its answer is read as what it is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tls_listener import one_connection

from conformance_security.tls.codepoints import OLD_SUITES, TLS12_SUITES, TLS13_SUITES
from conformance_security.tls.flight import Reply, read_reply
from conformance_security.tls.hello import Version, client_hello


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import datetime

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "probe.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "chain.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def server(chain: Path, low: ssl.TLSVersion, high: ssl.TLSVersion) -> Iterator[int]:
    """A TLS server for one connection, with the versions from ``low`` to ``high``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = low, high
    with one_connection(context) as port:
        yield port


def probe(port: int, version: Version, suites: tuple[int, ...]) -> Reply:
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(client_hello(version, suites, "probe.example.com"))
        return read_reply(lambda: raw.recv(65536))


def test_a_modern_server_takes_the_controls(chain: Path) -> None:
    for version, suites in ((Version.TLS12, TLS12_SUITES), (Version.TLS13, TLS13_SUITES)):
        with server(chain, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) as port:
            reply = probe(port, version, suites)
        assert (reply.kind, reply.version) == ("hello", version), str(reply)
        assert reply.suite in suites
        assert not reply.refuses


@pytest.mark.parametrize("version", [Version.SSL3, Version.TLS10, Version.TLS11])
def test_a_modern_server_refuses_old_versions(chain: Path, version: Version) -> None:
    with server(chain, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) as port:
        reply = probe(port, version, OLD_SUITES)
    assert reply.refuses, str(reply)


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11])
def test_a_legacy_server_is_seen_to_negotiate_old_versions(chain: Path, version: Version) -> None:
    with server(chain, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2) as port:
        reply = probe(port, version, OLD_SUITES)
    assert (reply.kind, reply.version) == ("hello", version), str(reply)


def test_an_alert_that_says_something_else_is_no_refusal() -> None:
    """A malformed hello draws alert 50 from any server; counting it as a refusal would pass them all."""
    reply = read_reply(iter([b"\x15\x03\x01\x00\x02\x02\x32", b""]).__next__)
    assert (reply.kind, reply.alert, reply.refuses) == ("alert", 50, False)


@pytest.mark.parametrize("alert", [40, 70, 71])
def test_the_three_alerts_that_refuse(alert: int) -> None:
    reply = read_reply(iter([b"\x15\x03\x01\x00\x02", bytes([2, alert])]).__next__)
    assert reply.refuses


def test_a_closed_connection_refuses_and_plain_http_is_garbage() -> None:
    assert read_reply(lambda: b"").kind == "closed"
    assert read_reply(iter([b"HTTP/1.1 400 Bad Request\r\n\r\n", b""]).__next__).kind == "garbage"


def test_every_version_offers_itself_and_ssl3_no_extensions() -> None:
    for version in (Version.SSL3, Version.TLS10, Version.TLS11, Version.TLS12, Version.TLS13):
        hello = client_hello(version, (0x002F,), random=bytes(32))
        assert hello[0] == 22
        assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
        assert int.from_bytes(hello[9:11], "big") == min(version, Version.TLS12)
    assert client_hello(Version.SSL3, (0x002F,), random=bytes(32)).endswith(b"\x00\x02\x00\x2f\x01\x00")
