"""Conversions: laws that hold for every amount and every instant."""

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.candidate.convert import (
    CONVERSIONS,
    DESCRIPTIONS,
    Context,
    Unconvertible,
    convert_in,
    convert_out,
    exponent_of,
    zone_of,
)

AMOUNTS = st.integers(min_value=-(10**30), max_value=10**30)
EXPONENTS = st.integers(min_value=0, max_value=8)
INSTANTS = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(9999, 12, 31)).map(lambda moment: moment.isoformat() + "Z")


@given(
    amount=AMOUNTS,
    exponent=EXPONENTS,
    name=st.sampled_from(["minor", "minor-string", "decimal-string", "decimal-number", "negative-minor"]),
)
def test_money_goes_there_and_back_unchanged(amount: int, exponent: int, name: str) -> None:
    context = Context(exponent)
    assert convert_in(name, convert_out(name, amount, context), context) == amount


@given(amount=AMOUNTS, exponent=EXPONENTS)
def test_a_decimal_has_exactly_the_places_of_its_currency(amount: int, exponent: int) -> None:
    text = convert_out("decimal-string", amount, Context(exponent))
    assert int(text.replace(".", "")) == amount
    assert len(text.partition(".")[2]) == exponent
    assert "E" not in text


@given(instant=INSTANTS)
def test_an_instant_goes_there_and_back_unchanged(instant: str) -> None:
    assert convert_in("epoch-us", convert_out("epoch-us", instant, Context()), Context()) == instant
    assert convert_in("rfc3339", convert_out("rfc3339", instant, Context()), Context()) == instant


@given(seconds=st.integers(min_value=0, max_value=250_000_000_000))
def test_seconds_go_there_and_back_unchanged(seconds: int) -> None:
    for name, factor in (("epoch-s", 1), ("epoch-ms", 1000)):
        instant = convert_in(name, seconds * factor, Context())
        assert convert_out(name, instant, Context()) == seconds * factor
    written = convert_out("time", convert_in("epoch-s", seconds, Context()), Context(format="%Y%m%d%H%M%S"))
    assert convert_in("time", written, Context(format="%Y%m%d%H%M%S")) == convert_in("epoch-s", seconds, Context())


@given(
    text=st.text(st.characters(blacklist_categories=["Cs"])), name=st.sampled_from(["text", "base64", "hex", "list"])
)
def test_text_goes_there_and_back_unchanged(text: str, name: str) -> None:
    assert convert_in(name, convert_out(name, text, Context()), Context()) == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minor", "1.5"),
        ("minor", True),
        ("minor", "many"),
        ("minor", "1e999999999"),
        ("decimal-string", "1e999999999"),
        ("decimal-string", "1e-999999999"),
        ("minor", float("nan")),
        ("decimal-string", "1.005"),
        ("decimal-string", "1,00"),
        ("decimal-number", False),
        ("decimal-number", float("inf")),
        ("epoch-s", "yesterday"),
        ("rfc3339", "noon"),
        ("rfc3339", "2026-01-02T03:04:05"),
        ("uuid", "key-1"),
        ("uuid", 5),
        ("boolean", "perhaps"),
        ("list", []),
        ("base64", "%"),
        ("hex", "0"),
    ],
)
def test_what_is_not_convertible_is_said_and_never_guessed(name: str, value: object) -> None:
    with pytest.raises(Unconvertible, match=DESCRIPTIONS[name]):
        convert_in(name, value, Context())


def test_a_zone_is_converted_to_utc() -> None:
    assert convert_in("rfc3339", "2026-01-02T03:04:05+08:00", Context()) == "2026-01-01T19:04:05Z"


def test_currencies_have_their_own_places() -> None:
    assert [exponent_of(code) for code in ("CNY", "JPY", "KWD", "CLF", "cny", "")] == [2, 0, 3, 4, 2, 2]
    assert set(CONVERSIONS) == set(DESCRIPTIONS)


OFFSETS = st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59))


@given(instant=INSTANTS.filter(lambda text: "1971" < text < "9998"), offset=OFFSETS | st.just("UTC"))
def test_a_time_in_a_zone_goes_there_and_back_unchanged(instant: str, offset: str) -> None:
    zone = zone_of(offset)
    without = Context(format="%Y-%m-%dT%H:%M:%S.%f", zone=zone)
    written = convert_out("time", instant, without)
    assert convert_in("time", written, without) == convert_in("rfc3339", written, without) == instant
    assert convert_in("rfc3339", convert_out("rfc3339", instant, without), Context()) == instant


def test_a_time_without_an_offset_is_in_the_named_zone_and_in_no_other() -> None:
    eastern = Context(zone=zone_of("+08:00"))
    assert convert_in("rfc3339", "2026-01-02T03:04:05", eastern) == "2026-01-01T19:04:05Z"
    assert convert_in("rfc3339", "2026-01-02T03:04:05+01:00", eastern) == "2026-01-02T02:04:05Z"
    assert convert_out("rfc3339", "2026-01-01T19:04:05Z", eastern) == "2026-01-02T03:04:05+08:00"
    with pytest.raises(Unconvertible, match=r'no offset from UTC; say which with zone = "UTC", or such as'):
        convert_in("rfc3339", "2026-01-02T03:04:05", Context())
    assert [zone_of(text) for text in ("Asia/Shanghai", "+8:00", "+24:00", "utc", "")] == [None] * 5


@given(text=st.text(st.characters(blacklist_categories=["Cs"])))
def test_a_text_always_gives_the_same_uuid_and_a_uuid_stays(text: str) -> None:
    made = convert_out("uuid", text, Context())
    assert made == convert_out("uuid", text, Context())
    assert str(uuid.UUID(made)) == made.lower()
    assert convert_out("uuid", made, Context()) == convert_in("uuid", made, Context()) == made


def test_uuids_are_the_same_in_every_version_of_the_harness() -> None:
    assert convert_out("uuid", "key-1", Context()) == "d45932db-0877-5802-b3da-e71d85e19e9c"
    assert convert_out("uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", Context()).startswith("6BA7B810")
