"""What the bank makes of bytes: strict JSON, strict framing, strict media types."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.board import Board
from conformance.reference.input import DEPTH_MAX, parse_object
from conformance.sdk import Problem

if TYPE_CHECKING:
    from conftest import Client

SOUND = Board()

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_every_json_object_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=False).encode(), SOUND) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but a Problem with a 4xx ever comes out of the parser."""
    assert status_of(body) in (200, 400)


def status_of(body: bytes) -> int:
    try:
        parse_object(body, SOUND)
    except Problem as problem:
        return problem.status
    return 200


@given(st.integers(1, 2 * DEPTH_MAX), st.sampled_from(["[", '{"a":']))
def test_depth_is_counted_whatever_stands_in_texts(depth: int, opening: str) -> None:
    body = '{"x":"[[[{{{","y":' + opening * depth + "1" + ("]" if opening == "[" else "}") * depth + "}"
    if depth < DEPTH_MAX:
        assert parse_object(body.encode(), SOUND)["x"] == "[[[{{{"
    else:
        with pytest.raises(Problem, match="too-deep"):
            parse_object(body.encode(), SOUND)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid-json"),
        (b"[]", "invalid-json"),
        (b"null", "invalid-json"),
        (b'{"a":1,}', "invalid-json"),
        (b'{"a":NaN}', "invalid-json"),
        (b'{"a":-Infinity}', "invalid-json"),
        (b'{"a":1,"a":1}', "duplicate-name"),
        (b'{"b":{"a":1,"a":2}}', "duplicate-name"),
        (b"\xef\xbb\xbf{}", "invalid-utf8"),
        (b'{"a":"\xff"}', "invalid-utf8"),
        (b'{"a":"\xc0\xaf"}', "invalid-utf8"),
        (b'{"a":"\xed\xa0\x80"}', "invalid-utf8"),
        (b'{"a":"\x00"}', "invalid-utf8"),
        ('{"a":1}'.encode("utf-16"), "invalid-utf8"),
        ('{"a":１}'.encode(), "invalid-json"),
        (b'{"a":' + b"9" * 5000 + b"}", "invalid-number"),
    ],
)
def test_malformed_bodies_have_a_code(bank: Client, body: bytes, code: str) -> None:
    answer = bank.pay_bytes(body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=utf-16", ""])
def test_other_media_types_are_refused(bank: Client, kind: str) -> None:
    body = json.dumps(bank.order(*bank.pair())).encode()
    assert bank.pay_bytes(body, Content_Type=kind).status_code == 415


def test_large_bodies_are_refused_and_the_bank_stays_up(bank: Client) -> None:
    assert bank.pay_bytes(b'{"x":"' + b"a" * 1024 * 1024 + b'"}').status_code == 413
    assert bank.pay(*bank.pair()).status_code == 201


@pytest.mark.parametrize("path", ["/nope", "/accounts/'%22--", "/..%2f..%2fetc/passwd", "/%00", "/%ff"])
def test_unknown_paths_are_answered_without_internals(bank: Client, path: str) -> None:
    answer = bank.ask("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert set(answer.json()) == {"type", "title", "status", "code", "detail"}


FRAMES = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "blank before colon": b"Content-Length : 3\r\n\r\nabc",
    "signed length": b"Content-Length: +3\r\n\r\nabc",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "two hosts": b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "folded header": b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "NUL": b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMES)
def test_ambiguous_framing_is_refused_and_what_follows_is_not_served(bank: Client, name: str) -> None:
    address = urlsplit(bank.process.base_url)
    host = address.hostname or ""
    context = ssl.create_default_context(cafile=str(bank.session.verify))
    head = b"POST /token HTTP/1.1\r\nHost: " + address.netloc.encode() + b"\r\n"
    tail = b"GET /jwks HTTP/1.1\r\nHost: " + address.netloc.encode() + b"\r\n\r\n"
    answer = b""
    with socket.create_connection((host, address.port or 0), 5) as plain:
        with context.wrap_socket(plain, server_hostname=host) as tls:
            tls.sendall(head + FRAMES[name] + tail)
            while chunk := tls.recv(65536):
                answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"200 OK" not in answer
