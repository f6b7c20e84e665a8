"""The reactor's connections, plain and over TLS, against servers that behave and servers that do not."""

import _socket
import errno
import gzip
import socket
import ssl
import threading

import gevent
import pytest
import tls_files
from scripted import OK, Caller, Script

from conformance.errors import ConfigError
from conformance_load.flow import Target
from conformance_load.reactor.endpoint import Endpoint
from conformance_load.reactor.loop import reactor


def exchange(*answers, **changes):
    with Script(*answers) as server:
        caller = Caller(server.target(**changes))
        assert caller.open() == "opened"
        found = caller.ask()
        caller.connection.close()
        return found


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        [OK[:10], OK[10:30], OK[30:]],
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
    ],
    ids=["whole", "in pieces", "interim", "chunked", "gzip"],
)
def test_a_response_is_read_whatever_its_framing(answer):
    assert exchange(answer) == (200, b"ok")


def test_a_large_response_comes_in_many_reads():
    body = bytes(range(256)) * 300
    assert exchange(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body) == (200, body)


def test_a_response_may_end_with_its_connection():
    with Script(b"HTTP/1.1 200 OK\r\n\r\nall") as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask() == (200, b"all")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "connection"),
        (b"nonsense\r\n\r\n", "unparseable"),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", "unparseable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "unparseable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n", "too-large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "unparseable"),
    ],
    ids=["closed", "nonsense", "status", "negative", "too large", "not gzip"],
)
def test_what_is_not_a_response_is_broken(answer, kind):
    found, detail = exchange(answer)
    assert found == kind
    assert detail


def test_an_answer_cut_in_the_middle_is_broken():
    with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as server:
        caller = Caller(server.target())
        caller.open()
        kind, detail = caller.ask()
    assert kind == "connection"
    assert "middle" in detail


@pytest.mark.parametrize("answer", [[None], [b"HTTP/1.1 200 OK\r\n", None]], ids=["silent", "half a head"])
def test_a_server_that_does_not_finish_is_a_timeout(answer):
    kind, detail = exchange(answer, timeout_s=0.1)
    assert (kind, detail) == ("timeout", "no complete answer within 0.1 s")


def test_a_connection_is_kept_and_opened_anew_after_it_was_cut():
    with Script(OK, OK, OK, OK) as server:
        caller = Caller(server.target())
        assert caller.open() == "opened"
        assert [caller.ask(b"one"), caller.ask(b"one")] == [(200, b"ok")] * 2
        assert caller.cut(b"two") == "cut"
        assert caller.open() == "opened"
        assert caller.ask(b"three") == (200, b"ok")
        caller.connection.close()
    assert server.connections == 2
    assert server.received == [b"one", b"one", b"two", b"three"]


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.0 200 OK"], ids=["close", "old server"]
)
def test_a_connection_that_ends_with_its_answer_is_closed_at_once(head):
    with Script(head + b"\r\nContent-Length: 2\r\n\r\nok", OK) as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask() == (200, b"ok")
        assert not caller.connection.waits
        assert caller.open() == "opened"
        assert caller.ask() == (200, b"ok")
    assert server.connections == 2


def test_an_idle_connection_that_the_server_closes_is_lost_and_nothing_else():
    closing = [OK, b""]
    with Script(closing) as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask() == (200, b"ok")
        assert caller.next() == "lost"


def test_two_answers_at_once_are_none_and_the_connection_is_closed():
    with Script(OK + OK, OK) as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask() == ("unparseable", "more than one answer to one request")
        assert caller.endpoint.surplus == 1
        assert caller.open() == "opened"
        assert caller.ask() == (200, b"ok")
        assert caller.endpoint.surplus == 1


def test_an_answer_that_nobody_asked_for_ends_the_connection_and_is_credited_to_nobody():
    late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
    read = threading.Event()
    with Script([OK, read.wait, late], OK) as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask() == (200, b"ok")
        read.set()
        assert caller.next() == "surplus"
        assert caller.endpoint.surplus == 1
        caller.open()
        assert caller.ask() == (200, b"ok")


def test_an_answer_to_head_has_no_body():
    with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", OK) as server:
        caller = Caller(server.target())
        caller.open()
        assert caller.ask(b"HEAD / HTTP/1.1\r\n\r\n") == (200, b"")
        assert caller.ask() == (200, b"ok")


def test_an_answer_that_comes_before_the_request_is_sent_counts_and_ends_the_connection():
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    with Script([refusal, None]) as server:
        caller = Caller(server.target())
        caller.open()
        # More than the sockets' buffers hold: the server never reads it.
        assert caller.ask(b"POST " + bytes(32 << 20)) == (413, b"")
        assert not caller.connection.waits


def test_a_large_request_is_sent_in_many_writes():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("127.0.0.1", listener.getsockname()[1], 5.0, 1000)
        caller = Caller(target)
        caller.open()
        peer, _ = listener.accept()
        request = b"POST /" + bytes(8 << 20)
        caller.connection.send(request, 0)
        caller.connection.deadline_ns = 1 << 62
        received = bytearray()
        peer.setblocking(False)
        while len(received) < len(request):
            try:
                received += peer.recv(1 << 20)
            except BlockingIOError:
                gevent.sleep(0.001)
        assert received == request
        peer.sendall(OK)
        assert caller.next() == (200, b"ok")
        caller.connection.close()
        peer.close()


