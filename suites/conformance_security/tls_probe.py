"""Raw TLS ClientHellos, SSL 3.0 to TLS 1.3, and what a server makes of them.

Written out because no current library can offer the old versions. A probe says nothing by itself: a malformed hello
draws an alert from every server, so an answer counts only beside a control hello that the same server accepted.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Version(IntEnum):
    """Protocol versions as they stand on the wire."""

    SSL3 = 0x0300
    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304

    @property
    def title(self) -> str:
        """The name people use."""
        return {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}[self]


#: (EC)DHE and static suites that every version up to 1.1 can use (CBC with SHA-1), as registered with IANA.
OLD_SUITES = (0xC014, 0xC00A, 0xC013, 0xC009, 0x0039, 0x0033, 0x0035, 0x002F, 0x000A, 0xC012, 0x0005, 0x0004)
#: AEAD suites of TLS 1.2 with forward secrecy.
TLS12_SUITES = (0xC02C, 0xC02B, 0xC030, 0xC02F, 0xCCA9, 0xCCA8, 0x009F, 0x009E)
#: Suites of TLS 1.3.
TLS13_SUITES = (0x1301, 0x1302, 0x1303)

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
#: Alerts by which a server says that it will not speak this version (RFC 8446 6.2).
REFUSAL_ALERTS = {40: "handshake_failure", 70: "protocol_version", 71: "insufficient_security"}
#: x25519, secp256r1, secp384r1; a HelloRetryRequest to another group counts as a hello: the server would go on.
_GROUPS = (0x001D, 0x0017, 0x0018)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``kind``: hello, alert, closed, silent or garbage; ``version`` is the server's choice."""

    kind: str
    version: int = 0
    suite: int = 0
    alert: int = -1

    @property
    def refuses(self) -> bool:
        """Whether this is a refusal: one of the three alerts that say so, or the end of the connection."""
        return self.kind == "closed" or (self.kind == "alert" and self.alert in REFUSAL_ALERTS)

    def __str__(self) -> str:
        match self.kind:
            case "hello":
                name = Version(self.version).title if self.version in list(Version) else f"0x{self.version:04x}"
                return f"a ServerHello for {name} with suite 0x{self.suite:04X}"
            case "alert":
                return f"alert {self.alert} ({REFUSAL_ALERTS.get(self.alert, 'other')})"
            case "closed":
                return "a closed connection"
            case "silent":
                return "no answer"
            case _:
                return "bytes that are not TLS"


def client_hello(version: Version, suites: Sequence[int], host: str = "", random: bytes | None = None) -> bytes:
    """Return a record with a ClientHello that offers exactly ``version`` and ``suites``."""
    legacy = min(version, Version.TLS12)
    body = struct.pack(">H", legacy) + (random or os.urandom(32))
    body += _vector(os.urandom(32) if version is Version.TLS13 else b"", 1)
    body += _vector(struct.pack(f">{len(suites)}H", *suites), 2) + b"\x01\x00"
    extensions = b"" if version is Version.SSL3 else _extensions(version, host)
    body += _vector(extensions, 2) if extensions else b""
    handshake = struct.pack(">B", _CLIENT_HELLO) + _vector(body, 3)
    record_version = Version.SSL3 if version is Version.SSL3 else Version.TLS10
    return struct.pack(">BH", _HANDSHAKE, record_version) + _vector(handshake, 2)


def read_reply(receive: Callable[[], bytes]) -> Reply:
    """Read the first record that a server sends; ``receive`` returns b"" at the end of the stream."""
    data = b""
    while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
        try:
            piece = receive()
        except ConnectionError:
            piece = b""
        if not piece:
            return Reply("closed") if not data else _parse(data)
        data += piece
    return _parse(data)


def _parse(data: bytes) -> Reply:
    kind, body = data[0], data[5:]
    if kind == _ALERT and len(body) >= 2:
        return Reply("alert", alert=body[1])
    if kind != _HANDSHAKE or len(body) < 39 or body[0] != _SERVER_HELLO:
        return Reply("garbage")
    return _server_hello(body[4:])


def _server_hello(body: bytes) -> Reply:
    version = int.from_bytes(body[:2], "big")
    place = 35 + body[34]
    suite = int.from_bytes(body[place : place + 2], "big")
    extensions = body[place + 5 :]
    while len(extensions) >= 4:
        name, size = struct.unpack(">HH", extensions[:4])
        if name == 0x002B and size == 2:
            version = int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + size :]
    return Reply("hello", version=version, suite=suite)


def _extensions(version: Version, host: str) -> bytes:
    parts = []
    if host and not host.replace(".", "").isdigit() and ":" not in host:
        parts.append((0x0000, _vector(b"\x00" + _vector(host.encode("idna"), 2), 2)))
    parts.append((0x000A, _vector(struct.pack(f">{len(_GROUPS)}H", *_GROUPS), 2)))
    parts.append((0x000B, b"\x01\x00"))
    parts.append((0x000D, _vector(struct.pack(f">{len(_SIGNATURES)}H", *_SIGNATURES), 2)))
    parts.append((0xFF01, b"\x00"))
    if version is Version.TLS13:
        parts.append((0x002B, _vector(struct.pack(">H", version), 1)))
        parts.append((0x0033, _vector(struct.pack(">H", 0x001D) + _vector(os.urandom(32), 2), 2)))
    return b"".join(struct.pack(">H", name) + _vector(value, 2) for name, value in parts)


def _vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data
