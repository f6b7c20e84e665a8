"""The genuine access token of a caller, as the harness itself was given it, and the read that it opens."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.sdk import Accepted, Candidate, NotApplicable, Prepared
from conformance_security.jws import Token
from conformance_security.reads import some_read
from conformance_security.scene import control

#: A refusal of credentials: 401, or 403 where a gateway in front decides.
UNAUTHENTICATED = (401, 403)


@dataclass(frozen=True, slots=True)
class TokenRead:
    """A harmless read of a caller's own that an access token opens, shown under ``scheme``: Bearer or DPoP."""

    request: Prepared
    scheme: str


def read_with_token(candidate: Candidate) -> tuple[TokenRead, str]:
    """Return a read that an access token opens, and the token that the harness sends with it."""
    read = some_read(candidate)
    answer = control(read, f"{read.operation} by its owner")
    scheme, _, token = _authorization(answer).partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token:
        raise NotApplicable("this caller is not authenticated by an access token")
    return TokenRead(read, scheme), token


def bearing(read: TokenRead, token: str) -> Prepared:
    """Return the read with exactly this access token and no other credential.

    Under the scheme DPoP the caller proves its key along, for this very token: what is refused then is the token.
    """
    bound = read.scheme.lower() == "dpop"
    request = read.request if bound else read.request.without_credentials()
    return request.with_header("Authorization", f"{read.scheme} {token}")


def as_jwt(token: str) -> Token:
    """Return a token taken apart; raises NotApplicable for an opaque one."""
    parsed = Token.read(token)
    if parsed is None:
        raise NotApplicable("the product's access tokens are opaque, not JWTs")
    return parsed


def _authorization(answer: Accepted) -> str:
    headers = answer.exchange.request_headers.items()
    return next((value for key, value in headers if key.lower() == "authorization"), "")
