"""Detached JSON web signatures (RFC 7515 appendix F, RFC 7797) after the pattern of a genuine one.

Own code, apart from the signing that the harness does as a client: a mistake there must not hide here.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from conformance_security.httpsig import Message
from conformance_security.jws import decode, encode
from conformance_security.signing_keys import SigningKey

#: Members of a protected header that are about the signature itself and not about the request.
_OF_THE_SIGNATURE = frozenset({"alg", "kid", "typ", "cty", "b64", "crit", "x5c", "x5t", "x5t#S256", "jwk"})
#: A member that no receiver can understand.
_UNKNOWN = "https://example.com/unknown"
#: What names of members end in that say when, and which use, as open-banking interfaces call them.
_WHEN = ("iat", "created")
_ONCE = ("jti", "nonce")


@dataclass(frozen=True, slots=True)
class Detached:
    """A protected header, and what of the genuine request its members repeat."""

    header: str
    members: Mapping[str, Any]
    #: Member → the part of the request that it repeats: method, url, path, Authorization.
    repeats: Mapping[str, str]

    scheme = "detached JWS"

    @classmethod
    def read(cls, header: str, value: str, request: Message) -> Detached | None:
        """Read a compact JWS without payload in a header of a genuine request, or return None."""
        try:
            protected, payload, _ = value.strip().split(".")
            members = json.loads(decode(protected))
        except ValueError:
            return None
        if payload or not isinstance(members, dict):
            return None
        facts = _facts(request)
        repeats = {
            name: next(part for part, known in facts.items() if known == said)
            for name, said in members.items()
            if name not in _OF_THE_SIGNATURE and said in facts.values()
        }
        return cls(header, members, repeats)

    # -- what it says -------------------------------------------------------------------------------------

    @property
    def carriers(self) -> tuple[str, ...]:
        """The headers that carry the signature."""
        return (self.header,)

    @property
    def parts(self) -> tuple[str, ...]:
        """What a verifier has reason to require: members about the request."""
        return tuple(name for name in self.members if name not in _OF_THE_SIGNATURE)

    @property
    def required(self) -> tuple[str, ...]:
        """Those parts that tie the signature to a moment and a request."""
        return tuple(name for name in self.parts if name in self.repeats or name in (self._when, self._once))

    @property
    def ties(self) -> frozenset[str]:
        """What of a request, beside its body, the signature is tied to: method, path, query, Authorization."""
        ties = {"method": {"method"}, "url": {"path", "query"}, "path": {"path"}, "Authorization": {"Authorization"}}
        return frozenset(part for repeated in self.repeats.values() for part in ties[repeated])

    @property
    def nonce(self) -> str:
        """The nonce, or ""."""
        return str(self.members.get(self._once, ""))

    @property
    def created(self) -> int | None:
        """When it was made, in seconds, or None."""
        found = self.members.get(self._when)
        return found if isinstance(found, int) else None

    @property
    def _when(self) -> str:
        return _named(self.members, _WHEN)

    @property
    def _once(self) -> str:
        return _named(self.members, _ONCE)

    # -- others like it -----------------------------------------------------------------------------------

    def renewed(self, key: SigningKey, *, nonce: str = "", created: int | None = None) -> Detached:
        """Return the pattern made now by a key, under a nonce of its own unless one is given."""
        fresh: dict[str, Any] = {"alg": key.jws_name, "kid": key.keyid}
        fresh[self._when] = int(time.time()) if created is None else created
        fresh[self._once] = nonce or secrets.token_urlsafe(16)
        return replace(self, members={name: fresh.get(name, value) for name, value in self.members.items()})

    def without(self, part: str) -> Detached:
        """Return the pattern with one member left out, also where it is called critical."""
        return self.stating(part, None)

    def stating(self, name: str, value: Any) -> Detached:
        """Return the pattern with a member of this value, or left out (None). ``created`` means this header's own."""
        name = self._when if name == "created" else name
        members = {key: said for key, said in self.members.items() if key != name}
        if value is not None:
            members[name] = value
        elif isinstance(members.get("crit"), list):
            members["crit"] = [item for item in members["crit"] if item != name]
        return replace(self, members=members)

    def misdated(self) -> Mapping[str, Detached]:
        """Return patterns that do not say when they were made as a number, by what is wrong with them."""
        made = str(self.members.get(self._when, ""))
        return {
            f"it has no {self._when}": self.stating("created", None),
            f"its {self._when} is text": self.stating("created", made),
        }

    def misnamed(self) -> Mapping[str, Detached]:
        """Return patterns under an unknown algorithm or with an unknown critical member (RFC 7515 4.1.11)."""
        critical = [*self.members.get("crit", ()), _UNKNOWN]
        return {
            "its alg is unknown": self.stating("alg", "XX256"),
            "it holds a critical member that nobody understands": self.stating(_UNKNOWN, 1).stating("crit", critical),
        }

    def signed(self, message: Message, sign: Callable[[bytes], bytes]) -> dict[str, str]:
        """Return the header of the message's signature, its members about the request being those of the message."""
        facts = _facts(message)
        said = {name: facts.get(self.repeats.get(name, ""), value) for name, value in self.members.items()}
        protected = encode(json.dumps(said, separators=(",", ":")).encode())
        payload = message.body if said.get("b64") is False else encode(message.body).encode()
        return {self.header: f"{protected}..{encode(sign(protected.encode('ascii') + b'.' + payload))}"}


def _facts(request: Message) -> dict[str, str]:
    """Return what of a request a protected header may repeat; the hash of the token is that of RFC 9449."""
    token = next((v for k, v in request.headers.items() if k.lower() == "authorization"), "").partition(" ")[2].strip()
    facts = {"method": request.method, "url": request.url, "path": urlsplit(request.url).path}
    return facts | ({"Authorization": encode(hashlib.sha256(token.encode()).digest())} if token else {})


def _named(members: Mapping[str, Any], endings: tuple[str, ...]) -> str:
    """Return the member that ends in one of these words: ``iat``, ``http://openbanking.org.uk/iat`` …; else ""."""
    return next((name for name in members if name.rpartition("/")[2] in endings), "")
