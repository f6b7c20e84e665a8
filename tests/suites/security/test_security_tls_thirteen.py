"""Our client of TLS 1.3 agrees with published values and with a stack that is not ours."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from conformance.sdk import Exchange, WireRequest
from conformance_security.tls.http import parse_answer, request_bytes
from conformance_security.tls.schedule import AES_128, AES_256, CHACHA20, SUITES, Suite
from conformance_security.tls.thirteen import Client
from conformance_security.tls.wire import Malformed

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"POST /payments HTTP/1.1\r\nHost: bank.example.com\r\n\r\n"


def test_the_key_schedule_is_that_of_rfc_8448() -> None:
    """The simple handshake of RFC 8448 3, up to its handshake secret."""
    early = AES_128.extract(b"", b"")
    assert early.hex() == "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"
    derived = AES_128.derive(early, "derived")
    assert derived.hex() == "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"
    shared = bytes.fromhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
    handshake = AES_128.extract(derived, shared)
    assert handshake.hex() == "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"


def test_the_keys_of_a_traffic_secret_are_those_of_rfc_8448() -> None:
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert AES_128.expand(secret, "key", b"", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert AES_128.expand(secret, "iv", b"", 12).hex() == "5d313eb2671276ee13000b30"


@given(
    st.sampled_from([AES_128, AES_256, CHACHA20]),
    st.lists(st.tuples(st.sampled_from([21, 22, 23]), st.binary(max_size=200)), max_size=5),
)
def test_what_is_sealed_is_opened_in_order(suite: Suite, records: list[tuple[int, bytes]]) -> None:
    one, other = (suite.protection(bytes(suite.hash_size)) for _ in range(2))
    for kind, content in records:
        sealed = one.seal(kind, content)
        assert other.open(sealed[:5], sealed[5:]) == (kind, content)


def test_a_changed_record_is_malformed() -> None:
    sealed = AES_128.protection(bytes(32)).seal(23, b"content")
    with pytest.raises(Malformed):
        AES_128.protection(bytes(32)).open(sealed[:5], sealed[5:-1] + bytes([sealed[-1] ^ 1]))


class Wire:
    """A connection as checks see it, without a journal."""

    def __init__(self, port: int) -> None:
        self._raw = socket.create_connection(("127.0.0.1", port), 5)

    def send(self, data: bytes) -> None:
        self._raw.sendall(data)

    def receive(self, size: int = 65536) -> bytes:
        return self._raw.recv(min(size, 333))

    def close(self) -> Exchange:
        self._raw.close()
        return Exchange(0)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "thirteen.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    path = tmp_path_factory.mktemp("thirteen") / "chain.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def openssl(chain: Path, early_max: int, *, asks: bool = False, suites: str = "") -> Iterator[tuple[int, list[bytes]]]:
    """A server of OpenSSL's for as many connections as come; gives its port and the early data it was sent."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(str(chain))
    context.use_privatekey_file(str(chain))
    context.set_session_id(b"test")
    lib.SSL_CTX_set_max_early_data(context._context, early_max)
    if suites:
        context.set_tls13_ciphersuites(suites.encode())
    if asks:
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    early: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    raw, _ = listener.accept()
                except OSError:
                    return
                with raw, contextlib.suppress(SSL.Error, OSError):
                    raw.settimeout(None)
                    connection = SSL.Connection(context, raw)
                    connection.set_accept_state()
                    buffer, count = ffi.new("char[]", 4096), ffi.new("size_t *")
                    said = b""
                    while lib.SSL_read_early_data(connection._ssl, buffer, 4096, count) == 1:
                        said += bytes(ffi.buffer(buffer, count[0]))
                    connection.do_handshake()
                    early.append(said)
                    if not said:
                        connection.recv(4096)
                    connection.sendall(ANSWER)
                    connection.shutdown()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], early
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("asks", [False, True], ids=["no client certificate", "client certificate wanted"])
def test_a_request_is_answered_and_a_ticket_given(chain: Path, asks: bool) -> None:
    with openssl(chain, 0, asks=asks) as (port, _):
        told = Client(Wire(port), "thirteen.example.com").speak(REQUEST)
    assert told.answer == ANSWER
    assert [ticket.early_max for ticket in told.tickets] == [0] * len(told.tickets)


@pytest.mark.parametrize(
    ("suites", "code"),
    [
        ("TLS_AES_128_GCM_SHA256", 0x1301),
        ("TLS_AES_256_GCM_SHA384", 0x1302),
        ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ],
)
def test_early_data_reaches_a_server_that_takes_it(chain: Path, suites: str, code: int) -> None:
    with openssl(chain, 5000, suites=suites) as (port, early):
        first = Client(Wire(port), "thirteen.example.com").speak(REQUEST)
        ticket = first.tickets[0]
        again = Client(Wire(port), "thirteen.example.com", ticket).speak(REQUEST, early=True)
    assert (ticket.early_max, ticket.suite) == (5000, SUITES[code])
    assert early == [b"", REQUEST]
    assert again.early_accepted
    assert again.answer == ANSWER


def test_a_ticket_is_taken_for_early_data_once(chain: Path) -> None:
    with openssl(chain, 5000) as (port, early):
        ticket = Client(Wire(port), "thirteen.example.com").speak(REQUEST).tickets[0]
        Client(Wire(port), "thirteen.example.com", ticket).speak(REQUEST, early=True)
        replayed = Client(Wire(port), "thirteen.example.com", ticket).speak(REQUEST, early=True)
    assert not replayed.early_accepted
    assert early[:2] == [b"", REQUEST]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_client(data: bytes) -> None:
    class Canned:
        def __init__(self) -> None:
            self.pieces = [data]

        def send(self, sent: bytes) -> None:
            """Nobody listens."""

        def receive(self, size: int = 65536) -> bytes:
            return self.pieces.pop() if self.pieces else b""

        def close(self) -> Exchange:
            return Exchange(0)

    for answer in (data, b"\x16\x03\x03" + len(data).to_bytes(2, "big") + data):
        canned = Canned()
        canned.pieces = [answer]
        with pytest.raises(Malformed):
            Client(canned, "thirteen.example.com").speak(REQUEST)


def test_a_request_as_bytes() -> None:
    request = WireRequest("POST", "https://bank.example.com:8443/a?b=c", (("Content-Type", "text/plain"),), b"hello")
    assert request_bytes(request) == (
        b"POST /a?b=c HTTP/1.1\r\nHost: bank.example.com:8443\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 5\r\nConnection: close\r\n\r\nhello"
    )


def test_an_answer_is_read_whole_or_in_chunks() -> None:
    assert parse_answer(ANSWER) == (200, {"Content-Length": "2"}, b"ok")
    chunked = b"HTTP/1.1 425 Too Early\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    assert parse_answer(chunked) == (425, {"Transfer-Encoding": "chunked"}, b"abcd")
    for wrong in (b"", b"SSH-2.0\r\n", b"HTTP/1.1 abc\r\n\r\n", chunked.replace(b"3;x=y", b"zz")):
        with pytest.raises(Malformed):
            parse_answer(wrong)


def test_a_server_that_knows_only_p256_is_spoken_to(chain: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_ecdh_curve("prime256v1")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(4096)
                connection.sendall(ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        told = Client(Wire(listener.getsockname()[1]), "thirteen.example.com").speak(REQUEST)
        thread.join(5)
    assert told.answer == ANSWER
    assert told.tickets
    assert not told.early_accepted
