"""The hello of SSL 2.0 is one that real software reads, and answers to it are told apart."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from tls_listener import one_connection

from conformance.sdk import Evidence, Finding, Inconclusive
from conformance_security.reference.tls_script import old_hello
from conformance_security.tls.flight import Receive, Reply, ServerHello, read_reply
from conformance_security.tls.hello import Version
from conformance_security.tls.probing import Prober
from conformance_security.tls.ssl2 import read_ssl2, ssl2_hello
from conformance_security.tls.target import TlsTarget

TAKEN = Reply("hello", ServerHello(0x0303, bytes(32), 0xC02F))
#: TLS_RSA_WITH_AES_128_GCM_SHA256: it needs none of the extensions that such a hello cannot carry.
STATIC_RSA = 0x009C


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    path: Path = tmp_path_factory.mktemp("old") / "chain.pem"
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def answer(context: ssl.SSLContext, hello: bytes, read: Callable[[Receive], Reply]) -> Reply:
    """Send a hello to OpenSSL and read what comes back."""
    with one_connection(context) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(hello)
        return read(lambda: connection.recv(4096))


def test_real_software_reads_a_hello_in_this_form(context: ssl.SSLContext) -> None:
    """OpenSSL still reads the old form of a hello that offers TLS: so a refusal is about the version, not the form."""
    reply = answer(context, ssl2_hello(Version.TLS12, [STATIC_RSA]), read_reply)
    assert (reply.version, reply.suite) == (Version.TLS12, STATIC_RSA)


def test_real_software_refuses_the_version(context: ssl.SSLContext) -> None:
    assert answer(context, ssl2_hello(), read_ssl2).kind in ("alert", "closed")


def pieces(data: bytes, *, size: int = 3, end: type[OSError] | None = None) -> Receive:
    """Return a stream that gives a few bytes at a time, and then ends."""
    stream: Iterator[bytes] = iter([data[place : place + size] for place in range(0, len(data), size)])

    def receive() -> bytes:
        piece = next(stream, b"")
        if not piece and end:
            raise end
        return piece

    return receive


def test_a_server_hello_is_seen_with_version_and_cipher() -> None:
    said = old_hello(ssl2_hello()[:5], b"certificate" * 40)
    assert said is not None
    reply = read_ssl2(pieces(said))
    assert (reply.kind, reply.version, reply.suite) == ("hello", Version.SSL2, 0x0700C0)
    assert str(reply) == "a ServerHello for SSL 2.0 with suite (0x700C0)"


@pytest.mark.parametrize(
    ("data", "end", "kind"),
    [
        (bytes.fromhex("15030100020246"), None, "alert"),
        (bytes.fromhex("80030000ff"), None, "ssl2-error"),
        (b"", None, "closed"),
        (b"", ConnectionResetError, "closed"),
        (b"", TimeoutError, "silent"),
        (b"HTTP/1.1 400 Bad Request\r\n", None, "garbage"),
        (bytes.fromhex("800b0400"), None, "garbage"),
        (bytes.fromhex("8003040001"), None, "garbage"),
        (bytes.fromhex("80020900"), None, "garbage"),
    ],
)
def test_answers_are_told_apart(data: bytes, end: type[OSError] | None, kind: str) -> None:
    assert read_ssl2(pieces(data, end=end)).kind == kind


@given(st.binary(max_size=200), st.integers(1, 7))
def test_no_bytes_break_the_reader(data: bytes, size: int) -> None:
    assert read_ssl2(pieces(data, size=size)).kind in ("alert", "hello", "closed", "garbage", "ssl2-error")


class Listener:
    """A listener that takes sound hellos, and answers one of SSL 2.0 as it is told."""

    host = "bank.example.com"

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def ask(self, hello: bytes) -> Reply:
        return TAKEN

    def ask_ssl2(self) -> Reply:
        return self._reply


def probe(reply: Reply) -> None:
    listener: Any = Listener(reply)
    prober = Prober(cast(TlsTarget, listener), Evidence("run", "SEC-T01.ssl2"))
    prober.must_refuse_ssl2()
    prober.settle()


@pytest.mark.parametrize("reply", [Reply("alert", alert=50), Reply("closed"), Reply("ssl2-error")])
def test_what_refuses(reply: Reply) -> None:
    probe(reply)


@pytest.mark.parametrize("reply", [Reply("silent"), Reply("garbage")])
def test_what_decides_nothing(reply: Reply) -> None:
    with pytest.raises(Inconclusive, match="neither refuses nor accepts"):
        probe(reply)


def test_what_fails() -> None:
    with pytest.raises(Finding, match=r"SSL 2\.0 must be refused"):
        probe(Reply("hello", ServerHello(Version.SSL2, b"", 0x010080)))
