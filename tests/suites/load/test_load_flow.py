"""What flows through a load run: the bytes of a request."""

from conformance.sdk import WireRequest
from conformance_load.flow import serialise


def test_a_request_is_written_with_its_connection_headers_only_once():
    request = WireRequest(
        "POST", "https://example.com:8443/pay?x=1", (("Content-Length", "99"), ("Idempotency-Key", "k")), b"{}"
    )
    assert serialise(request) == (
        b"POST /pay?x=1 HTTP/1.1\r\nHost: example.com:8443\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_request_without_a_body_says_nothing_of_its_length():
    assert serialise(WireRequest("GET", "http://h/a", (), b"")) == b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
