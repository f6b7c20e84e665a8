"""Detached JSON web signatures of requests (RFC 7515 appendix F), as open-banking interfaces use them.

[users.signer.signing]
scheme = "jws-detached"
algorithm = "ES256"              # ES256 | PS256 | EdDSA | RS256 | SM2-SM3 (ours: SM2 with SM3, r ‖ s)
keyid = "signer-es256"
key = { env = "SIGNER_KEY" }     # PKCS#8 PEM; for SM2 also 32 bytes in hex or base64
header = "x-jws-signature"
b64 = false                      # false: the body as it is (RFC 7797); true: encoded first (RFC 7515)
claims = { iat = "{now}", jti = "{nonce}", htm = "{method}", htu = "{url}", ath = "{token_hash}" }
crit = ["b64"]                   # names the receiver must understand; b64 is there by itself where it is false
operations = ["payments.*"]      # only these; every operation when absent

``claims`` are members of the protected header. A value may be of any type; text may hold {now} (seconds, a number when
it stands alone), {nonce}, {method}, {url}, {target}, {path}, {keyid} and {token_hash} (SHA-256 of the access token as
RFC 9449 computes ath). A request without a body is signed over the empty one.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets as randomness
import time
from collections.abc import Mapping
from typing import Any

from conformance.candidate.draft import Draft
from conformance.candidate.jws import encode
from conformance.candidate.signing_keys import Signer

#: What ``[users.x.signing]`` may say for this scheme, beside what both schemes know.
SETTINGS = frozenset({"header", "b64", "claims", "crit", "typ"})

#: Protected members when the file names none: when, once, what, and with which token.
DEFAULT_CLAIMS: Mapping[str, Any] = {
    "iat": "{now}",
    "jti": "{nonce}",
    "htm": "{method}",
    "htu": "{url}",
    "ath": "{token_hash}",
}
DEFAULT_HEADER = "x-jws-signature"

_PLACE = re.compile(r"\{(\w+)\}")


def sign_detached(draft: Draft, settings: Mapping[str, Any], signer: Signer) -> None:
    """Add the signature header to a draft: protected header, nothing, signature."""
    plain = settings.get("b64", False) is False
    protected = encode(json.dumps(_protected(draft, settings, signer, plain), separators=(",", ":")).encode())
    payload = draft.body if plain else encode(draft.body).encode()
    value = signer.sign(protected.encode("ascii") + b"." + payload)
    draft.set_header(str(settings.get("header", DEFAULT_HEADER)), f"{protected}..{encode(value)}")


def _protected(draft: Draft, settings: Mapping[str, Any], signer: Signer, plain: bool) -> dict[str, Any]:
    facts = _facts(draft, settings)
    members: dict[str, Any] = {"alg": signer.algorithm, "kid": str(settings.get("keyid", ""))}
    if settings.get("typ"):
        members["typ"] = str(settings["typ"])
    critical = [str(name) for name in settings.get("crit", ())]
    if plain:
        members["b64"] = False
        critical = ["b64", *(name for name in critical if name != "b64")]
    for name, value in settings.get("claims", DEFAULT_CLAIMS).items():
        filled = _filled(value, facts)
        if filled != "":
            members[str(name)] = filled
    return {**members, "crit": critical} if critical else members


def _facts(draft: Draft, settings: Mapping[str, Any]) -> dict[str, Any]:
    token = draft.header("Authorization").partition(" ")[2].strip()
    return {
        "now": int(time.time()),
        "nonce": randomness.token_urlsafe(18),
        "method": draft.method,
        "url": draft.url,
        "target": draft.target,
        "path": draft.target.partition("?")[0],
        "keyid": str(settings.get("keyid", "")),
        "token_hash": encode(hashlib.sha256(token.encode()).digest()) if token else "",
    }


def _filled(value: Any, facts: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    if value == "{now}":
        return facts["now"]
    return _PLACE.sub(lambda found: str(facts.get(found[1], found[0])), value)
