"""SM2 signatures (GB/T 32918.2 on the curve of GB/T 32918.5) as an attacker makes them: any user identity, any form.

Own integers in projective coordinates: fast enough for several forgeries a check, and a third hand beside the harness's
own signing and the library that the reference candidate verifies with.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import lru_cache

from cryptography.hazmat.primitives import hashes

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

#: The user identity of GB/T 35276, which everyone uses who has agreed on no other.
DEFAULT_USER = b"1234567812345678"

Affine = tuple[int, int]
#: X, Y, Z with x = X/Z², y = Y/Z³; Z = 0 is the point at infinity.
_Projective = tuple[int, int, int]
_INFINITY: _Projective = (1, 1, 0)


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def public_of(private: int) -> Affine:
    """Return the public point of a private scalar; raises ValueError outside 1 … n-2."""
    if not 0 < private < N - 1:
        raise ValueError("not an SM2 private key")
    return _public_of(private)


def digest_of(public: Affine, message: bytes, user: bytes | None = DEFAULT_USER) -> int:
    """Return the integer that is signed. ``user`` None leaves out identity, curve and key, as careless signers do."""
    if user is None:
        return int.from_bytes(sm3(message), "big")
    fixed = b"".join(number.to_bytes(32, "big") for number in (A, B, *G, *public))
    identity = sm3((len(user) * 8).to_bytes(2, "big") + user + fixed)
    return int.from_bytes(sm3(identity + message), "big")


def sign(private: int, message: bytes, user: bytes | None = DEFAULT_USER, nonce: int | None = None) -> tuple[int, int]:
    """Return ``(r, s)``. ``nonce`` is only for known answers; raises ValueError when it gives no signature."""
    e = digest_of(public_of(private), message, user)
    while True:
        k = nonce or secrets.randbelow(N - 1) + 1
        r = (e + multiple(k, G)[0]) % N
        s = pow(1 + private, -1, N) * (k - r * private) % N
        if r and r + k != N and s:
            return r, s
        if nonce:
            raise ValueError("this nonce gives no signature")


def verify(public: Affine, message: bytes, signature: tuple[int, int], user: bytes | None = DEFAULT_USER) -> bool:
    """Tell whether ``(r, s)`` is a signature of ``message``: ranges and curve are checked before any arithmetic."""
    r, s = signature
    t = (r + s) % N
    if not (0 < r < N and 0 < s < N and t and on_curve(public)):
        return False
    point = _add(_multiply(s, G), _multiply(t, public))
    return point[2] % P != 0 and (digest_of(public, message, user) + _affine(point)[0]) % N == r


def on_curve(point: Affine) -> bool:
    """Tell whether a point lies on the curve."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def multiple(scalar: int, point: Affine) -> Affine:
    """Return a multiple of a point; raises ValueError where that is the point at infinity."""
    return _affine(_multiply(scalar, point))


# -- encodings ------------------------------------------------------------------------------------------------------


def raw(signature: tuple[int, int], width: int = 32) -> bytes:
    """Return ``r ‖ s``, each ``width`` bytes."""
    return b"".join(number.to_bytes(width, "big") for number in signature)


def der(signature: tuple[int, int]) -> bytes:
    """Return SEQUENCE { INTEGER r, INTEGER s }, for numbers of any size below 2^512."""
    body = b"".join(_integer(number) for number in signature)
    return b"\x30" + _length(len(body)) + body


def _integer(number: int) -> bytes:
    content = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + _length(len(content)) + content


def _length(count: int) -> bytes:
    return bytes([count]) if count < 128 else bytes([0x81, count])


# -- arithmetic -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _public_of(private: int) -> Affine:
    return multiple(private, G)


def _multiply(scalar: int, point: Affine) -> _Projective:
    total, base = _INFINITY, (*point, 1)
    for bit in _bits(scalar):
        total = _double(total)
        if bit:
            total = _add(total, base)
    return total


def _bits(scalar: int) -> Iterator[bool]:
    return ((scalar >> place) & 1 == 1 for place in range(scalar.bit_length() - 1, -1, -1))


def _double(point: _Projective) -> _Projective:
    x, y, z = point
    if not z or not y:
        return _INFINITY
    squared = y * y % P
    s = 4 * x * squared % P
    zz = z * z % P
    m = 3 * (x - zz) * (x + zz) % P  # because a = -3
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * squared * squared) % P, 2 * y * z % P


def _add(left: _Projective, right: _Projective) -> _Projective:
    if not left[2] or not right[2]:
        return right if not left[2] else left
    (x1, y1, z1), (x2, y2, z2) = left, right
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    if u1 == u2:
        return _double(left) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, z1 * z2 * h % P


def _affine(point: _Projective) -> Affine:
    x, y, z = point
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse * inverse * inverse % P
