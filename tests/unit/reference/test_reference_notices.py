"""Notices: signed callbacks to the one address that is allowed, and to no other."""

from __future__ import annotations

import base64
import hashlib
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.files.candidate_file import read_candidate

if TYPE_CHECKING:
    from conftest import Client

Notice = tuple[dict[str, str], bytes]


@contextmanager
def receiver(port: int) -> Iterator[queue.Queue[Notice]]:
    received: queue.Queue[Notice] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_both_parties_are_told_and_can_verify(bank: Client) -> None:
    allowed = read_candidate(bank.process.candidate_path).declared["security"]["callback_hosts"][0]
    url = f"http://{allowed}/hook"
    with receiver(int(allowed.rpartition(":")[2])) as received:
        assert bank.ask("POST", "/notices", "bob", json={"url": url}).status_code == 201
        assert b'"kind": "subscribed"' in received.get(timeout=5)[1]
        payment = bank.pay(bank.account("alice", 100), bank.account("bob"), 5).json()["id"]
        headers, body = received.get(timeout=5)
    assert payment.encode() in body
    verify(bank, url, headers, body)


def verify(bank: Client, url: str, headers: dict[str, str], body: bytes) -> None:
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    assert headers["content-digest"] == digest
    parameters = headers["signature-input"].removeprefix("bank=")
    base = f'"@method": POST\n"@target-uri": {url}\n"content-digest": {digest}\n"@signature-params": {parameters}'
    match = re.fullmatch("bank=:(.+):", headers["signature"])
    assert match is not None
    value = base64.b64decode(match.group(1))
    jwk = bank.raw("GET", "/jwks").json()["keys"][0]
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "="), "big") for name in ("x", "y"))
    der = encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
    ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(
        der, base.encode(), ec.ECDSA(hashes.SHA256())
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://2130706433:1/", "http://0x7f.1:1/",
        "http://169.254.169.254/", "http://10.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:25/",
        "http://example.com@127.0.0.1:1/", "http://[broken", "http://127.0.0.1:99999/", "//127.0.0.1/", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(bank: Client, url: str) -> None:
    assert bank.ask("POST", "/notices", json={"url": url}).status_code == 422
