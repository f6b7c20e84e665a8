"""Fresh values: what a product takes only once, such as the name or the id of what is made.

All calls of one operation see the same value, and so does its repetition under the same idempotency key: another
would make it another request. Two operations never do.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from typing import Final

#: The name that templates know it by.
FRESH: Final = "fresh"

#: Characters of a whole value.
FRESH_MAX: Final = 32
#: At least so many must be taken. 26 · 36⁹ values: among a million of one run, two are the same once in 5000 runs;
#: among the ten thousand of a run without load, once in fifty million.
FRESH_MIN: Final = 10

_CHARACTERS = string.ascii_lowercase + string.digits


def fresh_value(number: int | None = None) -> str:
    """Return 32 small letters and digits, a letter first: at random, or as ``number`` (at least 256 bits) has them."""
    left = secrets.randbits(256) if number is None else number
    made = []
    for characters in (string.ascii_lowercase, *[_CHARACTERS] * (FRESH_MAX - 1)):
        left, chosen = divmod(left, len(characters))
        made.append(characters[chosen])
    return "".join(made)


class FreshValues:
    """Values of one driver. Those of a key are worked out, not kept: a run under load makes millions."""

    def __init__(self) -> None:
        self._seed = secrets.token_bytes(32)

    def of(self, operation: str, user: str | None, key: str) -> str:
        """Return the value of one operation: always the same for a key and a user, always another where key is ""."""
        if not key:
            return fresh_value()
        # Lengths keep ("a", "bc") and ("ab", "c") apart.
        about = "".join(f"{len(text)}:{text}" for text in (operation, "" if user is None else f"@{user}", key))
        digest = hmac.digest(self._seed, about.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return fresh_value(int.from_bytes(digest, "big"))
