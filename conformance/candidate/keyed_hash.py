"""The scheme ``hmac``: a keyed hash over parts of the request, with the time and a nonce beside it.

[auth]
scheme = "hmac"
key = { env = "SHOP_KEY" }
hash = "sha256"                  # any of HASHES
template = "{timestamp}{method}{target}{body}"    # any of REFERENCES; all other text stands for itself
encoding = "hex"                 # hex | base64
header = "X-Signature"           # where the hash is sent
time = "s"                       # s | ms since 1970
time_header = "X-Timestamp"
nonce_header = "X-Nonce"         # sent where the template has {nonce}, or where this is given
key_id = "shop-1"                # sent where it is given
key_id_header = "X-Key-Id"
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import hmac
import re
import secrets
import time

from conformance.candidate.callers import Caller
from conformance.candidate.draft import Draft
from conformance.candidate.reading_toml import Place

#: What ``hash`` may say; SM3 only where this machine's OpenSSL has it.
HASHES = tuple(
    name
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "sm3")
    if name in hashlib.algorithms_available
)
ENCODINGS = ("hex", "base64")
TIMES = ("s", "ms")
#: What ``template`` may name.
REFERENCES = ("timestamp", "nonce", "method", "path", "target", "body", "body_hash")

_TEMPLATE = "{timestamp}{method}{target}{body}"
_HEADERS = ("header", "time_header", "nonce_header", "key_id_header")
SETTINGS = frozenset({"key", "key_id", "hash", "template", "encoding", "time", *_HEADERS})

_REFERENCE = re.compile(r"\{(\w+)\}")


def sign_keyed(draft: Draft, caller: Caller) -> None:
    """Put the hash of a draft, the time and what else the caller's settings want into its headers."""
    template, digest = caller.text("template", _TEMPLATE), caller.text("hash", "sha256")
    facts = {
        "timestamp": str(int(time.time() * (1000 if caller.text("time", "s") == "ms" else 1))),
        "nonce": secrets.token_hex(16),
        "method": draft.method,
        "path": draft.target.partition("?")[0],
        "target": draft.target,
        "body": draft.body.decode("utf-8", "surrogateescape"),
        "body_hash": hashlib.new(digest, draft.body).hexdigest(),
    }
    signed = _REFERENCE.sub(lambda found: facts.get(found[1], found[0]), template)
    made = hmac.new(caller.text("key").encode(), signed.encode("utf-8", "surrogateescape"), digest).digest()
    text = base64.b64encode(made).decode() if caller.text("encoding", "hex") == "base64" else made.hex()
    draft.set_header(caller.text("header", "X-Signature"), text)
    draft.set_header(caller.text("time_header", "X-Timestamp"), facts["timestamp"])
    if "{nonce}" in template or caller.settings.get("nonce_header"):
        draft.set_header(caller.text("nonce_header", "X-Nonce"), facts["nonce"])
    if caller.settings.get("key_id"):
        draft.set_header(caller.text("key_id_header", "X-Key-Id"), caller.text("key_id"))


def check_keyed(place: Place) -> None:
    """Note mistakes in the settings that a table has of this scheme; those it has not stand elsewhere or by default."""
    place.choice("hash", HASHES, "sha256")
    place.choice("encoding", ENCODINGS, "hex")
    place.choice("time", TIMES, "s")
    for name in _HEADERS:
        place.text(name)
    allowed = ", ".join(f"{{{name}}}" for name in REFERENCES)
    for name in dict.fromkeys(_REFERENCE.findall(place.text("template"))):
        if name not in REFERENCES:
            near = difflib.get_close_matches(name, REFERENCES, 1)
            place.at("template").wrong(
                f"text with none in braces but {allowed}; {{{name}}} is none",
                f"did you mean {{{near[0]}}}?" if near else "",
            )
