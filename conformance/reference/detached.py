"""Detached JSON web signatures (RFC 7515 appendix F, RFC 7797), verified for users who must sign in this way.

Written on its own, from the RFCs: it shares no code with the signing that the harness does as a client.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from conformance.reference.keys import b64, unb64
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

HEADER = "x-jws-signature"
#: What the protected header must say, beside its key and algorithm.
REQUIRED = ("iat", "jti", "htm", "htu", "ath")
#: Extensions that we understand (RFC 7515 4.1.11).
_CRITICAL = frozenset({"b64"})


@dataclass(frozen=True, slots=True)
class Detached:
    """A parsed signature. ``protected`` is the header exactly as it was received."""

    protected: str
    members: Mapping[str, Any]
    value: bytes

    def text(self, name: str) -> str:
        """Return a member that is text, or ""."""
        found = self.members.get(name)
        return found if isinstance(found, str) else ""


def parse(request: Request) -> Detached:
    """Return the one signature of a request; raises Problem(401) for none, several, or any other spelling."""
    given = request.headers.getlist(HEADER)
    if len(given) != 1:
        raise refusal("signature-missing", "Exactly one signature is required.")
    try:
        protected, payload, value = given[0].strip().split(".")
        members = json.loads(unb64(protected), object_pairs_hook=_once)
        signature = unb64(value)
    except ValueError as error:
        raise refusal("signature-malformed", "The signature cannot be read.") from error
    if payload or not isinstance(members, dict):
        raise refusal("signature-malformed", "The payload must be detached.")
    return Detached(protected, members, signature)


def require_understood(signed: Detached) -> None:
    """Refuse extensions that we do not understand, and any coding of the payload but its own bytes (RFC 7797 3, 6)."""
    critical = signed.members.get("crit")
    if not isinstance(critical, list) or not critical or any(name not in _CRITICAL for name in critical):
        raise refusal("signature-malformed", "crit must name b64 and nothing else.")
    if signed.members.get("b64") is not False or "b64" not in critical:
        raise refusal("signature-malformed", "b64 must be false.")


def require_bound(signed: Detached, request: Request, target: str, *, optional: bool = False) -> None:
    """Refuse a signature for another method, address or token; ``optional``: members may be left out (a fault)."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    wanted = {"htm": request.method, "htu": target, "ath": b64(hashlib.sha256(token.encode()).digest())}
    for name, value in wanted.items():
        if (name in signed.members or not optional) and signed.text(name) != value:
            raise refusal("signature-invalid", f"{name} is not that of the request.")


def created(signed: Detached, host: ReferenceHost) -> int:
    """Return when the signature was made; under fault signature.created-lenient "now" unless it says otherwise."""
    moment = signed.members.get("iat")
    if isinstance(moment, int) and not isinstance(moment, bool):
        return moment
    if host.faults.on("signature.created-lenient"):
        return int(moment) if isinstance(moment, str) and moment.isdigit() else host.clock.epoch()
    raise refusal("signature-malformed", "iat is required, a number of seconds.")


def base(signed: Detached, body: bytes) -> bytes:
    """Return the bytes that were signed (RFC 7797 3)."""
    return signed.protected.encode("ascii") + b"." + body


def refusal(code: str, detail: str) -> Problem:
    """Return the 401 for a request that is not signed as it must be."""
    return Problem(401, code, detail, {"WWW-Authenticate": 'Signature realm="bank"'})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members
