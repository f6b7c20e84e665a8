"""The little of Protocol Buffers' wire format that headers, votes and queries need (deterministic, proto3)."""

from __future__ import annotations

from collections.abc import Iterator


def varint(value: int) -> bytes:
    """Return a base-128 varint; negative numbers as 64-bit two's complement."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """Return a varint field; zero is left out, as proto3 prescribes."""
    return varint(field << 3) + varint(value) if value else b""


def fixed64(field: int, value: int) -> bytes:
    """Return an sfixed64 field; zero is left out."""
    return varint(field << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def data(field: int, value: bytes) -> bytes:
    """Return a bytes or string field; empty is left out."""
    return message(field, value) if value else b""


def message(field: int, value: bytes) -> bytes:
    """Return an embedded message, present even when empty."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def delimited(value: bytes) -> bytes:
    """Return a message after its length."""
    return varint(len(value)) + value


def fields(encoded: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field, value) of an encoded message; raises ValueError when it is cut short."""
    at = 0
    while at < len(encoded):
        key, at = _read_varint(encoded, at)
        match key & 7:
            case 0:
                value, at = _read_varint(encoded, at)
                yield key >> 3, value
            case 1 | 5 as kind:
                size = 8 if kind == 1 else 4
                yield key >> 3, encoded[at : at + size]
                at += size
            case 2:
                size, at = _read_varint(encoded, at)
                if at + size > len(encoded):
                    raise ValueError("the message is cut short")
                yield key >> 3, encoded[at : at + size]
                at += size
            case kind:
                raise ValueError(f"wire type {kind} is unknown")


def _read_varint(encoded: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(encoded) or shift > 63:
            raise ValueError("a number is cut short")
        byte = encoded[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
