"""A hello of SSL 2.0, which has records of its own, and what comes back to it."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from conformance_security.tls.flight import Receive, Reply, ServerHello
from conformance_security.tls.hello import Version
from conformance_security.tls.wire import Malformed, Reader

#: Every cipher of SSL 2.0: whatever a server still has, it can choose.
SSL2_CIPHERS = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)

_CLIENT_HELLO, _SERVER_HELLO, _ERROR = 1, 4, 0
_CHALLENGE_SIZE = 16
_ALERT, _TLS_MAJOR = 21, 3
#: Bytes of an answer that are read at most.
_ANSWER_MAX = 64 * 1024


def ssl2_hello(version: int = Version.SSL2, ciphers: Sequence[int] = SSL2_CIPHERS) -> bytes:
    """Return a record of SSL 2.0 with a CLIENT-HELLO for ``version``; ciphers of TLS are written with a zero before.

    With a later version it is the compatible hello that clients sent for years, and that servers may still read.
    """
    specs = b"".join(cipher.to_bytes(3, "big") for cipher in ciphers)
    head = struct.pack(">BHHHH", _CLIENT_HELLO, version, len(specs), 0, _CHALLENGE_SIZE)
    body = head + specs + os.urandom(_CHALLENGE_SIZE)
    return struct.pack(">H", 0x8000 | len(body)) + body


def read_ssl2(receive: Receive) -> Reply:
    """Read the first message that a server sends to such a hello: of SSL 2.0 or an alert of TLS."""
    wire = b""
    try:
        while len(wire) < _size(wire):
            piece = receive()
            if not piece:
                return Reply("garbage" if wire else "closed")
            wire += piece
    except TimeoutError:
        return Reply("silent")
    except ConnectionError:
        return Reply("garbage" if wire else "closed")
    except Malformed:
        return Reply("garbage")
    return Reply("alert", alert=wire[6]) if wire[0] == _ALERT else _message(wire[2:])


def _size(wire: bytes) -> int:
    """Return how many bytes the first record has, as far as that is known; raises Malformed for no record of either."""
    if not wire:
        return 1
    if wire[0] & 0x80:
        return 2 + (int.from_bytes(wire[:2], "big") & 0x7FFF) if len(wire) > 1 else 2
    if wire[0] == _ALERT and wire[1:2] in (b"", bytes([_TLS_MAJOR])):
        return 7
    raise Malformed("neither a record of SSL 2.0 nor an alert")


def _message(body: bytes) -> Reply:
    try:
        reader = Reader(body)
        kind = reader.number(1)
        if kind == _ERROR:
            return Reply("ssl2-error")
        if kind != _SERVER_HELLO:
            return Reply("garbage")
        reader.take(2)
        version, certificate, specs, _ = (reader.number(2) for _ in range(4))
        reader.take(certificate)
        chosen = int.from_bytes(reader.take(specs)[:3], "big")
    except Malformed:
        return Reply("garbage")
    return Reply("hello", ServerHello(version, b"", chosen))
