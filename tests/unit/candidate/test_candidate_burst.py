"""Bursts, connections and bare requests: HTTP itself, in scope, recorded, and reproducible by the printed command."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from candidate_nasty import Authority, NastyServer
from candidate_product import Ears, Product

from conformance.candidate.curl import raw_line
from conformance.candidate.secrets import Secrets
from conformance.model.candidate import Limits
from conformance.sdk import Accepted, Broken, Candidate, NotTested, Refused

Bind = Callable[..., Candidate]

OPERATIONS = {
    "payments.create": {"method": "POST", "path": "/payments", "body": ["amount"]},
    "payments.read": {"method": "GET", "path": "/payments/{payment}"},
}


def test_requests_sent_together_are_answered_in_their_order_and_recorded(
    bound: Bind, product: Product, ears: Ears
) -> None:
    product.answer = lambda request: {"amount": request.json["amount"]}
    candidate = bound(operations=OPERATIONS)

    answers = candidate.together([candidate.prepare("payments.create", amount=number) for number in range(1, 9)])

    assert [answer.value["amount"] for answer in answers if isinstance(answer, Accepted)] == list(range(1, 9))
    assert len(product.ports) == 8, "each on a connection of its own"
    assert [sighting.kind for sighting in ears.sightings] == ["http"] * 8
    assert all("curl -X POST" in sighting.curl for sighting in ears.sightings)


def test_a_burst_may_mix_reads_and_writes(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (404, {}, {"code": "gone"}) if request.method == "GET" else {"id": "2"}
    candidate = bound(operations=OPERATIONS)
    read, write = candidate.together(
        [candidate.prepare("payments.read", payment="1"), candidate.prepare("payments.create", amount=1)]
    )
    assert isinstance(read, Refused)
    assert read.code == "gone"
    assert isinstance(write, Accepted)


def test_a_burst_at_nobody_is_broken_not_raised(bound: Bind, ears: Ears) -> None:
    candidate = bound(base_url="http://127.0.0.1:9", operations=OPERATIONS)
    answers = candidate.together([candidate.prepare("payments.create", amount=1)] * 2)
    assert [answer.kind for answer in answers if isinstance(answer, Broken)] == ["connection"] * 2
    assert len(ears.sightings) == 2


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["headers", "body"])
def test_answers_of_a_burst_that_drip_end_at_the_deadline(
    bound: Bind, nasty: Callable[..., NastyServer], tmp_path: Path, begin: bytes, secure: bool
) -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(begin)
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 4 + b"Content-Length: 0\r\n\r\n":
            peer.sendall(bytes([byte]))
            if server.stopping.wait(0.06):
                return

    authority = Authority(tmp_path)
    server = nasty(drip, authority.context() if secure else None)
    tls = {"ca": str(authority.path)} if secure else {}
    candidate = bound(base_url=server.url, operations=OPERATIONS, limits=Limits(timeout_s=1), tls=tls)
    begun = time.monotonic()
    answers = candidate.together([candidate.prepare("payments.create", amount=number) for number in (1, 2)])
    assert [answer.kind for answer in answers if isinstance(answer, Broken)] == ["timeout"] * 2
    assert time.monotonic() - begun < 3


def test_a_bare_request_is_what_its_caller_says(bound: Bind, product: Product) -> None:
    candidate = bound(mapping={"header": {"X-Version": "7"}})
    answer = candidate.request("PUT", "/things/1?deep=yes", headers={"Content-Type": "text/plain"}, body=b"x").send()
    assert isinstance(answer, Accepted)
    [request] = product.requests
    assert (request.method, request.path, request.body) == ("PUT", "/things/1?deep=yes", b"x")
    assert request.headers["X-Version"] == "7"


@pytest.mark.parametrize(
    ("shown", "kind"),
    [({"ret": "4010"}, Refused), ({"ret": "0000"}, Accepted), (b"<html>", Accepted), ({"other": 1}, Accepted)],
)
def test_a_bare_request_is_refused_as_the_mapping_says(
    bound: Bind, product: Product, shown: object, kind: type
) -> None:
    """A product that answers 200 to everything refuses strangers so too."""
    candidate = bound(mapping={"error": {"code": "$.ret", "when": "$.ret", "unless": ["0000"]}, "refused": [520]})
    product.answer = lambda request: shown
    assert isinstance(candidate.request("GET", "/things").send(), kind)
    product.answer = lambda request: (520, {}, b"no")
    assert isinstance(candidate.request("GET", "/things").send(), Refused)


def test_a_connection_carries_whatever_bytes_are_sent(bound: Bind, ears: Ears) -> None:
    connection = bound().connection(timeout_s=5)
    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    received = b""
    while piece := connection.receive():
        received += piece
    assert received.startswith(b"HTTP/1.1 200")
    assert connection.close().body == received
    assert ears.sightings[-1].request.start.startswith("TCP ")


def test_the_wire_form_is_not_sent(bound: Bind, product: Product) -> None:
    candidate = bound(operations=OPERATIONS)
    assert candidate.wire(candidate.prepare("payments.create", amount=5)).body == b'{"amount":5}'
    assert not product.requests


def test_a_driver_without_http_leaves_http_checks_untested(bound: Bind) -> None:
    candidate = bound()
    silent = Candidate(object(), candidate.file, candidate.pool, candidate.hooks, None)  # type: ignore[arg-type]
    with pytest.raises(NotTested, match="does not speak HTTP"):
        silent.request("GET", "/")


def test_the_command_for_raw_bytes_hides_secrets_and_keeps_every_byte(bound: Bind, ears: Ears) -> None:
    secrets = Secrets.of(bound().file, ears)
    secrets.remember("letmein-12345", "ALICE_TOKEN")
    sent = b'GET / HTTP/1.1\r\nAuthorization: Bearer letmein-12345\r\nX: "\x00%$`\\\r\n\r\n'
    line = raw_line(sent, ("h", 1), ("ca.pem", "me.pem", "me.key"), secrets)
    assert "letmein" not in line
    assert "Bearer ${ALICE_TOKEN}\\r\\n" in line
    assert line.endswith("-connect h:1 -CAfile ca.pem -cert me.pem -key me.key")
    assert 'X: \\"\\x00%%\\$\\`\\\\\\\\\\r\\n' in line
    assert raw_line(b"x" * 5000, ("h", 1), None, secrets) == ""
    printf, sends = raw_line(sent, ("h", 1), None, secrets).split(" | ")
    assert sends == "bash -c 'exec 3<>/dev/tcp/h/1; cat >&3; exec cat <&3'"
    environment = {"ALICE_TOKEN": "letmein-12345", "PATH": os.environ["PATH"]}
    assert subprocess.run(["bash", "-c", printf], env=environment, capture_output=True, check=True).stdout == sent
