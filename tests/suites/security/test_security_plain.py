"""Plain HTTP: what counts as served, and that a port nobody named is not passed in silence."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.model.candidate import CandidateFile
from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
    NotTested,
    Pool,
    Prepared,
    WireRequest,
)
from conformance_security.checks import transport

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port"
SERVED = b"HTTP/1.1 200 OK\r\n\r\n{}"


class Connection:
    """A connection on which one answer comes in pieces, or an error instead."""

    def __init__(self, answer: bytes | OSError) -> None:
        self.pieces = [answer[:20], answer[20:]] if isinstance(answer, bytes) else [answer]
        self.sent = b""

    def close(self) -> None:
        pass

    def send(self, data: bytes) -> None:
        self.sent += data

    def receive(self) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, OSError):
            raise piece
        return piece


class Product:
    """A driver of HTTP whose endpoints answer plain HTTP as they are told to."""

    def __init__(self, **answers: bytes | OSError) -> None:
        self.answers = {"": BAD_REQUEST, **answers}
        self.asked: list[str] = []
        self.sent: list[Connection] = []

    def operations(self) -> frozenset[str]:
        return frozenset({"accounts.list"})

    def endpoints(self) -> tuple[str, ...]:
        return ("plain",)

    def perform(self, prepared: Prepared) -> Answer:
        return Accepted({}, Exchange(1, 200))

    def wire(self, prepared: Prepared) -> WireRequest:
        assert prepared.user is None
        return WireRequest("GET", "https://bank.example:8443/v1/accounts", (("Accept", "*/*"),), b"")

    def socket(self, endpoint: str, timeout_s: float) -> Connection:
        self.asked.append(endpoint)
        self.sent.append(Connection(self.answers[endpoint]))
        return self.sent[-1]

    request = together = connection = perform


def judge(product: Product, **tls: Any) -> Evidence:
    file = CandidateFile("x", "1", "https://bank.example:8443/v1", declared={"security": {"tls": tls}})
    driver: Any = product
    evidence = Evidence("r", "c")
    transport.plain_http_is_not_served(Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice"), evidence)
    return evidence


@pytest.mark.parametrize(
    "answer",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        TimeoutError(),
        b"",
        b"\x15\x03\x01\x00\x02\x02\x46",
        BAD_REQUEST,
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 426 Upgrade Required\r\n\r\n",
        b"HTTP/1.1 301 Moved Permanently\r\nlocation: HTTPS://bank.example:8443/v1/accounts\r\n\r\n",
    ],
)
def test_refusals_and_redirects_to_https_are_no_service(answer: bytes | OSError) -> None:
    product = Product(plain=answer)
    judge(product, plain="plain")
    assert product.asked == ["", "plain"]
    assert product.sent[0].sent.startswith(b"GET /v1/accounts HTTP/1.1\r\nHost: bank.example:8443\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        SERVED,
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://bank.example/v1/accounts\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n",
    ],
)
@pytest.mark.parametrize(("endpoint", "where"), [("", "at the TLS port"), ("plain", "at the plain port")])
def test_service_in_the_clear_is_found_at_both_ports(answer: bytes, endpoint: str, where: str) -> None:
    with pytest.raises(Finding, match=f"never served: {where}"):
        judge(Product(**{endpoint: answer}), plain="plain")


def test_a_crash_is_neither() -> None:
    with pytest.raises(Inconclusive, match="answered 502"):
        judge(Product(plain=b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), plain="plain")


def test_a_port_that_nobody_named_is_not_passed_in_silence() -> None:
    with pytest.raises(NotTested, match="say plain = false"):
        judge(Product())
    product = Product()
    judge(product, plain=False)
    assert product.asked == [""]
