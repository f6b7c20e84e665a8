"""The hellos we send, byte for byte, and what the reading of answers makes of any bytes at all."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.tls.codepoints import (
    BROKEN_CLASSES,
    CBC_SUITES,
    DHE_SUITES,
    STATIC_CLASSES,
    TLCP_SUITES,
    TLS12_SUITES,
    TLS13_SUITES,
    suite_name,
)
from conformance_security.tls.flight import Flight, parse_chain, read_flight, read_reply
from conformance_security.tls.hello import Version, client_hello
from conformance_security.tls.keyexchange import finite_field_bits
from conformance_security.tls.wire import vector

RANDOM = bytes(range(32))


def test_a_hello_for_ssl3_byte_for_byte() -> None:
    assert client_hello(Version.SSL3, (0x002F, 0x0035, 0x000A), random=RANDOM).hex() == (
        "1603000031" "0100002d" "0300" + RANDOM.hex() + "00" "0006002f0035000a" "0100"
    )  # fmt: skip


def test_a_hello_for_tlcp_byte_for_byte() -> None:
    assert client_hello(Version.TLCP, TLCP_SUITES, "ignored.example.com", RANDOM).hex() == (
        "1601010033" "0100002f" "0101" + RANDOM.hex() + "00" "0008e011e013e051e053" "0100"
    )  # fmt: skip


def test_a_hello_for_tls12_byte_for_byte() -> None:
    extensions = (
        "0000" "0016" "0014" "00" "0011" + b"probe.example.com".hex()
        + "000a" "0008" "0006" "001d" "0017" "0018"
        + "000b" "0002" "0100"
        + "000d" "0018" "0016" "0403" "0503" "0603" "0804" "0805" "0806" "0401" "0501" "0601" "0203" "0201"
        + "ff01" "0001" "00"
    )  # fmt: skip
    body = "0303" + RANDOM.hex() + "000004c02fc0300100" + f"{len(extensions) // 2:04x}" + extensions
    handshake = "01" + f"{len(body) // 2:06x}" + body
    expected = "160301" + f"{len(handshake) // 2:04x}" + handshake
    assert client_hello(Version.TLS12, (0xC02F, 0xC030), "probe.example.com", RANDOM).hex() == expected


def test_what_else_a_hello_can_ask_for() -> None:
    plain = client_hello(Version.TLS12, TLS12_SUITES, random=RANDOM)
    deflate = client_hello(Version.TLS12, TLS12_SUITES, random=RANDOM, compressions=b"\x01\x00")
    staple = client_hello(Version.TLS12, TLS12_SUITES, random=RANDOM, status=True)
    assert b"\x02\x01\x00" in deflate
    assert len(deflate) == len(plain) + 1
    assert bytes.fromhex("000500050100000000") in staple
    assert len(staple) == len(plain) + 9


def test_a_hello_for_tls13_may_name_older_versions_too() -> None:
    hello = client_hello(Version.TLS13, TLS13_SUITES, also=(Version.TLS12,), more={0x0033: b"the share"})
    assert bytes.fromhex("002b000504") + bytes.fromhex("03040303") in hello
    assert bytes.fromhex("00330009") + b"the share" in hello


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_addresses_are_not_sent_as_names(host: str) -> None:
    assert b"127" not in client_hello(Version.TLS12, TLS12_SUITES, host, RANDOM)
    assert len(client_hello(Version.TLS12, TLS12_SUITES, host, RANDOM)) == len(
        client_hello(Version.TLS12, TLS12_SUITES, "", RANDOM)
    )


def test_no_suite_is_both_broken_and_a_control() -> None:
    broken = {suite for suites in (*BROKEN_CLASSES.values(), *STATIC_CLASSES.values()) for suite in suites}
    assert not broken & set(TLS12_SUITES)
    assert not broken & set(CBC_SUITES)
    assert not set(CBC_SUITES) & set(TLS12_SUITES)
    assert broken.isdisjoint(DHE_SUITES)


def test_every_suite_that_is_offered_has_its_name() -> None:
    offered = [*TLS12_SUITES, *TLS13_SUITES, *CBC_SUITES, *DHE_SUITES, *TLCP_SUITES]
    offered += [suite for suites in (*BROKEN_CLASSES.values(), *STATIC_CLASSES.values()) for suite in suites]
    for suite in offered:
        assert "suite" not in suite_name(suite), hex(suite)
    assert suite_name(0x009C) == "TLS_RSA_WITH_AES_128_GCM_SHA256 (0x009C)"
    assert suite_name(0xE013) == "ECC_SM4_CBC_SM3 (0xE013)"
    assert suite_name(0xFFFF) == "suite (0xFFFF)"


def flight_bytes(chain: tuple[bytes, ...], staple: bytes, key_exchange: bytes, fragment: int = 16384) -> bytes:
    """What a TLS 1.2 server sends, its messages run together and cut into records of ``fragment`` bytes."""
    hello = struct.pack(">H", 0x0303) + bytes(32) + b"\x00" + struct.pack(">HB", 0xC02F, 0) + vector(b"", 2)
    messages = [(2, hello), (11, vector(b"".join(vector(item, 3) for item in chain), 3))]
    messages += [(22, b"\x01" + vector(staple, 3))] if staple else []
    messages += [(12, key_exchange), (14, b"")]
    payload = b"".join(bytes([kind]) + vector(body, 3) for kind, body in messages)
    pieces = [payload[place : place + fragment] for place in range(0, len(payload), fragment)]
    return b"".join(b"\x16\x03\x03" + vector(piece, 2) for piece in pieces)


def stream(data: bytes, size: int) -> Callable[[], bytes]:
    """Give ``data`` in pieces of ``size`` bytes, then the end."""
    pieces = iter([data[place : place + size] for place in range(0, len(data), size)])
    return lambda: next(pieces, b"")


@given(
    chain=st.lists(st.binary(min_size=1, max_size=300), max_size=4).map(tuple),
    staple=st.binary(max_size=300),
    key_exchange=st.binary(min_size=1, max_size=300),
    fragment=st.integers(1, 2000),
    piece=st.integers(1, 2000),
)
def test_a_flight_is_read_however_it_is_cut(
    chain: tuple[bytes, ...], staple: bytes, key_exchange: bytes, fragment: int, piece: int
) -> None:
    flight = read_flight(stream(flight_bytes(chain, staple, key_exchange, fragment), piece))
    assert (flight.chain, flight.staple, flight.key_exchange) == (chain, staple, key_exchange)
    assert (flight.reply.version, flight.reply.suite, flight.done) == (0x0303, 0xC02F, True)


@given(st.integers(0, 400), st.integers(1, 64))
def test_a_flight_that_ends_early_is_never_done(kept: int, piece: int) -> None:
    whole = flight_bytes((b"a" * 90, b"b" * 90), b"c" * 50, b"d" * 70)
    flight = read_flight(stream(whole[: min(kept, len(whole) - 1)], piece))
    assert not flight.done
    assert flight.reply.kind in ("hello", "closed", "garbage")


@given(st.binary(max_size=600), st.integers(1, 64))
def test_no_bytes_break_the_reading(data: bytes, piece: int) -> None:
    for read in (read_flight, read_reply):
        assert read(stream(data, piece)) is not None


@given(st.binary(max_size=300))
def test_no_handshake_record_breaks_the_reading(body: bytes) -> None:
    record = b"\x16\x03\x03" + vector(b"\x02" + vector(body, 3), 2)
    flight = read_flight(stream(record, 4096))
    assert isinstance(flight, Flight)
    assert not flight.reply.refuses or flight.reply.kind == "closed"


@given(st.binary(max_size=200))
def test_no_key_exchange_breaks_the_reading(body: bytes) -> None:
    bits = finite_field_bits(body)
    assert bits is None or bits > 0


def test_silence_and_an_endless_flight_are_what_they_are() -> None:
    def silent() -> bytes:
        raise TimeoutError

    def reset() -> bytes:
        raise ConnectionResetError

    assert read_reply(silent).kind == "silent"
    assert not read_reply(silent).refuses
    assert read_reply(reset).kind == "closed"
    record = b"\x16\x03\x03" + vector(b"\x02\xff\xff\xff" + bytes(16000), 2)
    assert read_flight(lambda: record).reply.kind == "garbage"


def test_a_chain_with_a_length_that_lies_is_malformed() -> None:
    with pytest.raises(ValueError, match="wanted"):
        parse_chain(b"\x00\x00\x05\x00\x00\x09ab")
