"""SM2 signatures verified in plain integers (GB/T 32918.2 on the curve of GB/T 32918.5), for checks to judge by.

Jacobian coordinates, and both multiplications in one pass, so that a verification costs a few milliseconds. Nothing
here is secret, so nothing needs to take constant time. The reference candidate signs with another implementation.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
BASE = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
#: The user identity that everyone uses who has agreed on no other (GB/T 35276).
DEFAULT_ID = b"1234567812345678"

Affine = tuple[int, int]
#: x/z², y/z³; z is 0 at infinity.
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def on_curve(point: Affine) -> bool:
    """Tell whether a point lies on the curve."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def digest_of(public: Affine, message: bytes, user: bytes = DEFAULT_ID) -> int:
    """Return the integer that is signed: SM3 over the identity, the curve and the key, and then the message."""
    fixed = b"".join(number.to_bytes(32, "big") for number in (A, B, *BASE, *public))
    identity = sm3((len(user) * 8).to_bytes(2, "big") + user + fixed)
    return int.from_bytes(sm3(identity + message), "big")


def verify(public: Affine, message: bytes, r: int, s: int, user: bytes = DEFAULT_ID) -> bool:
    """Tell whether (r, s) is a signature of ``message`` by the holder of ``public``."""
    t = (r + s) % N
    if not (0 < r < N and 0 < s < N and t and on_curve(public)):
        return False
    point = _sum_of_multiples(s, BASE, t, public)
    if point is None:
        return False
    return (digest_of(public, message, user) + point[0]) % N == r


def _sum_of_multiples(s: int, base: Affine, t: int, public: Affine) -> Affine | None:
    """Return s·base + t·public, doubling once for both (Shamir's trick)."""
    left, right = (*base, 1), (*public, 1)
    table = (None, left, right, _add(left, right))
    total = _INFINITY
    for place in reversed(range(max(s.bit_length(), t.bit_length()))):
        total = _double(total)
        chosen = table[(s >> place & 1) | (t >> place & 1) << 1]
        if chosen is not None:
            total = _add(total, chosen)
    return _affine(total)


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    square = y * y % P
    four = 4 * x * square % P
    z_square = z * z % P
    # a = -3 on this curve, so 3x² + a·z⁴ = 3(x - z²)(x + z²).
    slope = 3 * (x - z_square) * (x + z_square) % P
    new_x = (slope * slope - 2 * four) % P
    return new_x, (slope * (four - new_x) - 8 * square * square) % P, 2 * y * z % P


def _add(left: _Jacobian, right: _Jacobian) -> _Jacobian:
    if left[2] == 0 or right[2] == 0:
        return right if left[2] == 0 else left
    (x1, y1, z1), (x2, y2, z2) = left, right
    z1_square, z2_square = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2_square % P, x2 * z1_square % P
    s1, s2 = y1 * z2_square * z2 % P, y2 * z1_square * z1 % P
    if u1 == u2:
        return _double(left) if s1 == s2 else _INFINITY
    h, slope = u2 - u1, s2 - s1
    h_square = h * h % P
    h_cube, v = h_square * h % P, u1 * h_square % P
    x = (slope * slope - h_cube - 2 * v) % P
    return x, (slope * (v - x) - s1 * h_cube) % P, z1 * z2 * h % P


def _affine(point: _Jacobian) -> Affine | None:
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P
