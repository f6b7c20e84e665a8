"""HTTP message signatures (RFC 9421) and Content-Digest (RFC 9530), made and verified from their own signature base.

[users.signer.signing]
scheme = "rfc9421"               # or "jws-detached": see detached.py
algorithm = "ed25519"            # ed25519 | ecdsa-p256-sha256 | ecdsa-p384-sha384 | rsa-pss-sha512 | rsa-v1_5-sha256
                                 # | hmac-sha256 | sm2-sm3 (ours: SM2 with SM3, r ‖ s)
keyid = "signer-ed25519"
key = { env = "SIGNER_KEY" }     # PKCS#8 PEM; for SM2 also 32 bytes in hex or base64; for HMAC base64
components = ["@method", "@target-uri", "authorization", "content-digest"]
nonce = true                     # a fresh nonce each time
alg = false                      # true: name the algorithm in the parameters
expires_s = 0                    # more than 0: expires, that long after created
tag = ""                         # an application tag
label = "sig1"
digest = "sha-256"               # sha-256 | sha-512
operations = ["payments.*"]      # only these; every operation when absent
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets as randomness
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from conformance.candidate.callers import Caller
from conformance.candidate.detached import SETTINGS as DETACHED_SETTINGS
from conformance.candidate.detached import sign_detached
from conformance.candidate.draft import Draft
from conformance.candidate.secrets import Secrets
from conformance.candidate.signing_keys import Signer, load_signer
from conformance.errors import ConfigError

DEFAULT_COMPONENTS = ("@method", "@target-uri", "authorization", "content-digest")
DIGESTS = ("sha-256", "sha-512")
SCHEMES = ("rfc9421", "jws-detached")

#: What ``[signing]`` and ``[users.x.signing]`` may say.
SETTINGS = frozenset({
    "scheme", "always", "algorithm", "keyid", "key", "private_key", "components", "nonce", "alg", "expires_s", "tag",
    "label", "digest", "operations", *DETACHED_SETTINGS,
})  # fmt: skip

_COMPONENT = re.compile(r'^"?([@\w-]+)"?((?:;[a-z]+(?:="[^"]*")?)*)$')


class Uncoverable(ValueError):
    """A component that the message does not have."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a signature covers: a request, or a response with ``status`` and the request that it answers."""

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    request: Message | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value with outer blanks removed, or None."""
        found = [value.strip() for key, value in self.headers.items() if key.lower() == name.lower()]
        return ", ".join(found) if found else None


def content_digest(body: bytes, algorithm: str = "sha-256") -> str:
    """Return the value of a Content-Digest header (RFC 9530 2)."""
    digest = hashlib.new(algorithm.replace("-", ""), body).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


def signature_params(components: Sequence[str], parameters: Mapping[str, int | str]) -> str:
    """Return the inner list with its parameters, as it stands in Signature-Input (RFC 9421 2.3)."""
    listed = " ".join(_identifier(component) for component in components)
    rest = "".join(f";{name}={value}" if isinstance(value, int) else f';{name}="{_escaped(value)}"'
                   for name, value in parameters.items())  # fmt: skip
    return f"({listed}){rest}"


def signature_base(message: Message, components: Sequence[str], params: str) -> bytes:
    """Return the bytes that are signed (RFC 9421 2.5); raises Uncoverable."""
    lines = [f"{_identifier(component)}: {component_value(message, component)}" for component in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("utf-8")


def is_component(identifier: str) -> bool:
    """Tell whether text is a component identifier, with or without parameters."""
    return bool(_COMPONENT.match(identifier))


def component_value(message: Message, component: str) -> str:
    """Return the value of one component of a message (RFC 9421 2.1, 2.2, 2.4); raises Uncoverable."""
    name, parameters = _parsed(component)
    if "req" in parameters:
        if message.request is None:
            raise Uncoverable(f"{component}: there is no request")
        message = message.request
    if not name.startswith("@"):
        return _header_value(message, name, parameters)
    return _derived(message, name, parameters)


def _header_value(message: Message, name: str, parameters: Mapping[str, str]) -> str:
    value = message.header(name)
    if value is None:
        raise Uncoverable(f"the message has no header {name}")
    if "key" not in parameters:
        return re.sub(r"\s*\r?\n\s+", " ", value)
    member = re.search(rf"(?:^|,)\s*{re.escape(parameters['key'])}=(:[^:]*:|\([^)]*\)[^,]*|[^,]*)", value)
    if not member:
        raise Uncoverable(f"the header {name} has no member {parameters['key']!r}")
    return member[1].strip()


def sign_draft(draft: Draft, caller: Caller, secrets: Secrets, operation: str) -> None:
    """Sign a draft as its caller's section says, by either scheme."""
    settings = caller.signing
    if not signs(caller, operation):
        return
    signer = _signer(caller, secrets)
    if settings.get("scheme") == "jws-detached":
        sign_detached(draft, settings, signer)
    else:
        _sign_message(draft, settings, signer)


def signs(caller: Caller, operation: str) -> bool:
    """Tell whether a caller signs the requests of an operation."""
    only = caller.signing.get("operations")
    return bool(caller.signing) and (not only or any(fnmatchcase(operation, pattern) for pattern in only))


