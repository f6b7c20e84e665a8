"""Reading responses, against h11: every split point, pairs that arrive together, and whatever Hypothesis makes up."""

import gzip
import itertools
import zlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_load.reactor.head import Fields, MalformedError, TooLargeError, read_head
from conformance_load.reactor.response import Reader, decoded

BODY_MAX = 10_000


def ours(pieces, *, method="POST", closed=False, body_max=BODY_MAX):
    """Return status, body and whether the connection ends, or the kind of failure."""
    reader = Reader(bodiless=method == "HEAD", body_max=body_max)
    try:
        for piece in pieces:
            reader.feed(piece)
        if closed and not reader.done:
            reader.end()
        if not reader.done:
            return "incomplete"
        if reader.surplus:
            return "surplus"
        return reader.head.status, b"".join(reader.pieces), reader.close
    except MalformedError:
        return "malformed"
    except TooLargeError:
        return "too large"
    except ConnectionError:
        return "cut short"


def theirs(data, *, method="POST", closed=False):
    """Return what h11 makes of the same bytes."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 17)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if closed:
        client.receive_data(b"")
    status, body = 0, b""
    try:
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                return "incomplete"
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                rest = client.trailing_data[0]
                ends = closed or client.their_state is not h11.DONE
                return "surplus" if rest else (status, body, ends)
    except h11.RemoteProtocolError:
        return "cut short" if closed and status else "malformed"


#: Responses, the method asked with, and whether the server closes after them.
SOUND = {
    "sized": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "POST", False),
    "empty": (b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "POST", False),
    "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "POST", False),
    "odd case and space": (b"HTTP/1.1 200 OK\r\ncontent-LENGTH:   5 \t\r\nX:\r\n\r\nhello", "POST", False),
    "same length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "POST", False),
    "folded": (b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nok", "POST", False),
    "body like a head": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nHTTP/1.1 200 OK\r\n\r\nA: b\r\n"[:-1],
        "POST",
        False,
    ),
    "closing": (b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nok", "POST", False),
    "of 1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "POST", False),
    "chunked": (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n00A;ext="1"\r\n0123456789\r\n0\r\n\r\n',
        "POST",
        False,
    ),
    "trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n",
        "POST",
        False,
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "POST",
        False,
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "POST", False),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "GET", False),
    "to HEAD": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HEAD", False),
    "until closed": (b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it", "POST", True),
    "nothing until closed": (b"HTTP/1.0 200 OK\r\n\r\n", "POST", True),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_response_is_read_the_same_wherever_it_is_split(name):
    data, method, closed = SOUND[name]
    expected = theirs(data, method=method, closed=closed)
    assert isinstance(expected, tuple)
    for at in range(len(data) + 1):
        assert ours([data[:at], data[at:]], method=method, closed=closed) == expected, at
    assert ours([bytes([byte]) for byte in data], method=method, closed=closed) == expected


@pytest.mark.parametrize("name", SOUND)
def test_a_response_that_is_cut_anywhere_is_never_complete(name):
    data, method, closed = SOUND[name]
    head = data.index(b"\r\n\r\n") + 4
    for at in range(head if closed else len(data)):
        assert ours([data[:at]], method=method) == "incomplete", at
        assert ours([data[:at]], method=method, closed=True) == "cut short", at


@pytest.mark.parametrize("first", [name for name, (_, _, closed) in SOUND.items() if not closed])
@pytest.mark.parametrize("second", ["sized", "chunked", "interim"])
def test_what_comes_after_a_response_is_surplus_wherever_the_pair_is_split(first, second):
    data, method, _ = SOUND[first]
    pair = data + SOUND[second][0]
    for at in range(len(pair) + 1):
        reader = Reader(bodiless=method == "HEAD", body_max=BODY_MAX)
        reader.feed(pair[:at])
        assert reader.done == (at >= len(data))
        reader.feed(pair[at:])
        assert reader.surplus


MALFORMED = {
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    "length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    "no length at all": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "endless length": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
    "two lengths in one": b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nok",
    "chunked and length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "two codings": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk size of letters": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "chunk too long": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    "chunk size huge": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n",
    "bad trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "NUL in a name": b"HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 2\r\n\r\nok",
    "bare return in a value": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "space before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "first line folded": b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nok",
    "no status": b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok",
    "short status": b"HTTP/1.1 20 OK\r\n\r\n",
    "long status": b"HTTP/1.1 999999 Odd\r\n\r\n",
    "other protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a request": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "endless interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
}
#: What h11 takes although we do not, with why: lenient where a grant of money hangs on it, or not its business.
H11_TAKES = {
    "chunked and length": "the standard lets a client take the coding",
    "endless interim": "a bound of ours",
    "switching": "it knows upgrades",
    "chunk size huge": "it stops at its own bound later",
    "endless length": "it stops at its own bound later",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_a_response_is_malformed_wherever_it_is_split(name):
    data = MALFORMED[name]
    for at in range(len(data) + 1):
        assert ours([data[:at], data[at:]]) == "malformed", at
    assert ours([bytes([byte]) for byte in data]) == "malformed"
    if name not in H11_TAKES:
        assert theirs(data, closed=True) in ("malformed", "cut short")


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"HTTP/1.1 200 OK\n\n"])
def test_bare_line_feeds_are_said_at_once_and_not_waited_for(data):
    assert ours([data]) == "malformed"


def test_a_chunked_answer_of_an_old_server_is_malformed():
    assert ours([b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]) == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 5_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 12_000,
    ],
    ids=["length", "chunk", "until closed", "head", "whole head", "chunk line", "trailers"],
)
def test_everything_is_bounded(data):
    assert ours([data], body_max=100) == "too large"


NAMES = st.sampled_from([b"X", b"Date", b"Server", b"Set-Cookie", b"ETag"])
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=12).map(
    lambda text: text.encode("latin-1")
)
BODIES = st.binary(max_size=60)
CHUNKS = st.lists(st.binary(min_size=1, max_size=30), max_size=4)


@st.composite
def responses(draw):
    """Make a response up: head, framing and body; sometimes with a few bytes changed."""
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 422, 500, 503]))
    lines = [b"HTTP/1.%d %d Any" % (draw(st.sampled_from([1, 1, 1, 0])), status)]
    lines += [name + b": " + value for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=3))]
    framing = draw(st.sampled_from(["sized", "chunked", "closed"]))
    if framing == "sized":
        body = draw(BODIES)
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in draw(CHUNKS)) + b"0\r\n\r\n"
    else:
        body = draw(BODIES)
    if draw(st.booleans()):
        lines.append(b"Connection: " + draw(st.sampled_from([b"close", b"keep-alive", b"x"])))
    data = bytearray(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from(b"\0\r\n :,;09afA\xff"))
    return bytes(data)


@given(data=responses(), cuts=st.lists(st.integers(0, 200), max_size=5), method=st.sampled_from(["POST", "HEAD"]))
def test_made_up_responses_are_read_as_h11_reads_them_or_refused(data, cuts, method):
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[low:high] for low, high in itertools.pairwise(edges)]
    found = ours(pieces, method=method, closed=True)
    assert found == ours([data], method=method, closed=True)
    if isinstance(found, tuple):
        expected = theirs(data, method=method, closed=True)
        assert expected == "surplus" or found[:2] == expected[:2]


@given(body=st.binary(max_size=3000), coding=st.sampled_from(["gzip", "x-gzip", "deflate", "raw", "identity"]))
def test_a_coded_body_is_decoded(body, coding):
    raw = zlib.compressobj(wbits=-15)
    made = {
        "gzip": gzip.compress,
        "x-gzip": gzip.compress,
        "deflate": zlib.compress,
        "raw": lambda data: raw.compress(data) + raw.flush(),
        "identity": bytes,
    }[coding](body)
    assert decoded(made, "deflate" if coding == "raw" else coding, 3000) == body


def test_a_coded_body_is_bounded_and_must_be_whole():
    bomb = gzip.compress(bytes(1_000_000))
    with pytest.raises(TooLargeError):
        decoded(bomb, "gzip", 10_000)
    with pytest.raises(MalformedError, match="cut short"):
        decoded(gzip.compress(b"hello hello")[:-6], "gzip", 100)
    with pytest.raises(MalformedError, match="not gzip"):
        decoded(b"plain text", "gzip", 100)
    with pytest.raises(MalformedError, match="not asked for"):
        decoded(b"plain text", "br", 100)


def test_fields_compare_in_any_case_and_keep_their_spelling():
    fields = Fields(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-ONE: 2\r\nY:  a\r\n b\r\n\r\n")
    assert dict(fields) == {"x-ONE": "2", "Y": "a b"}
    assert (fields["X-one"], "y" in fields, "z" in fields, len(fields)) == ("2", True, False, 2)


def test_a_head_says_what_follows():
    head = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    assert (head.status, head.length, head.plain) == (200, 7, True)
    coded = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Encoding: gzip\r\n\r\n")
    assert (coded.coding, coded.plain) == ("gzip", False)
