"""Client assertions (RFC 7523): a client proves itself with its private key instead of a secret."""

from __future__ import annotations

import time
import uuid

from conformance.candidate.callers import Caller
from conformance.candidate.jws import sign_jws
from conformance.errors import ConfigError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Life of an assertion in seconds.
LIFE_S = 60


def assertion_member(caller: Caller, name: str, base: str) -> str | None:
    """Return ``client_assertion_type`` or a fresh ``client_assertion``; None for a caller without a private key.

    The audience is the caller's ``audience``, else the base URL.
    """
    if not caller.settings.get("private_key"):
        return None
    if name == "client_assertion_type":
        return ASSERTION_TYPE
    now = int(time.time())
    client = caller.text("client_id")
    claims = {
        "iss": client,
        "sub": client,
        "aud": caller.text("audience", base),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + LIFE_S,
    }
    try:
        return sign_jws(claims, caller.text("private_key"), caller.text("algorithm"), caller.text("kid"))
    except ValueError as error:
        raise ConfigError(
            f"the private key cannot be used: {error}",
            where=f"{caller.where} private_key",
            remedy="Give a PKCS#8 PEM key that fits algorithm (ES256, EdDSA or PS256).",
        ) from error
