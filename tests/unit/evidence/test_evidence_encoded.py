"""Nothing personal is left behind an encoding, and what holds nothing personal stays as it is."""

import base64
import gzip
import hashlib
import json
import random
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.evidence.encoded import STREAM_MAX
from conformance.evidence.redact import COMMITTED, Redactor
from conformance.evidence.secrets import REDACTED

KEY = b"k" * 32
NUMBERS = ("6228480402564890018", "4111 1111 1111 1111", "11010519491231002X", "13812345678", "+14155552671")

ENCODINGS = {
    "base64": base64.b64encode,
    "base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "percent": lambda data: "".join(f"%{byte:02X}" for byte in data).encode(),
    "quoted": lambda data: quote(data, safe="").encode(),
    "json": lambda data: "".join(f"\\u{ord(character):04x}" for character in data.decode("latin-1")).encode(),
    "xml": lambda data: "".join(f"&#{byte};" for byte in data).encode(),
    "gzip64": lambda data: base64.b64encode(gzip.compress(data, mtime=0)),
    "zlib64": lambda data: base64.b64encode(zlib.compress(data)),
}
SURROUNDINGS = ("%s", '{"a":"%s"}', "a=%s&b=1", "GET /files/%s HTTP/1.1", "see %s here", "<a>%s</a>", '{"%s":1}')


def redacted(body: bytes) -> bytes:
    return Redactor(KEY).message(1, "resp", "", (), body).body


@given(
    st.sampled_from(NUMBERS),
    st.lists(st.sampled_from(sorted(ENCODINGS)), min_size=1, max_size=2),
    st.sampled_from(SURROUNDINGS),
    st.sampled_from(('{"card": "%s"}', "%s", "客户 %s", "id %s.")),
)
@settings(max_examples=400, deadline=None)
def test_personal_data_is_hidden_under_any_nesting(number: str, names: list[str], around: str, inside: str) -> None:
    piece = (inside % number).encode()
    for name in names:
        piece = ENCODINGS[name](piece)
    clean = redacted((around % piece.decode()).encode()).decode()
    assert piece.decode() not in clean
    assert COMMITTED in clean


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"x 13812345678", mtime=0), zlib.compress(b'{"card":"6228480402564890018"}')],
    ids=["gzip", "zlib"],
)
def test_a_compressed_body_is_hidden_as_a_whole(body: bytes) -> None:
    clean = Redactor(KEY).message(1, "resp", "", (("Content-Digest", "sha-256=:x=:"),), body)
    assert clean.body.startswith(COMMITTED.encode())
    assert clean.sealed[0][1].encode("latin-1") == body
    assert clean.headers[0][1].startswith("[left out")


def test_a_damaged_stream_and_a_second_one_are_read() -> None:
    assert redacted(gzip.compress(b"13812345678")[:-3] + b"bad").startswith(COMMITTED.encode())
    assert COMMITTED.encode() in redacted(gzip.compress(b"nothing") + gzip.compress(b"13812345678"))


def test_a_stream_too_long_to_read_is_hidden() -> None:
    bomb = gzip.compress(bytes(3 * STREAM_MAX))
    assert redacted(bomb).startswith(COMMITTED.encode())
    assert redacted(base64.b64encode(bomb)).startswith(COMMITTED.encode())


def test_secrets_behind_an_encoding_are_dropped_and_not_sealed() -> None:
    for text in ('{"password":"hunter22","phone":"13812345678"}', '{"cvv":"123","n":"a b c"}'):
        clean = Redactor(KEY).message(1, "resp", "", (), base64.b64encode(text.encode()))
        assert clean.body.decode() == REDACTED
        assert clean.sealed == []


def test_a_secret_learnt_later_is_found_in_a_text_seen_before() -> None:
    redactor = Redactor(KEY)
    text = base64.b64encode(gzip.compress(b"a cursor: quite-secret-value", mtime=0)).decode()
    assert redactor.text(text) == text
    redactor.add_secret("quite-secret-value")
    assert redactor.text(text) == REDACTED


def test_wrapped_base64_and_gbk_are_read() -> None:
    wrapped = base64.encodebytes(b"x" * 50 + b" 13812345678 " + b"y" * 50).decode()
    assert COMMITTED in redacted(wrapped.encode()).decode()
    chinese = base64.b64encode("客户电话 13812345678".encode("gb18030"))
    assert COMMITTED.encode() in redacted(chinese)


def test_only_the_piece_is_hidden() -> None:
    piece = base64.b64encode(b"13812345678").decode()
    clean = redacted(f"GET /customers/{piece}/accounts?page=2 HTTP/1.1".encode()).decode()
    assert clean.startswith(f"GET /customers/{COMMITTED}")
    assert clean.endswith("/accounts?page=2 HTTP/1.1")
    assert redacted(b"phone=%2B8613812345678&a=%20").decode().endswith("&a=%20")


@pytest.mark.parametrize(
    "text",
    [
        "redirect_uri=https%3A%2F%2Fshop.example.com%2Fcb&scope=openid+accounts",
        '{"next":"' + base64.b64encode(b'{"after":"p-17","limit":50}').decode() + '"}',
        '{"title":"\\u6761\\u7801\\u652f\\u4ed8","at":"2026-01-02T03:04:05+08:00"}',
        "%7B%22n%22%3A+119045589%7D",
        "100%",
        "x^2 and x\\u00",
    ],
)
def test_harmless_encodings_stay_byte_for_byte(text: str) -> None:
    assert redacted(text.encode()).decode() == text


@given(st.binary(min_size=12, max_size=400))
@settings(deadline=None)
def test_digests_signatures_and_images_stay_byte_for_byte(data: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(data).decode(), "digest": hashlib.sha256(data).hexdigest()})
    if not data.startswith((b"\x1f\x8b", b"x")):
        assert redacted(body.encode()).decode() == body


def test_harmless_bytes_stay_byte_for_byte() -> None:
    source = random.Random(7)
    for body in (source.randbytes(20_000), gzip.compress(b"nothing personal"), b"\x89PNG\r\n\x1a\n" + bytes(50)):
        assert redacted(body) == body


@pytest.mark.parametrize(
    "hostile",
    [
        "A" * 500_000,
        "YWJj" * 100_000,
        "YWJj/" * 50_000,
        "%41" * 100_000,
        "\\u0041" * 50_000,
        "\x1f\x8b\x08" * 50_000,
        "A" * 64 + "\n" + ("A" * 64 + "\n") * 5_000,
        base64.b64encode(b"YWJj-" * 50_000).decode(),
        "1+2" * 100_000,
    ],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(hostile: str) -> None:
    """Anything worse than linear would not end within the life of a test run."""
    assert Redactor(KEY).text(hostile)