def _sign_message(draft: Draft, settings: Mapping[str, Any], signer: Signer) -> None:
    """Add Content-Digest, Signature-Input and Signature."""
    if draft.body:
        draft.set_header("Content-Digest", content_digest(draft.body, str(settings.get("digest", "sha-256"))))
    message = Message(draft.method, draft.url, draft.headers)
    wanted = tuple(settings.get("components", DEFAULT_COMPONENTS))
    components = [name for name in wanted if _present(message, name)]
    params = signature_params(components, _parameters(settings, signer.algorithm))
    value = signer.sign(signature_base(message, components, params))
    label = str(settings.get("label", "sig1"))
    draft.set_header("Signature-Input", f"{label}={params}")
    draft.set_header("Signature", f"{label}=:{base64.b64encode(value).decode()}:")


def verify_message(
    message: Message, verify: Callable[[bytes, bytes], bool], *, required: Sequence[str] = (), label: str = ""
) -> str:
    """Return "" if the message carries a signature that verifies and covers ``required``, else what is wrong.

    ``verify(base, signature)`` knows the key. Without ``label`` the first signature is taken.
    """
    found = _signature_of(message, label)
    if isinstance(found, str):
        return found
    params, value = found
    components = re.findall(r'"[^"]+"(?:;[a-z]+(?:="[^"]*")?)*', params[: _list_end(params)])
    missing = [name for name in required if _identifier(name) not in components]
    if missing:
        return f"the signature does not cover {', '.join(missing)}"
    try:
        base = signature_base(message, components, params)
    except Uncoverable as error:
        return str(error)
    return "" if verify(base, value) else "the signature does not verify"


def _signature_of(message: Message, label: str) -> tuple[str, bytes] | str:
    inputs, values = message.header("Signature-Input"), message.header("Signature")
    if inputs is None or values is None:
        return "the message is not signed"
    name = re.escape(label) if label else r"[a-z*][a-z0-9_.*-]*"
    given = re.search(rf"(?:^|,\s*)({name})=(\(.*?\)(?:;[a-z]+=(?:\d+|\"(?:[^\"\\]|\\.)*\"))*)", inputs)
    if not given:
        return "Signature-Input cannot be read"
    value = re.search(rf"(?:^|,\s*){re.escape(given[1])}=:([A-Za-z0-9+/=]*):", values)
    return (given[2], base64.b64decode(value[1])) if value else f"there is no signature labelled {given[1]}"


def _signer(caller: Caller, secrets: Secrets) -> Signer:
    settings = caller.signing
    reference = settings.get("key", settings.get("private_key"))
    default = "ES256" if settings.get("scheme") == "jws-detached" else "ed25519"
    algorithm = str(settings.get("algorithm", default))
    where = f"{caller.where} signing"
    if reference is None:
        raise ConfigError("no signing key", where=where, remedy='Write key = { env = "NAME" }.')
    return load_signer(algorithm, secrets.reveal(reference, where), where)


def _parameters(settings: Mapping[str, Any], algorithm: str) -> dict[str, int | str]:
    now = int(time.time())
    parameters: dict[str, int | str] = {"created": now}
    if int(settings.get("expires_s", 0)) > 0:
        parameters["expires"] = now + int(settings["expires_s"])
    if settings.get("nonce", True):
        parameters["nonce"] = randomness.token_urlsafe(18)
    parameters["keyid"] = str(settings.get("keyid", ""))
    if settings.get("alg", False):
        parameters["alg"] = algorithm
    if settings.get("tag"):
        parameters["tag"] = str(settings["tag"])
    return parameters


def _derived(message: Message, name: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(message.url)
    match name:
        case "@method":
            return message.method
        case "@target-uri":
            return message.url
        case "@authority":
            default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
            return parts.netloc.rpartition("@")[2].lower().removesuffix(default)
        case "@scheme":
            return parts.scheme.lower()
        case "@path":
            return parts.path or "/"
        case "@query":
            return f"?{parts.query}"
        case "@request-target":
            return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        case "@query-param":
            return _query_parameter(parts.query, parameters.get("name", ""))
        case "@status" if message.status:
            return f"{message.status:03d}"
        case _:
            raise Uncoverable(f"{name} is not a component of this message")


def _query_parameter(query: str, name: str) -> str:
    found = [value for key, value in parse_qsl(query, keep_blank_values=True) if quote(key, safe="") == name]
    if len(found) != 1:
        raise Uncoverable(f"the query has {len(found)} parameters {name!r}, not one")
    return quote(found[0], safe="")


def _present(message: Message, component: str) -> bool:
    name, _ = _parsed(component)
    return name.startswith("@") or message.header(name) is not None


def _parsed(component: str) -> tuple[str, dict[str, str]]:
    found = _COMPONENT.match(component)
    if not found:
        raise Uncoverable(f"{component!r} is not a component identifier")
    pairs = re.findall(r';([a-z]+)(?:="([^"]*)")?', found[2])
    return found[1].lower(), dict(pairs)


def _identifier(component: str) -> str:
    found = _COMPONENT.match(component)
    if not found:
        raise Uncoverable(f"{component!r} is not a component identifier")
    return f'"{found[1].lower()}"{found[2]}'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _list_end(params: str) -> int:
    return params.index(")")
