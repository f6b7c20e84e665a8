"""Canonical JSON: the published vectors of RFC 8785, and everything that must not be read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.attest.canonical import INTEGER_MAX, NotStrict, canonical_bytes, parse, parse_canonical
from conformance.errors import HarnessError

WHOLE = st.integers(-INTEGER_MAX, INTEGER_MAX)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


def test_member_order_of_rfc_8785_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical_bytes(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_strings_and_literals_of_rfc_8785_section_3_2_2() -> None:
    text = '{"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}'
    expected = '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical_bytes(parse(text.encode())) == expected.encode()


@given(JSON)
def test_what_is_written_is_read_back_and_has_one_spelling(value: Any) -> None:
    data = canonical_bytes(value)
    assert parse_canonical(data) == value
    assert canonical_bytes(parse(json.dumps(value, indent=2).encode())) == data


@given(JSON, st.data())
def test_a_changed_byte_never_reads_as_the_same_value(value: Any, data: st.DataObject) -> None:
    original = canonical_bytes(value)
    place = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        read = parse_canonical(bytes(changed))
    except NotStrict:
        return
    assert read != value or canonical_bytes(read) == bytes(changed) != original


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b"{}x", "NOT_JSON"),
        (b"{'a':1}", "NOT_JSON"),
        (b"\xff", "NOT_UTF8"),
        (b"\xc0\xaf", "NOT_UTF8"),
        (b'{"a":1,"a":1}', "DUPLICATE_KEY"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "DUPLICATE_KEY"),
        (b"1.0", "FLOAT"),
        (b"1e2", "FLOAT"),
        (b"NaN", "FLOAT"),
        (b"-Infinity", "FLOAT"),
        (b"9007199254740992", "BIG_INTEGER"),
        (b"-9007199254740992", "BIG_INTEGER"),
        (b"1" * 10_000, "BIG_INTEGER"),
        (b"[" * 10_000, "TOO_DEEP"),
        (b'{"a":' * 10_000, "TOO_DEEP"),
        (b"[" * 33 + b"]" * 33, "TOO_DEEP"),
        (b'"' + b'\\"' * 40_000, "NOT_JSON"),
        (b'"' + b"x" * 100 + b'"', "TOO_LARGE"),
    ],
)
def test_what_is_not_read(data: bytes, code: str) -> None:
    with pytest.raises(NotStrict) as caught:
        parse(data, size_max=100 if code == "TOO_LARGE" else 100_000)
    assert caught.value.code == code


@pytest.mark.parametrize("data", [b" 1", b"1 ", b'{"b":1,"a":2}', b'"\\u0041"', b'"\\/"', b"-0", b'"\\ud800"'])
def test_other_spellings_are_not_canonical(data: bytes) -> None:
    with pytest.raises(NotStrict) as caught:
        parse_canonical(data)
    assert caught.value.code == "NOT_CANONICAL"


def test_brackets_inside_strings_do_not_nest() -> None:
    assert parse(json.dumps("[" * 500 + '\\"{').encode()) == "[" * 500 + '\\"{'
    assert parse(b"[" * 32 + b"]" * 32)


@pytest.mark.parametrize("value", [{"p50": 1.5}, [[0.0]], {"a": 2**53}, {"a": {1, 2}}, {"a": b"x"}, "\ud800"])
def test_what_a_report_cannot_hold(value: Any) -> None:
    with pytest.raises(HarnessError, match="a report cannot hold"):
        canonical_bytes(value)
