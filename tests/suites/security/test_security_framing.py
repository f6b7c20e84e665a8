"""Framing probes: each differs from an honest request in one way, and what comes back is read as HTTP reads it."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.board import Board
from conformance.reference.framing import StrictConnection
from conformance.reference.relay import relayed
from conformance.sdk import WireRequest
from conformance_security.framing import PROBES, Demand, Honest, Probe, Reply, read_stream

POST = Honest.of(
    WireRequest(
        "POST", "https://pay.example.com/payments?a=b", (("Content-Type", "application/json"),), b'{"amount":1}'
    )
)
GET = Honest.of(WireRequest("GET", "https://pay.example.com/accounts", (), b""))
TAIL = GET.whole()


def _answers(data: bytes) -> list[object]:
    """What a strict parser makes of bytes: the requests it sees, then "refused" if it stopped."""
    connection = StrictConnection(h11.SERVER)
    connection.receive_data(data)
    seen: list[object] = []
    try:
        while len(seen) < 5:
            event = connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED):
                return seen
            if isinstance(event, h11.Request):
                seen.append(event.method)
            if isinstance(event, h11.EndOfMessage):
                answer = connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                assert answer
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
    except h11.RemoteProtocolError:
        seen.append("refused")
    return seen


@pytest.mark.parametrize("request_", [POST, GET], ids=["POST", "GET"])
def test_an_honest_request_and_its_tail_are_two_requests(request_: Honest) -> None:
    assert _answers(request_.whole() + TAIL) == [request_.method.encode(), b"GET"]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_strict_server_takes_no_probe_for_two_requests(probe: Probe) -> None:
    seen = _answers(probe.make(POST, TAIL) + TAIL)
    if probe.name == "length and chunks":
        # RFC 9112 6.1 lets a server go by the chunks; the bank refuses it one layer up, and closes.
        assert seen[0] == b"POST"
        return
    assert seen[-1] == "refused"
    assert seen.count(b"GET") == 0


def test_probes_have_names_of_their_own_and_say_what_is_wrong() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES) >= 16
    assert len({probe.make(POST, TAIL) for probe in PROBES}) == len(PROBES)
    assert {probe.demand for probe in PROBES} == set(Demand)


def test_a_relay_that_keeps_the_first_length_answers_the_tail() -> None:
    two_lengths = PROBES[0].make(POST, TAIL) + TAIL
    assert _answers(relayed(two_lengths, Board(["http.smuggling"]))) == [b"POST", b"GET"]
    assert relayed(two_lengths, Board([])) == two_lengths


# -- streams --------------------------------------------------------------------------------------------------------

ONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def test_responses_are_told_apart() -> None:
    stream = read_stream(b"HTTP/1.1 100 Continue\r\n\r\n" + ONE + CHUNKED + CLOSING, ended=True)
    assert stream.replies == (Reply(200, False), Reply(404, False), Reply(400, True))
    assert stream.rest == b""


def test_a_response_without_length_lasts_to_the_end() -> None:
    open_ended = b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    assert read_stream(open_ended, ended=False).replies == ()
    assert len(read_stream(open_ended, ended=True).replies) == 1


def test_what_is_no_response_is_kept() -> None:
    assert read_stream(b"<html>", ended=True).rest == b"<html>"


@given(st.lists(st.sampled_from([ONE, CHUNKED, CLOSING]), max_size=6), st.integers(0, 400))
def test_a_stream_read_in_part_never_shows_more_than_the_whole(parts: list[bytes], cut: int) -> None:
    whole = b"".join(parts)
    partial = read_stream(whole[:cut], ended=False)
    assert read_stream(whole, ended=False).replies[: len(partial.replies)] == partial.replies
    assert len(read_stream(whole, ended=False).replies) == len(parts)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_can_be_read(data: bytes, ended: bool) -> None:
    stream = read_stream(b"HTTP/1.1 " + data, ended)
    assert stream.ended is ended