def test_nobody_listening_is_said_and_never_from_within():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    caller = Caller(Target("127.0.0.1", port, 1.0, 1000))
    caller.connection.open()
    assert caller.events == []
    outcome, kind, detail = caller.next()
    assert (outcome, kind) == ("unopened", "connection")
    assert "refused" in detail.lower()


def test_a_name_without_an_address_is_said():
    caller = Caller(Target("no-such-host.invalid", 1, 1.0, 1000))
    outcome, kind, detail = caller.open()
    assert (outcome, kind) == ("unopened", "connection")
    assert "no-such-host.invalid" in detail


def test_every_address_of_a_name_is_tried():
    with Script(OK) as server:
        caller = Caller(server.target(host="localhost"))
        assert caller.open() == "opened"
        assert caller.ask() == (200, b"ok")


def test_a_full_backlog_is_a_timeout(monkeypatch):
    # A listener that never accepts, and whose queue is full.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        target = Target("127.0.0.1", listener.getsockname()[1], 0.1, 1000)
        callers = [Caller(target) for _ in range(4)]
        found = [caller.open() for caller in callers]
        assert ("unopened", "timeout", "not connected within 0.1 s") in found
        for caller in callers:
            caller.connection.close()


def test_running_out_of_ports_or_files_is_a_broken_connection(monkeypatch):
    class Exhausted(_socket.socket):
        def connect_ex(self, _place):
            return errno.EADDRNOTAVAIL

    caller = Caller(Target("127.0.0.1", 9, 1.0, 1000))
    monkeypatch.setattr(_socket, "socket", Exhausted)
    assert caller.open()[:2] == ("unopened", "connection")

    def none_left(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(_socket, "socket", none_left)
    assert caller.open() == ("unopened", "connection", "OSError: Too many open files")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Certificates: an authority, a server and a client, as files."""
    return tls_files.make(tmp_path_factory.mktemp("tls"))


def serving(authority, *, clients=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority / "ca.pem")
    return context


def trusting(authority):
    return ssl.create_default_context(cafile=authority / "ca.pem")


def test_over_tls_responses_are_read_in_pieces_and_in_many_records(authority):
    body = bytes(100_000)
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body
    with Script(OK, [OK[:20], OK[20:]], large, OK + OK, context=serving(authority)) as server:
        caller = Caller(server.target(tls=trusting(authority), body_max=200_000))
        assert caller.open() == "opened"
        assert caller.ask() == (200, b"ok")
        assert caller.ask() == (200, b"ok")
        assert caller.ask() == (200, body)
        assert caller.ask()[0] == "unparseable"


def test_over_tls_a_large_request_is_sent_whole(authority):
    request = b"POST /" + bytes(3_000_000)
    with Script(OK, context=serving(authority), request_size=len(request)) as server:
        caller = Caller(server.target(tls=trusting(authority)))
        caller.open()
        assert caller.ask(request) == (200, b"ok")
    assert server.received == [request]


def test_a_certificate_for_another_name_is_refused(authority):
    with Script(OK, context=serving(authority)) as server:
        target = server.target(host="other.example", via=("127.0.0.1", server.port), tls=trusting(authority))
        outcome, kind, detail = Caller(target).open()
    assert (outcome, kind) == ("unopened", "tls")
    assert "other.example" in detail


def test_an_unknown_authority_is_refused(authority):
    with Script(OK, context=serving(authority)) as server:
        outcome, kind, detail = Caller(server.target(tls=ssl.create_default_context())).open()
    assert (outcome, kind) == ("unopened", "tls")
    assert "certificate" in detail.lower()


def test_a_context_that_trusts_anybody_is_not_taken():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigError, match="does not check"):
        Endpoint(reactor(), Target("127.0.0.1", 1, 1.0, 1, context))


def test_a_client_certificate_is_shown(authority):
    with Script(OK, context=serving(authority, clients=True)) as server:
        bare = Caller(server.target(tls=trusting(authority)))
        found = bare.open()
        if found == "opened":
            # TLS 1.3 refuses after the client thinks that it is connected.
            assert bare.next() == "lost"
        context = trusting(authority)
        context.load_cert_chain(authority / "client.pem")
        caller = Caller(server.target(tls=context))
        assert caller.open() == "opened"
        assert caller.ask() == (200, b"ok")


def test_an_answer_without_the_end_that_tls_demands_is_broken(authority):
    with Script(b"HTTP/1.1 200 OK\r\n\r\nhalf of", context=serving(authority)) as server:
        caller = Caller(server.target(tls=trusting(authority)))
        caller.open()
        kind, detail = caller.ask()
    assert kind == "connection"
    assert "TLS" in detail


def test_a_server_without_tls_is_a_broken_handshake(authority):
    with Script(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        assert Caller(server.target(tls=trusting(authority))).open()[:2] == ("unopened", "tls")
