"""Keyed hashes over requests (``scheme = "hmac"``) after the pattern of a genuine one.

Own code, apart from the signing that the harness does as a client: a mistake there must not hide here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from conformance_security.httpsig import Message
from conformance_security.signing_keys import SigningKey

_PLACE = re.compile(r"\{(\w+)\}")
#: What each place of a template ties the signature to, beside the body.
_TIES = {"method": ("method",), "path": ("path",), "target": ("path", "query")}
_BODY = ("body", "body_hash")


@dataclass(frozen=True, slots=True)
class Keyed:
    """What is hashed (``template``), how, and the headers that say it; ``stamp`` is in the product's own unit.

    ``stamp`` and ``nonce`` are None where their header is left out.
    """

    template: str
    digest: str
    base64: bool
    millis: bool
    header: str
    time_header: str
    nonce_header: str
    stamp: str | None
    once: str | None

    scheme = "keyed hash"

    @classmethod
    def read(cls, settings: Mapping[str, Any], request: Message) -> Keyed | None:
        """Read how a genuine request was signed by the settings of its caller; None where it was not."""
        said = {name.lower(): value for name, value in request.headers.items()}
        header = str(settings.get("header", "X-Signature"))
        if header.lower() not in said:
            return None
        time_header = str(settings.get("time_header", "X-Timestamp"))
        nonce_header = str(settings.get("nonce_header", "X-Nonce"))
        return cls(
            template=str(settings.get("template", "{timestamp}{method}{target}{body}")),
            digest=str(settings.get("hash", "sha256")),
            base64=settings.get("encoding", "hex") == "base64",
            millis=settings.get("time", "s") == "ms",
            header=header,
            time_header=time_header,
            nonce_header=nonce_header,
            stamp=said.get(time_header.lower()),
            once=said.get(nonce_header.lower()),
        )

    # -- what it says -------------------------------------------------------------------------------------

    @property
    def carriers(self) -> tuple[str, ...]:
        """The headers that carry the signature."""
        return (self.header,)

    @property
    def parts(self) -> tuple[str, ...]:
        """What a verifier has reason to require: the places of the template, but for the body."""
        return tuple(dict.fromkeys(name for name in _PLACE.findall(self.template) if name not in _BODY))

    required = parts

    @property
    def ties(self) -> frozenset[str]:
        """What of a request, beside its body, the signature is tied to: method, path, query."""
        return frozenset(tie for part in self.parts for tie in _TIES.get(part, ()))

    @property
    def nonce(self) -> str:
        """The nonce, or "" where the signature covers none."""
        return self.once or "" if "nonce" in self.parts else ""

    @property
    def created(self) -> int | None:
        """When it was made, in seconds; None where the signature does not cover it."""
        if self.stamp is None or not self.stamp.isdigit() or "timestamp" not in self.parts:
            return None
        return int(self.stamp) // (1000 if self.millis else 1)

    # -- others like it -----------------------------------------------------------------------------------

    def renewed(self, key: SigningKey, *, nonce: str = "", created: int | None = None) -> Keyed:
        """Return the pattern made now, under a nonce of its own unless one is given; the key shows in no header."""
        now = int(time.time() * 1000) if self.millis else int(time.time())
        stamp = now if created is None else created * (1000 if self.millis else 1)
        once = None if self.once is None else nonce or secrets.token_hex(16)
        return replace(self, stamp=None if self.stamp is None else str(stamp), once=once)

    def without(self, part: str) -> Keyed:
        """Return the pattern with one part not hashed."""
        return replace(self, template=self.template.replace(f"{{{part}}}", ""))

    def misdated(self) -> Mapping[str, Keyed]:
        """Return patterns that do not say when they were made as a number, by what is wrong with them."""
        return {
            f"there is no {self.time_header}": replace(self, stamp=None),
            f"its {self.time_header} is no number": replace(self, stamp="now"),
        }

    def misnamed(self) -> Mapping[str, Keyed]:
        """Return nothing: no header names an algorithm."""
        return {}

    def signed(self, message: Message, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
        """Return the headers of the message's signature; None for those that are left out."""
        facts = self._facts(message)
        text = _PLACE.sub(lambda found: facts.get(found[1], found[0]), self.template)
        made = sign(text.encode("utf-8", "surrogateescape"))
        shown = base64.b64encode(made).decode("ascii") if self.base64 else made.hex()
        said = {self.time_header: self.stamp, self.nonce_header: self.once}
        present = {name.lower() for name in message.headers}
        return {name: value for name, value in said.items() if value is not None or name.lower() in present} | {
            self.header: shown
        }

    def _facts(self, message: Message) -> dict[str, str]:
        url = urlsplit(message.url)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return {
            "timestamp": self.stamp or "",
            "nonce": self.once or "",
            "method": message.method,
            "path": url.path or "/",
            "target": target,
            "body": message.body.decode("utf-8", "surrogateescape"),
            "body_hash": hashlib.new(self.digest, message.body).hexdigest(),
        }
