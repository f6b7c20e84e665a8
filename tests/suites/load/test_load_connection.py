"""The client's connection against servers that behave and servers that do not."""

import contextlib
import socket
import threading

import pytest

from conformance.sdk import WireRequest
from conformance_load.connection import Connection
from conformance_load.flow import Target, serialise

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """Answers each request on each connection with the next piece of the script; b"" closes."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.answers, self.received, self.connections = list(answers), [], 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.answers:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            # A client that cuts its connection resets it under our hands.
            with contextlib.suppress(OSError), connection:
                while self.answers and (request := connection.recv(65536)):
                    self.received.append(request)
                    answer = self.answers.pop(0)
                    if not answer:
                        break
                    connection.sendall(answer)

    def target(self, **changes):
        host, port = self.listener.getsockname()
        return Target(**{"host": host, "port": port, "timeout_s": 1.0, "body_max": 1000} | changes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answers.clear()
        with contextlib.suppress(OSError), socket.create_connection(self.listener.getsockname(), 1):
            pass
        self.thread.join(5)
        self.listener.close()


def exchange(*answers, **changes):
    with Script(*answers) as server:
        connection = Connection(server.target(**changes))
        assert connection.ready() == ""
        try:
            return connection.exchange(b"POST / HTTP/1.1\r\n\r\n")
        finally:
            connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    ],
    ids=["sized", "interim", "chunked"],
)
def test_a_response_is_read_whatever_its_framing(answer):
    reply = exchange(answer)
    assert (reply.status, reply.body, reply.broken) == (200, b"ok", None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "connection"),
        (b"nonsense\r\n\r\n", "unparseable"),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", "unparseable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "too-large"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000, "too-large"),
    ],
    ids=["closed", "cut", "nonsense", "status", "announced too large", "too large"],
)
def test_what_is_not_a_response_is_broken_and_never_raises(answer, kind):
    reply = exchange(answer)
    assert (reply.broken, reply.status) == (kind, 0)
    assert reply.detail


def test_a_silent_server_is_a_timeout():
    assert exchange(b" ", OK, timeout_s=0.05).broken == "timeout"


def test_a_connection_is_kept_and_reopened_after_it_was_cut():
    with Script(OK, OK, OK, OK) as server:
        connection = Connection(server.target())
        for _ in range(2):
            assert connection.ready() == ""
            assert connection.exchange(b"one").status == 200
        connection.send_and_cut(b"two")
        assert connection.ready() == ""
        assert connection.exchange(b"three").status == 200
        connection.close()
    assert server.connections == 2
    assert server.received == [b"one", b"one", b"two", b"three"]


def test_a_connection_that_the_server_ends_is_opened_anew():
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with Script(closing, OK) as server:
        connection = Connection(server.target())
        assert connection.ready() == ""
        assert connection.exchange(b"one").body == b"ok"
        assert connection.ready() == ""
        assert connection.exchange(b"two").body == b"ok"
        connection.close()
    assert server.connections == 2


def test_nobody_listening_is_said_before_anything_is_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    assert "refused" in Connection(Target(host, port, 1.0, 1000)).ready().lower()


def test_a_request_is_written_with_its_connection_headers_only_once():
    request = WireRequest(
        "POST", "https://example.com:8443/pay?x=1", (("Content-Length", "99"), ("Idempotency-Key", "k")), b"{}"
    )
    assert serialise(request) == (
        b"POST /pay?x=1 HTTP/1.1\r\nHost: example.com:8443\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}"
    )
