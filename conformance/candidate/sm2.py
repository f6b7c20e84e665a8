"""SM2 signatures (GB/T 32918.2 on the curve of GB/T 32918.5), in plain integers.

Correct and small, not constant-time: it signs a test client's requests with a test client's key.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.hazmat.primitives import hashes

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0

#: The user identity that everyone uses who has agreed on no other (GB/T 35276).
DEFAULT_ID = b"1234567812345678"

#: A point of the curve; None is the point at infinity.
Point = tuple[int, int] | None


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def add(left: Point, right: Point) -> Point:
    """Return the sum of two points."""
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if left == right else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(scalar: int, point: Point) -> Point:
    """Return a multiple of a point."""
    total: Point = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def multiply_base(scalar: int) -> Point:
    """Return a multiple of the base point by a scalar below 2**256: twenty times as fast as :func:`multiply`."""
    x, y, z = 0, 1, 0
    for window in _windows():
        digit = scalar & 15
        scalar >>= 4
        if digit:
            x, y, z = _add_affine(x, y, z, *window[digit - 1])
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


@lru_cache(maxsize=1)
def _windows() -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return the base point times 1 to 15, then times 16 to 240 in steps of 16, and so on for all 64 digits."""
    windows = []
    base: Point = (GX, GY)
    for _ in range(64):
        multiples: list[tuple[int, int]] = []
        point: Point = None
        for _ in range(15):
            point = add(point, base)
            if point is not None:
                multiples.append(point)
        windows.append(tuple(multiples))
        base = add(point, base)
    return tuple(windows)


def _add_affine(x1: int, y1: int, z1: int, x2: int, y2: int) -> tuple[int, int, int]:
    """Add a point to one in Jacobian coordinates (x/z², y/z³; infinity where z is 0), without dividing."""
    if z1 == 0:
        return x2, y2, 1
    square = z1 * z1 % P
    height = (x2 * square - x1) % P
    rise = (y2 * z1 * square - y1) % P
    if height == 0:
        double = add((x2, y2), (x2, y2)) if rise == 0 else None
        return (*double, 1) if double else (0, 1, 0)
    squared = height * height % P
    cubed = height * squared % P
    middle = x1 * squared % P
    x3 = (rise * rise - cubed - 2 * middle) % P
    return x3, (rise * (middle - x3) - y1 * cubed) % P, z1 * height % P


@lru_cache(maxsize=32)
def public_of(private: int) -> tuple[int, int]:
    """Return the public point of a private scalar; raises ValueError outside 1 … n-2."""
    point = multiply_base(private) if 0 < private < N - 1 else None
    if point is None:
        raise ValueError("not an SM2 private key")
    return point


def digest_of(public: tuple[int, int], message: bytes, user: bytes = DEFAULT_ID) -> int:
    """Return the integer that is signed: SM3 over the identity, the curve, the key, and then the message."""
    fixed = b"".join(number.to_bytes(32, "big") for number in (A, B, GX, GY, *public))
    identity = sm3((len(user) * 8).to_bytes(2, "big") + user + fixed)
    return int.from_bytes(sm3(identity + message), "big")


def sign(private: int, message: bytes, user: bytes = DEFAULT_ID, nonce: int | None = None) -> bytes:
    """Return ``r ‖ s``, 64 bytes. ``nonce`` is only for known-answer tests."""
    e = digest_of(public_of(private), message, user)
    while True:
        k = nonce or secrets.randbelow(N - 1) + 1
        point = multiply_base(k)
        r = (e + (point[0] if point else 0)) % N
        s = pow(1 + private, -1, N) * (k - r * private) % N
        if r and r + k != N and s:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if nonce:
            raise ValueError("this nonce gives no signature")


def verify(public: tuple[int, int], message: bytes, signature: bytes, user: bytes = DEFAULT_ID) -> bool:
    """Tell whether ``r ‖ s`` is a signature of ``message``."""
    if len(signature) != 64 or not on_curve(public):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % N
    if not (0 < r < N and 0 < s < N and t):
        return False
    point = add(multiply_base(s), multiply(t, public))
    return point is not None and (digest_of(public, message, user) + point[0]) % N == r


def on_curve(point: tuple[int, int]) -> bool:
    """Tell whether a point lies on the curve."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0
