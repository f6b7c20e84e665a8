"""Our own server that products may call: what comes is kept, and answered as a check wants it."""

from __future__ import annotations

import http.client
import socket

import pytest

from conformance.sdk import NotTested
from conformance_security.receiving import Received, Reply, receiving, redirecting


@pytest.fixture
def address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def asked(address: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request(method, path, body, {"X-Kind": "notice"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Location")
    finally:
        connection.close()


def test_what_comes_is_kept_before_it_is_answered(address: str) -> None:
    with receiving(address) as received:
        assert asked(address, "POST", "/notices?n=1", b"{}") == (204, b"", None)
        (notice,) = received
    assert (notice.method, notice.target, notice.body) == ("POST", "/notices?n=1", b"{}")
    assert ("X-Kind", "notice") in notice.headers


def test_a_check_decides_how_each_request_is_answered(address: str) -> None:
    def respond(request: Received) -> Reply:
        return Reply(200, b"here") if request.target == "/known" else Reply(404)

    with receiving(address, respond) as received:
        assert asked(address, "GET", "/known") == (200, b"here", None)
        assert asked(address, "GET", "/unknown") == (404, b"", None)
    assert [request.target for request in received] == ["/known", "/unknown"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everybody_is_sent_elsewhere(address: str, method: str) -> None:
    with redirecting(address, "http://127.0.0.1:9/inner") as received:
        assert asked(address, method, "/here") == (307, b"", "http://127.0.0.1:9/inner")
    assert [request.target for request in received] == ["/here"]


def test_the_address_is_free_again_afterwards(address: str) -> None:
    for _ in range(2):
        with receiving(address):
            assert asked(address, "GET", "/")[0] == 204


@pytest.mark.parametrize("address", ["127.0.0.1:notaport", "127.0.0.1:99999", "192.0.2.1:80", "example.com:80"])
def test_an_address_that_is_not_ours_is_not_tested(address: str) -> None:
    for serving in (receiving(address), redirecting(address.replace("example.com", "192.0.2.1"), "http://x/")):
        with pytest.raises(NotTested, match="callback host"), serving:
            pass
