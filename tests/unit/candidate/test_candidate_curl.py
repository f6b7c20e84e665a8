"""The printed command sends what was sent: tried with curl itself, against a server that keeps every byte."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from candidate_nasty import Authority
from candidate_product import Ears
from hypothesis import example, given
from hypothesis import strategies as st

from conformance.candidate.curl import curl_line, raw_line
from conformance.candidate.doctor import sent_of
from conformance.candidate.raw import RecordedSocket, secure_context
from conformance.candidate.secrets import Secrets, variable_name
from conformance.candidate.session import Session
from conformance.model.candidate import CandidateFile
from conformance.sdk import Exchange
from conformance.sdk.load import WireRequest

#: Headers of whoever connects, not of the request.
OWN = (b"user-agent:", b"accept:", b"accept-encoding:", b"connection:", b"conformance-")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"


class Keeper:
    """Answers every connection once, and keeps what came over it, with the name in the client's certificate."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.kept: list[bytes] = []
        self.shown: list[bool] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer, self._context.wrap_socket(peer, server_side=True) if self._context else peer as talking:
                self._serve(talking)

    def _serve(self, peer: socket.socket) -> None:
        data = b""
        while not _whole(data):
            data += peer.recv(65536)
        self.kept.append(data)
        self.shown.append(isinstance(peer, ssl.SSLSocket) and bool(peer.getpeercert(binary_form=True)))
        peer.sendall(ANSWER if data.startswith(b"HEAD ") else ANSWER + b"{}")


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(end) and len(body) >= int(lengths[0] if lengths else 0)


@pytest.fixture
def keeper() -> Iterator[Callable[..., Keeper]]:
    made: list[Keeper] = []

    def make(context: ssl.SSLContext | None = None) -> Keeper:
        made.append(Keeper(context))
        return made[-1]

    yield make
    for item in made:
        item.stop()


