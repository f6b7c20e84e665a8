"""The check sum of a merchant-presented code (EMVCo MPM 4.7.3): CRC-16, polynomial 1021, initial value FFFF."""

from __future__ import annotations

#: Identifier and length of the CRC object; the sum covers them too.
TRAILER = "6304"


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        rows.append(value & 0xFFFF)
    return tuple(rows)


_TABLE = _table()


def crc16(data: bytes) -> int:
    """Return the sum of ``data`` as a number from 0 to 65535."""
    value = 0xFFFF
    for byte in data:
        value = ((value << 8) & 0xFFFF) ^ _TABLE[(value >> 8) ^ byte]
    return value


def crc_of(text: str) -> str:
    """Return four upper-case digits over the UTF-8 bytes of ``text``, which ends with ``6304``."""
    return f"{crc16(text.encode('utf-8', 'surrogatepass')):04X}"


def seal(text: str) -> str:
    """Return objects with the CRC object appended."""
    return text + TRAILER + crc_of(text + TRAILER)


def reseal(payload: str) -> str:
    """Return a payload whose last eight characters, the CRC object, are made anew."""
    return seal(payload[:-8])
