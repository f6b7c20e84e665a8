"""Hostile candidates, tested by a whole run: never a pass, never a hang, never a packet outside the scope.

What the product does to us is not the product's failure to meet a requirement, so every outcome is inconclusive or
not tested, with its reason.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from candidate_nasty import Authority, NastyServer

pytestmark = pytest.mark.e2e

CHECKS = ("SEC-V06", "SEC-Z01", "SEC-I04")
#: What may come of a check that could not be made.
UNDECIDED = {"inconclusive", "not tested", "not applicable"}

CANDIDATE = """
name = "Hostile"
version = "1"
base_url = "{url}"
supports = ["accounts", "payments"]
[auth]
scheme = "bearer"
[users.alice]
token = {{ env = "HOSTILE_TOKEN" }}
[users.bob]
token = {{ env = "HOSTILE_TOKEN" }}
[limits]
timeout_s = 1
response_bytes_max = 100000
{further}
"""

Start = Callable[..., NastyServer]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[NastyServer] = []

    def make(script: Callable[[socket.socket], None], **how: object) -> NastyServer:
        servers.append(NastyServer(script, **how))  # type: ignore[arg-type]
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def outcomes(url: str, folder: Path, further: str = "", checks: tuple[str, ...] = CHECKS) -> dict[str, tuple[str, str]]:
    """Run the checks against a candidate and return outcome and reason of each."""
    path = folder / "candidate.toml"
    path.write_text(CANDIDATE.format(url=url, further=further), encoding="utf-8")
    chosen = [word for check in checks for word in ("--check", check)]
    command = [sys.executable, "-m", "conformance.cli.main", "run", "-c", str(path), *chosen, "--quiet"]
    environment = {**os.environ, "HOSTILE_TOKEN": "hostile-token-0123456789", "CONFORMANCE_HOME": str(folder / "home")}
    done = subprocess.run(
        [*command, "--runs", str(folder / "runs")],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode in (1, 3), done.stdout + done.stderr
    [run] = (folder / "runs").iterdir()
    predicate = json.loads((run / "report.json").read_text("utf-8"))["predicate"]
    return {
        item["check"]: (item["outcome"], item["reason"]) for item in predicate["outcomes"] if item["check"] in checks
    }


def must_be_undecided(found: dict[str, tuple[str, str]], says: str) -> None:
    assert found.keys() == set(CHECKS)
    assert {outcome for outcome, _ in found.values()} <= UNDECIDED, found
    assert all(reason for _, reason in found.values())
    assert any(says in reason for _, reason in found.values()), found


#: The server serves one request a connection, and says so, or the next request might run into its closing.
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def test_a_handshake_that_hangs(tmp_path: Path) -> None:
    """It accepts the connection and never says a word of TLS."""
    listening = socket.create_server(("127.0.0.1", 0))
    authority = Authority(tmp_path)
    try:
        found = outcomes(f"https://127.0.0.1:{listening.getsockname()[1]}", tmp_path, f'[tls]\nca = "{authority.path}"')
    finally:
        listening.close()
    must_be_undecided(found, "timeout")


def test_bytes_that_drip(start: Start, tmp_path: Path) -> None:
    server: list[NastyServer] = []

    def drip(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        while not server[0].stopping.wait(0.1):
            peer.sendall(b" ")

    server.append(start(drip))
    must_be_undecided(outcomes(server[0].url, tmp_path), "timeout")


def test_ten_gigabytes(start: Start, tmp_path: Path) -> None:
    sent = threading.Semaphore(0)

    def flood(peer: socket.socket) -> None:
        peer.sendall(HEAD + b"Content-Length: 10737418240\r\n\r\n")
        for _ in range(10 * 1024):
            peer.sendall(b" " * 1024 * 1024)
            sent.release()

    must_be_undecided(outcomes(start(flood).url, tmp_path), "too-large")
    megabytes = 0
    while sent.acquire(blocking=False):
        megabytes += 1
    assert megabytes < 1000, "it was read far beyond the limit"


def test_a_redirect_to_a_foreign_host(start: Start, tmp_path: Path) -> None:
    foreign = start(lambda peer: None)
    head = f"HTTP/1.1 307 Go\r\nConnection: close\r\nContent-Length: 0\r\nLocation: {foreign.url}/steal"
    answer = head.encode() + b"\r\n\r\n"
    follow = '[operations."accounts.open"]\nmethod = "POST"\npath = "/accounts"\nbody = ["owner"]\nredirects = true'
    must_be_undecided(outcomes(start(lambda peer: peer.sendall(answer)).url, tmp_path, follow), "scope")
    assert foreign.connections == 0


def test_an_answer_to_somebody_else(start: Start, tmp_path: Path) -> None:
    """Whatever is asked, it answers with another check's id and another account."""
    body = b'{"id": "acc-of-another-check", "items": [], "next": null, "available": "many", "code": "x"}'
    answer = HEAD + b"Conformance-Check: BAR-01\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    found = outcomes(start(lambda peer: peer.sendall(answer)).url, tmp_path)
    # To give a stranger what was asked for is a failure of its own, whoever's it was; nothing passes.
    assert {outcome for outcome, _ in found.values()} <= {*UNDECIDED, "failed"}, found
    assert "not an amount" in found["SEC-V06"][1]


def test_a_certificate_that_changes_between_requests(start: Start, tmp_path: Path) -> None:
    good = Authority(tmp_path)
    stranger = Authority(tmp_path, "Other Root")
    body = b'{"id": "acc-1"}'
    answer = HEAD + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    server: list[NastyServer] = []

    def serve(peer: socket.socket) -> None:
        server[0].context = stranger.context()
        peer.sendall(answer)

    server.append(start(serve, context=good.context()))
    must_be_undecided(outcomes(server[0].url, tmp_path, f'[tls]\nca = "{good.path}"'), "tls")


def test_accounts_run_out(start: Start, tmp_path: Path) -> None:
    account = 'id = "only"\nowner = "alice"\ncurrency = "CNY"\nbalance = 100000'
    pool = f'[operations]\n"accounts.open" = false\n[[pool]]\n{account}'
    answer = b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n"
    found = outcomes(start(lambda peer: peer.sendall(answer)).url, tmp_path, pool)
    must_be_undecided(found, "pool too small")
    assert any("[[pool]]" in reason for _, reason in found.values())


def test_everything_is_limited(start: Start, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 429 Slow down\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 3600\r\n\r\n"
    must_be_undecided(outcomes(start(lambda peer: peer.sendall(answer)).url, tmp_path), "429")
