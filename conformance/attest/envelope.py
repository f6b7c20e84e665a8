"""The envelope: Dead Simple Signing Envelope (DSSE) 1.0.2, its signatures made over PAE(payloadType, payload).

A ``keyid`` is a hint that nothing relies on. Everything else is either signed or has exactly one accepted spelling.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from conformance.attest.canonical import SIZE_MAX, NotStrict, parse
from conformance.attest.keys import Signer

#: What a report's envelope says it holds.
PAYLOAD_TYPE = "application/vnd.fintech-conformance.report+json"
#: No envelope is larger, in bytes: a payload of :data:`SIZE_MAX` in Base64, and its signatures.
ENVELOPE_SIZE_MAX = SIZE_MAX * 4 // 3 + 64 * 1024
#: No envelope carries more.
SIGNATURES_MAX = 32
_DEPTH_MAX = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. ``keyid`` is an unauthenticated hint."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope; nothing in it has been verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """Return what the signatures are made over."""
        return pae(self.payload_type, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: unambiguous, because each part is preceded by its length in bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, *signers: Signer) -> bytes:
    """Return the envelope of a report's canonical bytes, signed by each of ``signers``."""
    message = pae(PAYLOAD_TYPE, payload)
    envelope = {
        "payload": _base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": item.keyid, "sig": _base64(item.sign(message))} for item in signers],
    }
    return json.dumps(envelope, separators=(",", ":")).encode("ascii")


def parse_envelope(data: bytes) -> Envelope:
    """Return the envelope in ``data``; raises :class:`NotStrict` for anything malformed, unknown or ambiguous."""
    value = parse(data, size_max=ENVELOPE_SIZE_MAX, depth_max=_DEPTH_MAX)
    members = _object(value, {"payload", "payloadType", "signatures"}, "the envelope")
    signatures = members["signatures"]
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= SIGNATURES_MAX:
        raise NotStrict("MALFORMED_ENVELOPE", f"an envelope carries 1 to {SIGNATURES_MAX} signatures")
    return Envelope(
        _text(members["payloadType"], "payloadType"),
        _decoded(members["payload"], "payload"),
        tuple(_signature(item) for item in signatures),
    )


def _signature(value: Any) -> Signature:
    members = _object(value, {"keyid", "sig"}, "a signature")
    return Signature(_text(members["keyid"], "keyid"), _decoded(members["sig"], "sig"))


def _object(value: Any, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise NotStrict("MALFORMED_ENVELOPE", f"{what} has exactly the members {', '.join(sorted(names))}")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise NotStrict("MALFORMED_ENVELOPE", f"{name} is not a string")
    return value


def _decoded(value: Any, name: str) -> bytes:
    """Decode Base64 in its one canonical spelling, so that no two texts mean the same bytes."""
    text = _text(value, name)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotStrict("MALFORMED_ENVELOPE", f"{name} is not Base64") from None
    if _base64(data) != text:
        raise NotStrict("MALFORMED_ENVELOPE", f"{name} is not canonical Base64")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
