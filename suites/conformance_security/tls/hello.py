"""ClientHellos, SSL 3.0 to TLS 1.3 and TLCP, that offer exactly what a check asks about."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType

from conformance_security.tls.wire import numbers, vector


class Version(IntEnum):
    """Protocol versions as they stand on the wire."""

    SSL2 = 0x0002
    TLCP = 0x0101
    SSL3 = 0x0300
    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304

    @property
    def title(self) -> str:
        """The name people use."""
        return _TITLES[self]


_TITLES = {
    Version.SSL2: "SSL 2.0",
    Version.TLCP: "TLCP",
    Version.SSL3: "SSL 3.0",
    Version.TLS10: "TLS 1.0",
    Version.TLS11: "TLS 1.1",
    Version.TLS12: "TLS 1.2",
    Version.TLS13: "TLS 1.3",
}

HANDSHAKE, CLIENT_HELLO = 22, 1
#: Extensions that probes send or look for.
SERVER_NAME, STATUS_REQUEST, GROUPS, POINT_FORMATS, SIGNATURES = 0x0000, 0x0005, 0x000A, 0x000B, 0x000D
EARLY_DATA, VERSIONS, KEY_SHARE, RENEGOTIATION_INFO = 0x002A, 0x002B, 0x0033, 0xFF01

#: x25519, secp256r1, secp384r1; a HelloRetryRequest to another group counts as a hello: the server would go on.
_GROUPS = (0x001D, 0x0017, 0x0018)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
#: Versions whose hellos carry no extensions.
_BARE = (Version.SSL3, Version.TLCP)


def client_hello(
    version: Version,
    suites: Sequence[int],
    host: str = "",
    random: bytes | None = None,
    *,
    also: Sequence[Version] = (),
    compressions: bytes = b"\x00",
    status: bool = False,
    more: Mapping[int, bytes] = MappingProxyType({}),
) -> bytes:
    """Return a record with a ClientHello that offers exactly ``version`` and ``suites``.

    ``also``: further versions beside TLS 1.3, most wanted first. ``compressions``: methods, one byte each.
    ``status``: ask for a stapled OCSP response. ``more``: further extensions, behind all others, or in the place of
    one that is already there.
    """
    legacy = min(version, Version.TLS12)
    session = os.urandom(32) if version is Version.TLS13 else b""
    body = struct.pack(">H", legacy) + (random or os.urandom(32)) + vector(session, 1)
    body += vector(numbers(suites), 2) + vector(compressions, 1)
    if version not in _BARE:
        offered = {**_common(host, status), **_modern(version, also), **more}
        body += vector(b"".join(numbers([name]) + vector(value, 2) for name, value in offered.items()), 2)
    handshake = bytes([CLIENT_HELLO]) + vector(body, 3)
    record_version = version if version in _BARE else Version.TLS10
    return struct.pack(">BH", HANDSHAKE, record_version) + vector(handshake, 2)


def _common(host: str, status: bool) -> dict[int, bytes]:
    named = host and not host.replace(".", "").isdigit() and ":" not in host
    parts = {SERVER_NAME: vector(b"\x00" + vector(host.encode("idna"), 2), 2)} if named else {}
    if status:
        parts[STATUS_REQUEST] = b"\x01\x00\x00\x00\x00"
    parts[GROUPS] = vector(numbers(_GROUPS), 2)
    parts[POINT_FORMATS] = b"\x01\x00"
    parts[SIGNATURES] = vector(numbers(_SIGNATURES), 2)
    parts[RENEGOTIATION_INFO] = b"\x00"
    return parts


def _modern(version: Version, also: Sequence[Version]) -> dict[int, bytes]:
    if version is not Version.TLS13:
        return {}
    key = numbers([_GROUPS[0]]) + vector(os.urandom(32), 2)
    return {VERSIONS: vector(numbers([version, *also]), 1), KEY_SHARE: vector(key, 2)}
