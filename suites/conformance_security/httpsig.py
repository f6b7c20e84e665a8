"""Signing of HTTP requests (RFC 9421) with another key than the caller's own, after the pattern of a genuine signature.

Own code, apart from the signing that the harness does as a client: a mistake there must not hide here.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_INPUT = re.compile(
    r'(?P<label>[a-z*][\w.*-]*)=\((?P<components>[^)]*)\)(?P<parameters>(?:;[\w*.-]+=(?:\d+|"[^"]*"))*)'
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a genuine request covered: the label and the names of its components, and its parameters in order."""

    label: str
    components: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, signature_input: str) -> Pattern | None:
        """Read a Signature-Input header with one signature, or return None."""
        match = _INPUT.fullmatch(signature_input.strip())
        if match is None:
            return None
        pairs = (item.partition("=") for item in match["parameters"].split(";") if item)
        parameters = tuple((name.strip(), value) for name, _, value in pairs)
        return cls(match["label"], tuple(re.findall(r'"([^"]+)"', match["components"])), parameters)

    def renewed(self, keyid: str) -> Pattern:
        """Return the pattern made now, by another key, under a nonce of its own."""
        fresh = {"created": str(int(time.time())), "keyid": f'"{keyid}"', "nonce": f'"{secrets.token_urlsafe(16)}"'}
        kept = tuple(
            (name, fresh.get(name, value)) for name, value in self.parameters if name not in ("alg", "expires")
        )
        return Pattern(self.label, self.components, kept)

    @property
    def signature_params(self) -> str:
        """The inner list with its parameters."""
        listed = " ".join(f'"{name}"' for name in self.components)
        return f"({listed})" + "".join(f";{name}={value}" for name, value in self.parameters)

    def base(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        """Return the signature base (RFC 9421 2.5); raises KeyError for a component that the request lacks."""
        lines = [f'"{name}": {_component(name, method, url, headers)}' for name in self.components]
        return "\n".join([*lines, f'"@signature-params": {self.signature_params}']).encode()

    def headers(self, signature: bytes) -> dict[str, str]:
        """Return the two headers of a signature."""
        text = base64.b64encode(signature).decode("ascii")
        return {"Signature-Input": f"{self.label}={self.signature_params}", "Signature": f"{self.label}=:{text}:"}


def sign(pem: str, message: bytes) -> bytes:
    """Sign with an Ed25519 or P-256 key in PKCS #8 PEM; raises ValueError for another kind."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    raise ValueError("only Ed25519 and P-256 keys are supported")


def _component(name: str, method: str, url: str, headers: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    derived = {
        "@method": method,
        "@target-uri": url,
        "@authority": parts.netloc.lower(),
        "@scheme": parts.scheme,
        "@path": parts.path or "/",
        "@query": f"?{parts.query}",
        "@request-target": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    }
    if name.startswith("@"):
        return derived[name]
    return {key.lower(): value.strip() for key, value in headers.items()}[name]
