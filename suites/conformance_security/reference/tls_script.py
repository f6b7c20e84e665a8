"""Server flights written by hand, for what no TLS library can be made to choose."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO = 1
_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _DONE = 2, 11, 12, 14
_VERSIONS, _RENEGOTIATION_INFO = 0x002B, 0xFF01
#: Seconds until a client's first bytes must be there.
_HELLO_S = 10.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What a ClientHello offers. ``version`` is the highest; ``record`` are its bytes, to be passed on."""

    version: int
    random: bytes
    suites: tuple[int, ...]
    compressions: bytes
    extensions: Mapping[int, bytes]
    record: bytes

    def first(self, wanted: Sequence[int] | frozenset[int]) -> int | None:
        """Return the first suite offered that is wanted, or None."""
        return next((suite for suite in self.suites if suite in wanted), None)


async def read_offer(reader: asyncio.StreamReader) -> tuple[Offer | None, bytes]:
    """Return the offer of a connection, or None if it begins with something else, and the bytes read for it."""
    try:
        async with asyncio.timeout(_HELLO_S):
            head = await reader.readexactly(5)
            if head[0] != _HANDSHAKE:
                return None, head
            body = await reader.readexactly(int.from_bytes(head[3:5], "big"))
    except asyncio.IncompleteReadError as error:
        return None, error.partial
    except TimeoutError:
        return None, b""
    try:
        return _offer(head + body), head + body
    except (IndexError, struct.error):
        return None, head + body


def _offer(record: bytes) -> Offer:
    if record[5] != _CLIENT_HELLO:
        raise IndexError("no ClientHello")
    body = record[9:]
    place = 35 + body[34]
    size = int.from_bytes(body[place : place + 2], "big")
    suites = struct.unpack(f">{size // 2}H", body[place + 2 : place + 2 + size])
    place += 2 + size
    compressions = body[place + 1 : place + 1 + body[place]]
    extensions = _extensions(body[place + 1 + body[place] + 2 :])
    versions = extensions.get(_VERSIONS, b"")[1:]
    highest = max(struct.unpack(f">{len(versions) // 2}H", versions), default=int.from_bytes(body[:2], "big"))
    return Offer(highest, body[2:34], suites, compressions, extensions, record)


def _extensions(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        name, size = struct.unpack(">HH", data[:4])
        found[name] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


@dataclass(frozen=True, slots=True)
class Script:
    """What the scripted server chooses, and what it proves it with."""

    version: int
    suite: int
    chain: Sequence[bytes] = ()
    compression: int = 0
    renegotiation: bool = True
    key_exchange: bytes = b""
    random: bytes = b""

    def flight(self) -> bytes:
        """Return the records of the flight, ServerHello to ServerHelloDone."""
        messages = [(_HELLO, self._hello())]
        if self.chain:
            messages.append((_CERTIFICATE, sized(b"".join(sized(item, 3) for item in self.chain), 3)))
        if self.key_exchange:
            messages.append((_KEY_EXCHANGE, self.key_exchange))
        messages.append((_DONE, b""))
        return b"".join(self._record(bytes([kind]) + sized(body, 3)) for kind, body in messages)

    def _hello(self) -> bytes:
        body = struct.pack(">H", self.version) + (self.random or os.urandom(32)) + sized(os.urandom(32), 1)
        body += struct.pack(">HB", self.suite, self.compression)
        if self.renegotiation and self.version >= 0x0301:
            body += sized(struct.pack(">H", _RENEGOTIATION_INFO) + sized(b"\x00", 2), 2)
        return body

    def _record(self, message: bytes) -> bytes:
        return struct.pack(">BH", _HANDSHAKE, self.version) + sized(message, 2)


def old_hello(taken: bytes, certificate: bytes) -> bytes | None:
    """Return the SERVER-HELLO of SSL 2.0 to what begins as its CLIENT-HELLO, or None for anything else."""
    if len(taken) < 5 or not taken[0] & 0x80 or taken[2] != _CLIENT_HELLO or taken[3:5] != b"\x00\x02":
        return None
    ciphers, connection = bytes.fromhex("0700c0"), os.urandom(16)
    body = struct.pack(">BBBHHHH", 4, 0, 1, 2, len(certificate), len(ciphers), len(connection))
    message = body + certificate + ciphers + connection
    return struct.pack(">H", 0x8000 | len(message)) + message


def alert(code: int) -> bytes:
    """Return a fatal alert."""
    return bytes([_ALERT, 3, 3, 0, 2, 2, code])


def sized(data: bytes, size: int) -> bytes:
    """Return ``data`` behind its length in ``size`` bytes."""
    return len(data).to_bytes(size, "big") + data
