"""What a ServerKeyExchange of TLS 1.2 and below shows of its group."""

from __future__ import annotations

from conformance_security.tls.wire import Malformed, Reader


def finite_field_bits(body: bytes) -> int | None:
    """Return the bits of the prime in a DHE ServerKeyExchange (RFC 5246 7.4.3), or None if there is none."""
    try:
        reader = Reader(body)
        prime, _generator, _public = (int.from_bytes(reader.vector(2), "big") for _ in range(3))
    except Malformed:
        return None
    return prime.bit_length() or None
