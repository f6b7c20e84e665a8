"""SM2 signatures and SM3 digests of the reference ledger (GB/T 32918.2, GB/T 32905).

SM3 is the one of OpenSSL. SM2 is written here with tables per key, because nodes verify every vote: a pure Python
library needs 28 ms for one verification and these tables under one. It shares no code with the suite's oracle.
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

#: The identifier that GB/T 35276 prescribes where parties have agreed on none.
DEFAULT_ID = b"1234567812345678"

Affine = tuple[int, int]
#: Jacobian coordinates; z is 0 at infinity.
Point = tuple[int, int, int]
Table = tuple[tuple[Affine, ...], ...]

_INFINITY: Point = (1, 1, 0)


def sm3(data: bytes) -> bytes:
    """Return the 32-byte SM3 digest of ``data``."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def public_key(private: bytes) -> bytes:
    """Return the uncompressed public key (65 bytes) of a 32-byte private key."""
    x, y = _to_affine(_times(_table((GX, GY)), int.from_bytes(private)))
    return b"\x04" + x.to_bytes(32) + y.to_bytes(32)


def private_key(seed: bytes) -> bytes:
    """Return a valid private key derived from 32 or more secret bytes."""
    return (int.from_bytes(sm3(b"key" + seed)) % (N - 2) + 1).to_bytes(32)


def sign(private: bytes, message: bytes, *, nonce: int | None = None) -> bytes:
    """Return a 64-byte signature r ‖ s; ``nonce`` fixes k and is only for showing what a bad generator does."""
    d = int.from_bytes(private)
    e = _message_digest(public_key(private), message)
    while True:
        k = nonce or secrets.randbelow(N - 1) + 1
        x, _ = _to_affine(_times(_table((GX, GY)), k))
        r = (e + x) % N
        s = pow(1 + d, -1, N) * (k - r * d) % N
        if r and s and r + k != N:
            return r.to_bytes(32) + s.to_bytes(32)


@lru_cache(maxsize=8192)
def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature belongs to a message and an uncompressed public key on the curve."""
    point = _decode(public)
    if point is None or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    t = (r + s) % N
    if not (0 < r < N and 0 < s < N and t):
        return False
    total = _times(_table(point), t, _times(_table((GX, GY)), s))
    if total[2] == 0:
        return False
    return (_message_digest(public, message) + _to_affine(total)[0]) % N == r


def _message_digest(public: bytes, message: bytes) -> int:
    return int.from_bytes(sm3(_identity(public) + message))


@lru_cache(maxsize=4096)
def _identity(public: bytes) -> bytes:
    bits = (len(DEFAULT_ID) * 8).to_bytes(2)
    curve = b"".join(value.to_bytes(32) for value in (A, B, GX, GY))
    return sm3(bits + DEFAULT_ID + curve + public[1:])


def _decode(public: bytes) -> Affine | None:
    if len(public) != 65 or public[0] != 4:
        return None
    x, y = int.from_bytes(public[1:33]), int.from_bytes(public[33:])
    on_curve = x < P and y < P and (y * y - x * x * x - A * x - B) % P == 0
    return (x, y) if on_curve else None


@lru_cache(maxsize=256)
def _table(base: Affine) -> Table:
    """Return ``d · 16^i · base`` for every digit d and place i, so that a multiplication is 64 additions."""
    rows: list[list[Point]] = []
    power: Point = (*base, 1)
    for _ in range(64):
        start, row = _to_affine(power), [power]
        for _ in range(15):
            row.append(_add(row[-1], start))
        rows.append(row[:15])
        power = row[15]
    flat = _all_affine([point for row in rows for point in row])
    return tuple(tuple(flat[index * 15 : index * 15 + 15]) for index in range(64))


def _times(table: Table, scalar: int, start: Point = _INFINITY) -> Point:
    total = start
    for row in table:
        digit = scalar & 15
        if digit:
            total = _add(total, row[digit - 1])
        scalar >>= 4
    return total


def _add(left: Point, right: Affine) -> Point:
    x1, y1, z1 = left
    x2, y2 = right
    if z1 == 0:
        return (x2, y2, 1)
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    slope = (y2 * z1 * zz - y1) % P
    if h == 0:
        return _double(left) if slope == 0 else _INFINITY
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (slope * slope - hhh - 2 * v) % P
    return x3, (slope * (v - x3) - y1 * hhh) % P, z1 * h % P


def _double(point: Point) -> Point:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    yy = y * y % P
    s = 4 * x * yy % P
    zz = z * z % P
    m = 3 * (x - zz) * (x + zz) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _to_affine(point: Point) -> Affine:
    inverse = pow(point[2], -1, P)
    square = inverse * inverse % P
    return point[0] * square % P, point[1] * square * inverse % P


def _all_affine(points: list[Point]) -> list[Affine]:
    """Normalise many points with a single inversion (Montgomery's trick)."""
    products = [1]
    for point in points:
        products.append(products[-1] * point[2] % P)
    inverse = pow(products[-1], -1, P)
    result: list[Affine] = []
    for index in range(len(points) - 1, -1, -1):
        x, y, z = points[index]
        own = inverse * products[index] % P
        inverse = inverse * z % P
        square = own * own % P
        result.append((x * square % P, y * square * own % P))
    return result[::-1]
