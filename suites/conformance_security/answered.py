"""What a careful receiver makes of a signed answer or notice: "" when it holds, else what is wrong with it."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from conformance_security.detached import Detached
from conformance_security.httpsig import Message, Pattern, Uncovered, verified
from conformance_security.jws import decode, encode
from conformance_security.product_keys import Keys
from conformance_security.signing_keys import verifies

#: Seconds that an answer or a notice may be old, or ahead of the receiver's clock.
AGE_MAX_S = 75
#: Headers that detached JSON web signatures are sent in.
JWS_HEADERS = ("x-jws-signature", "jws-signature", "x-signature-jws")
_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


def answer_verdict(message: Message, keys: Keys, now: int) -> str:
    """Judge the signature of an answer (RFC 9421 2.4): status and body covered, recent, by a known key."""
    return _message_verdict(message, keys, now, ("@status",))


def notice_verdict(message: Message, keys: Keys, now: int, shared: Mapping[str, Any] | None = None) -> str:
    """Judge the signature of a notice by the scheme that it uses; ``shared`` are the settings of an HMAC."""
    if shared is not None:
        return _hmac_verdict(message, shared, now)
    if _header(message, "signature-input"):
        return _message_verdict(message, keys, now, ())
    for name in JWS_HEADERS:
        if value := _header(message, name):
            return _detached_verdict(message, name, value, keys, now)
    return "it carries no signature"


def _message_verdict(message: Message, keys: Keys, now: int, required: tuple[str, ...]) -> str:
    patterns = Pattern.read_all(_header(message, "signature-input"))
    if not patterns:
        return "it carries no signature"
    verdicts = [_pattern_verdict(message, pattern, keys, now, required) for pattern in patterns]
    return "" if "" in verdicts else verdicts[0]


def _pattern_verdict(message: Message, pattern: Pattern, keys: Keys, now: int, required: tuple[str, ...]) -> str:
    keyid = pattern.parameter("keyid").strip('"')
    own = tuple(name for name, whole in zip(pattern.names, pattern.components, strict=True) if ";req" not in whole)
    wanted = (*required, "content-digest") if message.body else required
    if keyid not in keys:
        return f"its key {keyid or '(unnamed)'} is not one that the product has published"
    if missing := [name for name in wanted if name not in own]:
        return f"its signature does not cover {', '.join(missing)}"
    if wrong := _digest_verdict(message) if "content-digest" in own else "":
        return wrong
    return _age_verdict(pattern.created, now) or verified(message, pattern, keys[keyid])


def _detached_verdict(message: Message, name: str, value: str, keys: Keys, now: int) -> str:
    found = Detached.read(name, value, message)
    if found is None:
        return "its signature cannot be read"
    key = keys.get(str(found.members.get("kid", "")))
    if key is None:
        return f"its key {found.members.get('kid', '(unnamed)')} is not one that the product has published"
    protected, _, signature = value.strip().split(".")
    payload = message.body if found.members.get("b64") is False else encode(message.body).encode()
    algorithm = str(found.members.get("alg", ""))
    if not verifies(key, algorithm, protected.encode() + b"." + payload, decode(signature)):
        return "the signature does not verify"
    return _age_verdict(found.created, now)


def _hmac_verdict(message: Message, shared: Mapping[str, Any], now: int) -> str:
    """Judge a notice by a shared secret: ``header``, ``pattern`` (groups signature, timestamp), ``template``, hash."""
    given = _header(message, str(shared.get("header", "x-signature")).lower())
    if not given:
        return "it carries no signature"
    found = re.search(str(shared.get("pattern", r"(?P<signature>[0-9A-Za-z+/=_-]{40,})")), given)
    if not found:
        return "its signature cannot be read"
    stamp = found.groupdict().get("timestamp") or _header(message, str(shared.get("time_header", "")).lower())
    template = str(shared.get("template", "{timestamp}.{body}")).encode()
    signed = template.replace(b"{timestamp}", stamp.encode()).replace(b"{body}", message.body)
    made = hmac.digest(str(shared["secret"]).encode(), signed, str(shared.get("hash", "sha256")))
    if not any(hmac.compare_digest(text, found["signature"]) for text in (made.hex(), b64encode(made).decode())):
        return "the signature does not verify"
    return _age_verdict(int(stamp) if stamp.isdigit() and b"{timestamp}" in template else None, now)


def _digest_verdict(message: Message) -> str:
    try:
        given = message.header("content-digest")
    except Uncovered as error:
        return str(error)
    for name, algorithm in _HASHES.items():
        if given.startswith(f"{name}="):
            holds = given == f"{name}=:{b64encode(algorithm(message.body).digest()).decode()}:"
            return "" if holds else "its Content-Digest is not that of its body"
    return "its Content-Digest is by neither SHA-256 nor SHA-512"


def _age_verdict(created: int | None, now: int) -> str:
    if created is None:
        return "its signature does not say when it was made"
    apart = now - created
    return "" if abs(apart) <= AGE_MAX_S else f"its signature was made {abs(apart)} s {'ago' if apart > 0 else 'ahead'}"


def _header(message: Message, name: str) -> str:
    return next((value.strip() for key, value in message.headers.items() if key.lower() == name), "")
