"""The session against servers that misbehave, and against addresses it must not go to."""

import gzip
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from candidate_nasty import Authority, Script
from candidate_product import Ears, Product

from conformance.candidate.scope import Boundary, OutOfScope
from conformance.candidate.secrets import Secrets
from conformance.candidate.session import Session
from conformance.model.candidate import CandidateFile, Limits, Scope
from conformance.sdk import Broken, Exchange, WireRequest

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

#: Short, so that tests of what never ends are.
LIMITS = Limits(timeout_s=1, response_bytes_max=200_000)


@pytest.fixture
def ask(ears: Ears) -> Iterator[Callable[..., Exchange | Broken]]:
    sessions: list[Session] = []

    def send(url: str, *, ca: Path | None = None, limits: Limits = LIMITS, timeout_s: float = 0.4) -> Exchange | Broken:
        file = CandidateFile("a", "1", url, limits=limits, tls={"ca": str(ca)} if ca else {})
        sessions.append(Session.of(file, ears, Secrets()))
        return sessions[-1].send(WireRequest("GET", f"{url}/x", (), b""), timeout_s=timeout_s)

    yield send
    for session in sessions:
        session.close()


def always(data: bytes) -> Script:
    return lambda peer: peer.sendall(data)


def broken(answer: Exchange | Broken) -> tuple[str, str]:
    assert isinstance(answer, Broken)
    return answer.kind, answer.detail


# -- bounded in time ------------------------------------------------------------------------------------------------


