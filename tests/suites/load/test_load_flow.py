"""What flows through a load run: the bytes of a request, and where it goes."""

from types import SimpleNamespace

from conformance.candidate.scope import Boundary
from conformance.engine.load_spawn import address_of
from conformance.model.candidate import CandidateFile
from conformance.sdk import WireRequest
from conformance_load.flow import Target, serialise


def test_a_request_is_written_with_its_connection_headers_only_once():
    request = WireRequest(
        "POST", "https://example.com:8443/pay?x=1", (("Content-Length", "99"), ("Idempotency-Key", "k")), b"{}"
    )
    assert serialise(request) == (
        b"POST /pay?x=1 HTTP/1.1\r\nHost: example.com:8443\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_request_without_a_body_says_nothing_of_its_length():
    assert serialise(WireRequest("GET", "http://h/a", (), b"")) == b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


def test_connections_go_to_the_address_for_which_the_scope_was_decided_whatever_the_name_says_later():
    answers = iter([("192.0.2.7",), ("10.0.0.1",)])
    file = CandidateFile("P", "1", "https://product.test:8443")
    boundary = Boundary.of(file, lambda host, port: next(answers))
    driver = SimpleNamespace(session=SimpleNamespace(boundary=boundary))
    context = SimpleNamespace(
        candidate=SimpleNamespace(file=file), tls_ca="", client_cert="", client_key="", address_of=address_of(driver)
    )
    for _ in range(2):
        target = Target.of("https://product.test:8443/pay", context)
        assert target.address == ("192.0.2.7", 8443)
        assert target.host == "product.test"
    assert address_of(SimpleNamespace()) is None
