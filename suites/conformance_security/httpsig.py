"""HTTP message signatures (RFC 9421) after the pattern of a genuine one, made by any key and altered in any part.

Own code, apart from the signing that the harness does as a client: a mistake there must not hide here.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from conformance_security.signing_keys import SigningKey, verifies

_IDENTIFIER = r'"[^"]+"(?:;[a-z]+(?:="[^"]*")?)*'
_INPUT = re.compile(
    rf'(?P<label>[a-z*][\w.*-]*)=\((?P<components>(?:{_IDENTIFIER} ?)*)\)(?P<parameters>(?:;[\w*.-]+=(?:\d+|"[^"]*"))*)'
)
_PARAMETER = re.compile(r';([\w*.-]+)=(\d+|"[^"]*")')

#: Which part of a request each component ties the signature to.
_TIES = {
    "@method": ("method",),
    "@target-uri": ("path", "query"),
    "@request-target": ("path", "query"),
    "@path": ("path",),
    "@query": ("query",),
    "authorization": ("Authorization",),
}
#: What a request must cover by FAPI 2.0 HTTP signatures, in the ways in which it can be said.
REQUIRED = ("@method", "@target-uri", "@request-target", "@path", "@query", "authorization", "dpop", "content-digest")


class Uncovered(ValueError):
    """A component that the message does not have."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a signature covers: a request, or an answer with ``status`` and the request that it answers."""

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 0
    request: Message | None = None

    def header(self, name: str) -> str:
        """Return a header with outer blanks removed; raises Uncovered where there is none."""
        found = [value.strip() for key, value in self.headers.items() if key.lower() == name]
        if not found:
            raise Uncovered(f"there is no header {name}")
        return ", ".join(found)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a genuine signature covered: label, component identifiers, and parameters as they are written."""

    label: str
    components: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]

    #: What this scheme is called, and the headers that carry it.
    scheme = "RFC 9421"
    carriers = ("Signature-Input", "Signature")

    @classmethod
    def read(cls, signature_input: str) -> Pattern | None:
        """Read a Signature-Input header with one signature, or return None."""
        match = _INPUT.fullmatch(signature_input.strip())
        return _pattern(match) if match else None

    @classmethod
    def read_all(cls, signature_input: str) -> list[Pattern]:
        """Read every signature of a Signature-Input header that can be read."""
        return [_pattern(match) for match in _INPUT.finditer(signature_input)]

    # -- what it says -------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the covered components, without their parameters."""
        return tuple(name_of(component) for component in self.components)

    @property
    def parts(self) -> tuple[str, ...]:
        """What a verifier has reason to require: covered components."""
        return self.components

    @property
    def required(self) -> tuple[str, ...]:
        """Those parts that FAPI 2.0 HTTP signatures require, in this signature's own words."""
        return tuple(component for component in self.components if name_of(component) in REQUIRED)

    @property
    def ties(self) -> frozenset[str]:
        """What of a request, beside its body, the signature is tied to: method, path, query, Authorization."""
        return frozenset(part for name in self.names for part in _TIES.get(name, ()))

    @property
    def nonce(self) -> str:
        """The nonce, or ""."""
        return self.parameter("nonce").strip('"')

    @property
    def created(self) -> int | None:
        """When it was made, in seconds, or None."""
        text = self.parameter("created")
        return int(text) if text.isdigit() else None

    def parameter(self, name: str) -> str:
        """Return a parameter as it is written, or ""."""
        return dict(self.parameters).get(name, "")

    @property
    def signature_params(self) -> str:
        """The inner list with its parameters."""
        listed = " ".join(self.components)
        return f"({listed})" + "".join(f";{name}={value}" for name, value in self.parameters)

    # -- others like it -----------------------------------------------------------------------------------

    def renewed(self, key: SigningKey, *, nonce: str = "", created: int | None = None) -> Pattern:
        """Return the pattern made now by a key, under a nonce of its own unless one is given."""
        made = int(time.time()) if created is None else created
        life = int(self.parameter("expires") or 0) - (self.created or 0)
        fresh = {
            "created": str(made),
            "expires": str(made + max(life, 1)),
            "keyid": f'"{key.keyid}"',
            "nonce": f'"{nonce or secrets.token_urlsafe(16)}"',
            "alg": f'"{key.name}"',
        }
        return replace(self, parameters=tuple((name, fresh.get(name, value)) for name, value in self.parameters))

    def without(self, part: str) -> Pattern:
        """Return the pattern with one component left out."""
        return replace(self, components=tuple(item for item in self.components if item != part))

    def stating(self, name: str, written: str | None) -> Pattern:
        """Return the pattern with a parameter written in this way, or left out."""
        kept = tuple((key, value) for key, value in self.parameters if key != name)
        if written is None:
            return replace(self, parameters=kept)
        at = next((place for place, (key, _) in enumerate(self.parameters) if key == name), len(kept))
        return replace(self, parameters=(*kept[:at], (name, written), *kept[at:]))

    def misdated(self) -> Mapping[str, Pattern]:
        """Return patterns that do not say when they were made as a whole number, by what is wrong with them."""
        made = self.parameter("created")
        return {
            "it has no created": self.stating("created", None),
            "its created is text": self.stating("created", f'"{made}"'),
            "its created is a decimal": self.stating("created", f"{made}.5"),
        }

    def misnamed(self) -> Mapping[str, Pattern]:
        """Return patterns under algorithms that are not those of the key, by what is wrong with them."""
        return {
            "its alg is unknown": self.stating("alg", '"hmac-md5"'),
            "its alg is that of another kind of key": self.stating("alg", '"hmac-sha256"'),
        }

    def base(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        """Return the signature base of a request (RFC 9421 2.5); raises Uncovered."""
        return self.base_of(Message(method, url, headers))

    def base_of(self, message: Message) -> bytes:
        """Return the signature base of a message; raises Uncovered for a component that it lacks."""
        lines = [f"{component}: {component_value(message, component)}" for component in self.components]
        return "\n".join([*lines, f'"@signature-params": {self.signature_params}']).encode()

    def headers(self, signature: bytes) -> dict[str, str]:
        """Return the two headers of a signature."""
        text = base64.b64encode(signature).decode("ascii")
        return {"Signature-Input": f"{self.label}={self.signature_params}", "Signature": f"{self.label}=:{text}:"}

    def signed(self, message: Message, sign: Callable[[bytes], bytes]) -> dict[str, str]:
        """Return the headers of the message's signature."""
        return self.headers(sign(self.base_of(message)))


def component_value(message: Message, component: str) -> str:
    """Return the value of a component identifier (RFC 9421 2.1, 2.2, 2.4); raises Uncovered."""
    name, parameters = name_of(component), _parameters_of(component)
    if "req" in parameters:
        if message.request is None:
            raise Uncovered(f"{component}: there is no request")
        message = message.request
    if name.startswith("@"):
        return _derived(message, name, parameters)
    if set(parameters) & {"sf", "bs", "tr"}:
        raise Uncovered(f"{component}: sf, bs and tr are not read here")
    value = message.header(name)
    return _member(value, parameters["key"]) if "key" in parameters else re.sub(r"\s*\r?\n\s+", " ", value)


def verified(message: Message, pattern: Pattern, public: Any) -> str:
    """Return "" if the message's signature of this pattern verifies under a key, else what is wrong."""
    try:
        value = base64.b64decode(_member(message.header("signature"), pattern.label).strip(":"), validate=True)
        base = pattern.base_of(message)
    except (Uncovered, binascii.Error) as error:
        return str(error)
    return "" if verifies(public, pattern.parameter("alg").strip('"'), base, value) else "the signature does not verify"


def sign(pem: str, message: bytes) -> bytes:
    """Sign with a key in PKCS #8 PEM, by the algorithm that follows from it; raises ValueError for another kind."""
    return SigningKey("", pem).sign(message)


def name_of(component: str) -> str:
    """Return the name in a component identifier."""
    return component[1 : component.index('"', 1)].lower()


def _pattern(match: re.Match[str]) -> Pattern:
    components = tuple(re.findall(_IDENTIFIER, match["components"]))
    return Pattern(match["label"], components, tuple(_PARAMETER.findall(match["parameters"])))


def _parameters_of(component: str) -> dict[str, str]:
    return dict(re.findall(r';([a-z]+)(?:="([^"]*)")?', component))


def _member(value: str, key: str) -> str:
    """Return a member of a structured dictionary as it is written."""
    found = re.search(rf"(?:^|,)\s*{re.escape(key)}=(:[^:]*:|\([^)]*\)[^,]*|[^,]*)", value)
    if not found:
        raise Uncovered(f"there is no member {key}")
    return found[1].strip()


def _derived(message: Message, name: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(message.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    values = {
        "@method": message.method,
        "@target-uri": message.url,
        "@authority": parts.netloc.rpartition("@")[2].lower().removesuffix(default),
        "@scheme": parts.scheme.lower(),
        "@path": parts.path or "/",
        "@query": f"?{parts.query}",
        "@request-target": target,
    }
    if name == "@status" and message.status:
        return f"{message.status:03d}"
    if name == "@query-param":
        return _query_parameter(parts.query, parameters.get("name", ""))
    if name not in values:
        raise Uncovered(f"{name} is not a component of this message")
    return values[name]


def _query_parameter(query: str, name: str) -> str:
    found = [value for key, value in parse_qsl(query, keep_blank_values=True) if quote(key, safe="") == name]
    if len(found) != 1:
        raise Uncovered(f"the query has {len(found)} parameters {name!r}")
    return quote(found[0], safe="")