def test_headers_that_drip_end_at_the_deadline(nasty, ask) -> None:
    def drip(peer: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000:
            peer.sendall(bytes([byte]))
            server.stopping.wait(0.02)

    server = nasty(drip)
    assert broken(ask(server.url)) == ("timeout", "no complete answer before the deadline")


def test_a_body_that_drips_ends_at_the_deadline(nasty, ask, ears: Ears) -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        while not server.stopping.wait(0.02):
            peer.sendall(b" ")

    server = nasty(drip)
    answer = ask(server.url)
    assert broken(answer)[0] == "timeout"
    assert answer.exchange.status == 200
    assert ears.sightings[0].error.startswith("timeout: ")
    assert ears.sightings[0].response is not None


def test_silence_ends_at_the_deadline(nasty, ask) -> None:
    server = nasty(lambda peer: server.stopping.wait(5) and None)
    assert broken(ask(server.url))[0] == "timeout"


def test_a_handshake_that_never_comes_ends_at_the_deadline(ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        assert broken(ask(url))[0] == "timeout"


def test_a_body_that_hangs_in_the_middle_ends_at_the_deadline(nasty, ask) -> None:
    def hang(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        server.stopping.wait(5)

    server = nasty(hang)
    assert broken(ask(server.url))[0] == "timeout"


# -- bounded in size ------------------------------------------------------------------------------------------------


def test_a_body_without_end_is_cut_off(nasty, ask, ears: Ears) -> None:
    def endless(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"\r\n")
        while not server.stopping.is_set():
            peer.sendall(b"x" * 65536)

    server = nasty(endless)
    assert broken(ask(server.url, timeout_s=10)) == ("too-large", "more than 200000 bytes")
    assert ears.sightings[0].response is not None
    assert len(ears.sightings[0].response.body) <= 65536


def test_ten_gigabytes_announced_are_not_read(nasty, ask) -> None:
    def huge(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"Content-Length: 10737418240\r\n\r\n")
        while not server.stopping.is_set():
            peer.sendall(b"x" * 65536)

    server = nasty(huge)
    assert broken(ask(server.url, timeout_s=10))[0] == "too-large"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_not_unpacked(nasty, ask, coding: str) -> None:
    plain = b"0" * 50_000_000
    bomb = gzip.compress(plain, 9) if coding == "gzip" else zlib.compress(plain, 9)
    head = HEAD + f"Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    server = nasty(always(head + bomb))
    assert broken(ask(server.url, timeout_s=10)) == ("too-large", "unpacks to more than 200000 bytes")


def test_a_compressed_body_is_unpacked(nasty, ask) -> None:
    body = gzip.compress(b'{"id": "1"}')
    server = nasty(always(HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body))
    answer = ask(server.url)
    assert isinstance(answer, Exchange)
    assert answer.body == b'{"id": "1"}'


def test_a_body_just_within_the_limit_is_read(nasty, ask) -> None:
    server = nasty(always(HEAD + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000))
    answer = ask(server.url, timeout_s=10)
    assert isinstance(answer, Exchange)
    assert len(answer.body) == 200_000


# -- broken protocol ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "connection"),
        (b"SSH-2.0-OpenSSH\r\n", "unparseable"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "unparseable"),
        (HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "unparseable"),
        (HEAD + b"X: y\r\n" * 500 + b"\r\n", "unparseable"),
        (HEAD + b"Content-Length: 50\r\n\r\n{", "connection"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "connection"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "unparseable"),
    ],
)
def test_what_is_not_http_is_broken(nasty, ask, ears: Ears, data: bytes, kind: str) -> None:
    server = nasty(always(data))
    assert broken(ask(server.url, timeout_s=5))[0] == kind
    assert len(ears.sightings) == 1
    assert server.connections == 1


def test_a_refused_connection_is_broken_and_recorded(ask, ears: Ears) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    kind, detail = broken(ask(url))
    assert kind == "connection"
    assert "refused" in detail.lower()
    assert ears.sightings[0].response is None


def test_a_foreign_redirect_is_not_followed(nasty, ask) -> None:
    foreign = nasty(always(HEAD + b"Content-Length: 2\r\n\r\n{}"))
    first = nasty(
        always(b"HTTP/1.1 302 Found\r\nLocation: " + foreign.url.encode() + b"/\r\nContent-Length: 0\r\n\r\n")
    )
    answer = ask(first.url)
    assert isinstance(answer, Exchange)
    assert answer.status == 302
    assert foreign.connections == 0


# -- TLS ------------------------------------------------------------------------------------------------------------


def test_a_certificate_of_the_given_root_is_trusted(nasty, ask, ears: Ears, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = nasty(always(HEAD + b"Content-Length: 2\r\n\r\n{}"), authority.context())
    answer = ask(server.url, ca=authority.path)
    assert isinstance(answer, Exchange)
    assert ears.sightings[0].net["tls"] == "TLSv1.3"
    assert ears.sightings[0].net["peer"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("host", "first", "last", "words"),
    [
        ("127.0.0.1", -3, -2, "expired"),
        ("127.0.0.1", 2, 3, "not yet valid"),
        ("other.example.com", -1, 1, "IP address mismatch"),
    ],
)
def test_a_certificate_that_does_not_hold_is_broken(
    nasty, ask, tmp_path: Path, host: str, first: int, last: int, words: str
) -> None:
    authority = Authority(tmp_path)
    server = nasty(always(HEAD), authority.context(host, first, last))
    kind, detail = broken(ask(server.url, ca=authority.path, timeout_s=5))
    assert kind == "tls"
    assert words in detail


def test_a_certificate_of_another_root_is_broken(nasty, ask, tmp_path: Path) -> None:
    server = nasty(always(HEAD), Authority(tmp_path, "Other Root").context())
    assert broken(ask(server.url, ca=Authority(tmp_path).path, timeout_s=5))[0] == "tls"


def test_a_certificate_that_changes_is_noticed(nasty, ears: Ears, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "Other Root")
    reply = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    server = nasty(always(reply), authority.context())
    file = CandidateFile("a", "1", server.url, limits=LIMITS, tls={"ca": str(authority.path)})
    session = Session.of(file, ears, Secrets())
    request = WireRequest("GET", f"{server.url}/x", (), b"")
    assert isinstance(session.send(request, timeout_s=5), Exchange)
    server.context = other.context()
    assert broken(session.send(request, timeout_s=5))[0] == "tls"
    session.close()


def test_a_client_certificate_is_shown_where_there_is_one(nasty, ears: Ears, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(authority.path))
    certificate, key = authority.issue("client.example.com")
    server = nasty(always(HEAD + b"Content-Length: 2\r\n\r\n{}"), context)
    file = CandidateFile("a", "1", server.url, limits=LIMITS, tls={"ca": str(authority.path)})
    session = Session.of(file, ears, Secrets())
    request = WireRequest("GET", f"{server.url}/x", (), b"")
    with_it = session.send(request, identity=(str(certificate), str(key)), timeout_s=5)
    without = session.send(request, identity=("", ""), timeout_s=5)
    session.close()
    assert isinstance(with_it, Exchange)
    assert isinstance(without, Broken)


# -- scope ----------------------------------------------------------------------------------------------------------


def resolver(table: dict[str, tuple[str, ...]]) -> Callable[[str, int], tuple[str, ...]]:
    return lambda host, port: table[host]


def test_nothing_is_sent_out_of_scope(nasty, ears: Ears) -> None:
    foreign = nasty(always(HEAD + b"\r\n"))
    session = Session.of(CandidateFile("a", "1", "http://127.0.0.1:9"), ears, Secrets())
    with pytest.raises(OutOfScope, match=f"127.0.0.1:{foreign.port} is not in scope"):
        session.send(WireRequest("GET", foreign.url, (), b""))
    assert (foreign.connections, ears.sightings) == (0, [])


def test_endpoints_and_extra_hosts_are_in_scope() -> None:
    file = CandidateFile(
        "a",
        "1",
        "https://bank.example.com/v2",
        endpoints={"node1": "http://node.example.com:81"},
        scope=Scope(hosts=("[::1]:82",)),
    )
    table = {"bank.example.com": ("192.0.2.1",), "node.example.com": ("192.0.2.2",), "::1": ("::1",)}
    boundary = Boundary.of(file, resolver(table))
    assert boundary.target("https://bank.example.com/x").address == "192.0.2.1"
    assert boundary.target("http://node.example.com:81/").authority == "node.example.com:81"
    assert boundary.target("http://[::1]:82/").authority == "[::1]:82"
    for url in ("http://bank.example.com/", "https://bank.example.com:444/", "ftp://bank.example.com/", "https://"):
        with pytest.raises(OutOfScope):
            boundary.target(url)


def test_scope_is_decided_on_addresses_after_resolution() -> None:
    table = {"bank.example.com": ("192.0.2.1",), "alias.example.com": ("192.0.2.1",), "evil.example.com": ("10.0.0.1",)}
    boundary = Boundary([("bank.example.com", 443)], resolver(table))
    assert boundary.target("https://alias.example.com/").address == "192.0.2.1"
    with pytest.raises(OutOfScope):
        boundary.target("https://evil.example.com/")


def test_a_name_that_later_points_elsewhere_changes_nothing() -> None:
    answers = iter([("192.0.2.1",), ("127.0.0.1",)])
    boundary = Boundary([("bank.example.com", 443)], lambda host, port: next(answers))
    assert boundary.target("https://bank.example.com/").address == "192.0.2.1"
    assert boundary.target("https://BANK.example.com/again").address == "192.0.2.1"


def test_a_host_without_an_address_is_a_lost_connection(ears: Ears) -> None:
    from conformance.candidate.scope import Unresolved

    def nowhere(host: str, port: int) -> tuple[str, ...]:
        raise Unresolved(f"{host} has no address")

    session = Session(ears, Boundary([("gone.example.com", 80)], nowhere), Secrets())
    kind, detail = broken(session.send(WireRequest("GET", "http://gone.example.com/", (), b"")))
    assert (kind, detail) == ("connection", "gone.example.com has no address")
    assert len(ears.sightings) == 1


# -- keeping connections --------------------------------------------------------------------------------------------


def test_connections_are_reused_and_rates_kept(ears: Ears, product: Product) -> None:
    session = Session.of(CandidateFile("a", "1", product.url), ears, Secrets())
    for _ in range(3):
        assert isinstance(session.send(WireRequest("GET", f"{product.url}/x", (), b"")), Exchange)
    session.close()
    assert len(product.requests) == 3
    assert len(product.ports) == 1


def test_a_command_repeats_the_exchange_and_escapes_what_a_shell_would_take(product: Product, ears: Ears) -> None:
    secrets = Secrets()
    secrets.remember("top-secret-value", "ACME")
    session = Session.of(CandidateFile("a", "1", product.url), ears, secrets)
    body = b'{"a": "$HOME `id` \'x\'", "key": "top-secret-value"}'
    answer = session.send(WireRequest("POST", f"{product.url}/x", (("X-A", "b"),), body))
    session.close()
    assert isinstance(answer, Exchange)
    expected = '--data-binary "{\\"a\\": \\"\\$HOME \\`id\\` \'x\'\\", \\"key\\": \\"${ACME}\\"}"'
    assert answer.curl == f"curl -X POST {product.url}/x -H 'X-A: b' -H Content-Type: {expected}"