def parts(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the request line, the headers that are the request's, and the body."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *headers = head.split(b"\r\n")
    kept = [line.replace(b": ", b":", 1) for line in headers if not line.lower().startswith(OWN)]
    return start, sorted(kept), body


def repeated(line: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NOT TESTED: curl is not installed, so no command was tried")
    done = subprocess.run(
        ["bash", "-c", f"{line} -sS -o /dev/null --max-time 10 --noproxy '*'"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


REQUESTS = {
    "read": ("GET", "/accounts?limit=2", (("Authorization", "Bearer abc"),), b""),
    "json": ("POST", "/pay", (("Content-Type", "application/json"),), b'{"a":"$HOME `id` \'x\' \\"y\\""}\n'),
    "no content type": ("POST", "/pay", (), b'{"a":1}'),
    "dots": ("GET", "/a/../b/./c/..", (), b""),
    "escaped dots": ("GET", "/..%2f..%2fetc/%2e%2e/passwd/%2E", (), b""),
    "dots in the query": ("GET", "/a?next=/../b", (), b""),
    "slashes": ("GET", "//admin//", (), b""),
    "brackets": ("GET", "/a?filter[id]={1,2}&n=[1-3]", (), b""),
    "empty write": ("POST", "/pay/1/cancel", (), b""),
    "length said": ("PUT", "/pay/1", (("Content-Length", "0"),), b""),
    "at sign": ("POST", "/pay", (("Content-Type", "text/plain"),), b"@/etc/hostname"),
    "empty header": ("GET", "/a", (("X-Empty", ""), ("X-Full", "1")), b""),
    "other host": ("GET", "/a", (("Host", "evil.example"),), b""),
    "read with a body": ("GET", "/a", (("Content-Type", "text/plain"),), b"x\r\ny"),
    "removal": ("DELETE", "/a/1", (), b""),
    "head": ("HEAD", "/a", (), b""),
    "unicode": ("POST", "/a", (("X-Name", "żółw"), ("Content-Type", "text/plain")), "余额\t".encode()),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_curl_sends_what_was_recorded(keeper: Callable[..., Keeper], ears: Ears, name: str) -> None:
    server = keeper()
    method, path, headers, body = REQUESTS[name]
    session = Session.of(CandidateFile("a", "1", server.url), ears, Secrets())
    answer = session.send(WireRequest(method, server.url + path, headers, body))
    session.close()
    assert isinstance(answer, Exchange)

    repeated(answer.curl)

    start, sent, content = parts(server.kept[0])
    recorded = ears.sightings[0].request
    assert start == recorded.start.encode()
    assert parts(server.kept[1]) == (recorded.start.encode(), sent, content)


def test_curl_shows_the_same_certificate_over_the_same_protocol(
    keeper: Callable[..., Keeper], ears: Ears, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.context()
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    server = keeper(context)
    certificate, key = (str(path) for path in authority.issue("client.example"))
    file = CandidateFile("a", "1", server.url, tls={"ca": str(authority.path)})
    session = Session.of(file, ears, Secrets())
    lines = [
        session.send(WireRequest("GET", f"{server.url}/a", (), b""), identity=identity)
        for identity in ((certificate, key), ("", ""))
    ]
    session.close()
    for answer in lines:
        assert isinstance(answer, Exchange)
        repeated(answer.curl)
    assert server.shown == [True, False, True, False]
    assert parts(server.kept[2]) == parts(server.kept[0])


def test_a_raw_connection_is_repeated_with_its_certificate(
    keeper: Callable[..., Keeper], ears: Ears, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED: openssl is not installed, so no command was tried")
    authority = Authority(tmp_path)
    context = authority.context()
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    server = keeper(context)
    identity = tuple(str(path) for path in authority.issue("client.example"))
    session = Session.of(CandidateFile("a", "1", server.url, tls={"ca": str(authority.path)}), ears, Secrets())
    with RecordedSocket(session, server.url, 5, secure_context(session, identity), identity) as connection:
        connection.send(b"GET /a HTTP/1.1\r\nHost: h\r\nX: 100%\r\nConnection: close\r\n\r\n")
        while connection.receive():
            pass
    line = connection.close().curl
    assert f"-cert {identity[0]} -key {identity[1]}" in line
    subprocess.run(["bash", "-c", line], capture_output=True, timeout=20, check=False)
    assert server.shown == [True, True]
    assert server.kept[1] == server.kept[0]


def test_certificate_and_key_are_named_by_their_paths_alone(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----", encoding="utf-8")
    request = WireRequest("GET", "https://h/a", (), b"")
    line = curl_line(request, "", Secrets(), ("/c:d/cert.pem", str(key)))
    assert line == f"curl -X GET https://h/a --http1.1 --cert '/c\\:d/cert.pem' --key {key}"
    assert "--cert" not in curl_line(WireRequest("GET", "http://h/a", (), b""), "", Secrets(), ("/cert.pem", ""))


def test_a_short_account_of_a_command_knows_both_ways_to_give_a_body() -> None:
    for body in (b"@x", b"x"):
        line = curl_line(WireRequest("POST", "http://h/a", (("Content-Type", "text/plain"),), body), "", Secrets())
        assert sent_of(line) == f"POST /a  {body.decode()}"


NAMES = st.text(st.characters(blacklist_categories=["Cs"]))
SECRET = "s3cret-s3cret"


@given(alias=NAMES)
@example(alias="alice/a1")
@example(alias="")
@example(alias="1\x00é\n$(id)")
def test_whatever_an_account_is_called_its_secret_is_a_variable(alias: str) -> None:
    """No mark, no NUL and nothing that a shell would run stands in a line in place of the secret."""
    secrets = Secrets()
    secrets.remember(SECRET, f"{alias}_BASIC".upper())
    request = WireRequest("POST", f"http://h/a?k={SECRET}", (("Authorization", f"Basic {SECRET}"),), SECRET.encode())
    line = curl_line(request, "", secrets)
    name = variable_name(f"{alias}_BASIC".upper())
    assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)
    assert line == (
        f'curl -X POST "http://h/a?k=${{{name}}}" -H "Authorization: Basic ${{{name}}}" -H Content-Type: '
        f'--data-binary "${{{name}}}"'
    )
    raw = raw_line(f"GET / HTTP/1.1\r\nAuthorization: {SECRET}\r\n\r\n".encode(), ("h", 80), None, secrets)
    assert f"${{{name}}}" in raw
    assert not {SECRET, "\x00"} & set(re.findall(f"{SECRET}|\x00", line + raw))


@given(first=st.text("ABC_", min_size=6), second=st.text("ABC_", min_size=6), text=st.text("ABC_ \x00"))
def test_the_name_of_one_secret_is_not_searched_for_another(first: str, second: str, text: str) -> None:
    secrets = Secrets()
    secrets.remember(first, second)
    secrets.remember(second, "NAME")
    line = curl_line(WireRequest("GET", "http://h/a", (("X", f"x{first}y{second}{text}"),), b""), "", secrets)
    assert "\x00" not in line
    assert len(shlex.split(line)) == 6
    variables = re.findall(r"\$\{([^}]*)\}", line)
    assert variables
    assert set(variables) <= {variable_name(second), "NAME"}


def test_names_that_shells_take_are_kept() -> None:
    names = ("ALICE_KEY", "alice_key", "_", "a.b-c", "7up", "", "é")
    assert [variable_name(name) for name in names] == ["ALICE_KEY", "alice_key", "_", "a_b_c", "_7up", "_", "_"]
