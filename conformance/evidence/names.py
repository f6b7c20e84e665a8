"""Which names mark a secret, wherever they are written: header, JSON member, form field, query, XML element."""

from __future__ import annotations

import re
from functools import lru_cache

_SECRET = frozenset(
    (
        *(
            "authorization",
            "proxyauthorization",
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "secret",
            "token",
            "apikey",
        ),
        *("privatekey", "assertion", "session", "sessionid", "sid", "jsessionid", "phpsessid", "cookie", "setcookie"),
        *("credential", "signingkey", "hmackey", "accesskey", "otp", "mnemonic", "codeverifier"),
        *("密码", "口令", "密钥", "私钥"),
    )
)
_ENDINGS = ("password", "passwd", "secret", "token", "apikey", "privatekey", "assertion", "passphrase", "secretkey")
_HARMLESS = frozenset(("nextpagetoken", "pagetoken", "continuationtoken", "nexttoken"))
_CARD_SECRETS = frozenset(
    ("cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2", "securitycode", "pin", "pinblock", "track1", "track2", "trackdata")
)
#: Members of a JSON Web Key that only its owner may know (RFC 7517, RFC 7518).
_PRIVATE_KEY_PARTS = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))
#: Headers whose value is a digest of, or a signature over, the body: a bare hash of personal data gives it away.
DIGEST_HEADERS = frozenset(("content-digest", "repr-digest", "digest", "content-md5", "etag", "signature"))


def plain(name: str) -> str:
    """Return ``name`` without case and punctuation, so that ``X-Api-Key`` and ``api_key`` are spelled alike."""
    return re.sub(r"[\W_]", "", name).lower()


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Tell whether what stands under ``name`` must be dropped."""
    word = plain(name).removesuffix("s")
    return word in _SECRET or (word.endswith(_ENDINGS) and word not in _HARMLESS)


@lru_cache(maxsize=4096)
def is_card_secret(name: str) -> bool:
    """Tell whether ``name`` marks a card verification value, a PIN or track data: committed to, never kept."""
    return plain(name) in _CARD_SECRETS


def is_private_key_part(name: str) -> bool:
    """Tell whether ``name`` is a secret member of a JSON Web Key."""
    return name in _PRIVATE_KEY_PARTS
