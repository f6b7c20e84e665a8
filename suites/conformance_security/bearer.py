"""The genuine bearer token of a caller, as the harness itself was given it, and the read that it opens."""

from __future__ import annotations

from conformance.sdk import Accepted, Candidate, NotApplicable, Prepared
from conformance_security.jws import Token
from conformance_security.reads import some_read
from conformance_security.scene import control

#: A refusal of credentials: 401, or 403 where a gateway in front decides.
UNAUTHENTICATED = (401, 403)


def read_with_token(candidate: Candidate) -> tuple[Prepared, str]:
    """Return a harmless read of the caller's own, and the bearer token that the harness sends with it."""
    read = some_read(candidate)
    answer = control(read, f"{read.operation} by its owner")
    scheme, _, token = _authorization(answer).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotApplicable("this caller is not authenticated by a bearer token")
    return read, token


def bearing(read: Prepared, token: str) -> Prepared:
    """Return the read with exactly this token and no other credential."""
    return read.without_credentials().with_header("Authorization", f"Bearer {token}")


def as_jwt(token: str) -> Token:
    """Return a token taken apart; raises NotApplicable for an opaque one."""
    parsed = Token.read(token)
    if parsed is None:
        raise NotApplicable("the product's access tokens are opaque, not JWTs")
    return parsed


def _authorization(answer: Accepted) -> str:
    headers = answer.exchange.request_headers.items()
    return next((value for key, value in headers if key.lower() == "authorization"), "")
