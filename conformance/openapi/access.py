"""Who may call: the authentication that a document declares, as ``[auth]`` and ``[users.…]`` of candidate.toml."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.openapi.document import Document
from conformance.openapi.matching import Matching
from conformance.openapi.toml_out import Line
from conformance.openapi.vocabulary import RESULTS

#: The two customers that ownership checks need, who must have credentials of their own.
USERS = ("alice", "bob")


@dataclass(slots=True)
class Access:
    """What is written into the file; ``token_url`` is set where a token must be fetched at an address of its own."""

    scheme: str = "none"
    lines: list[Line] = field(default_factory=list)
    secrets: tuple[tuple[str, str], ...] = ()
    notes: list[str] = field(default_factory=list)
    token_url: str = ""
    password_grant: bool = False
    name: str = ""


def users_of(access: Access) -> tuple[str, ...]:
    """Return the users to write: two customers, or one where nothing that is sent could tell them apart."""
    return USERS if access.scheme != "none" else USERS[:1]


def access_of(document: Document, matching: Matching) -> Access:
    """Return the scheme that most of the paired endpoints ask for, the others as notes."""
    used: Counter[str] = Counter()
    for pair in matching.pairs:
        for name in asked_by(document, pair.endpoint.security):
            used[name] += 5 if pair.operation == "payments.create" else 1 if pair.operation in RESULTS else 0
    names = [name for name, _ in used.most_common() if name in document.schemes]
    names += [name for name in document.schemes if name not in names]
    if not names:
        return Access(notes=["the document declares no security scheme; correct this if callers need credentials"])
    ranked = sorted(names, key=lambda name: (-used.get(name, 0), _SCHEME_ORDER.get(_kind(document, name), 9)))
    chosen = ranked[0]
    made = _access(document.schemes[chosen], matching)
    made.name = chosen
    made.notes.insert(0, f'from securitySchemes "{chosen}" ({_kind(document, chosen)})')
    others = [f"{name} ({_kind(document, name)})" for name in ranked[1:]]
    if others:
        made.notes.append("also declared: " + ", ".join(others))
    return made


#: Where schemes are asked for equally often, the one that a mapping serves best.
_SCHEME_ORDER = {"apiKey": 0, "http basic": 1, "http bearer": 2, "oauth2": 3, "openIdConnect": 4, "mutualTLS": 5}


def asked_by(document: Document, own: tuple[Any, ...] | None) -> list[str]:
    """Return the schemes that an endpoint accepts; None means those of the whole document."""
    needed = document.security if own is None else own
    return [str(name) for item in needed if isinstance(item, Mapping) for name in item]


def _kind(document: Document, name: str) -> str:
    scheme = document.schemes[name]
    kind = str(scheme.get("type", ""))
    return f"http {str(scheme.get('scheme', '')).lower()}" if kind == "http" else kind


def _access(scheme: Mapping[str, Any], matching: Matching) -> Access:
    match str(scheme.get("type", "")), str(scheme.get("scheme", "")).lower():
        case ("basic", _) | ("http", "basic"):
            return Access("basic", secrets=(("username", "USER"), ("password", "PASSWORD")), notes=_basic_notes(scheme))
        case "http", "bearer":
            return _bearer(matching)
        case "apiKey", _:
            return _key(scheme, matching)
        case "oauth2", _:
            return _oauth(scheme, matching)
        case "openIdConnect", _:
            where = str(scheme.get("openIdConnectUrl", ""))
            made = _bearer(matching)
            made.notes.append(f'discovery document: {where}; scheme = "oauth2" if client credentials are granted')
            return made
        case "mutualTLS", _:
            return Access("mtls", notes=["each user has a certificate: client_cert and client_key are paths"])
        case other:
            return Access(notes=[f"the scheme {' '.join(other).strip()} is none that a mapping knows; see the guide"])


def _basic_notes(scheme: Mapping[str, Any]) -> list[str]:
    said = str(scheme.get("description") or "").lower()
    return ["the key may be the user name, and the password empty: then leave password out"] if "key" in said else []


def _bearer(matching: Matching) -> Access:
    if matching.of("token"):
        return Access("oauth2", secrets=(("client_id", "CLIENT"), ("client_secret", "SECRET")))
    login = matching.of("login")
    if login is None:
        return Access("bearer", secrets=(("token", "TOKEN"),))
    notes = [f"{login.endpoint.title} gives the token; its place is token_at"]
    return Access("login", secrets=(("username", "USER"), ("password", "PASSWORD")), notes=notes)


def _key(scheme: Mapping[str, Any], matching: Matching) -> Access:
    name, place = str(scheme.get("name") or "X-Api-Key"), str(scheme.get("in") or "header")
    if place == "cookie" and matching.of("login"):
        lines = [Line("cookie", name)]
        return Access("cookie", lines, (("username", "USER"), ("password", "PASSWORD")), ["a login gives the cookie"])
    said = str(scheme.get("description") or "")
    lines = [Line("header" if place == "header" else "name", name)]
    if place != "header":
        lines.append(Line("in", place))
    prefix = re.search(r"\b(Bearer|Token|ApiKey|Api-Key|Key)\s+[<{\"'$*.a-z]", said)
    if prefix and name.lower() == "authorization":
        lines.append(Line("prefix", f"{prefix[1]} ", f'"{prefix[0].strip()}…" in its description'))
    elif name.lower() == "authorization":
        lines.append(Line("prefix", "Bearer ", "if the key is to have a word before it", off=True))
    return Access("api-key", lines, (("key", "KEY"),))


def _oauth(scheme: Mapping[str, Any], matching: Matching) -> Access:
    flows = scheme.get("flows") if isinstance(scheme.get("flows"), Mapping) else _flow_of_two(scheme)
    found = flows or {}
    machine = found.get("clientCredentials") or found.get("application")
    if isinstance(machine, Mapping):
        scopes = " ".join(str(name) for name in (machine.get("scopes") or {}))
        lines = [Line("scope", scopes)] if scopes else []
        path = "" if matching.of("token") else str(machine.get("tokenUrl") or "")
        return Access("oauth2", lines, (("client_id", "CLIENT"), ("client_secret", "SECRET")), [], path)
    if isinstance(found.get("password"), Mapping):
        path = "" if matching.of("login") else str(found["password"].get("tokenUrl") or "")
        lines = [Line("token_at", "$.access_token")]
        secrets = (("username", "USER"), ("password", "PASSWORD"))
        return Access("login", lines, secrets, ["OAuth password grant"], path, password_grant=True)
    return Access(
        "bearer",
        secrets=(("token", "TOKEN"),),
        notes=[f"OAuth with {', '.join(map(str, found)) or 'no flow'}: a person logs in; put tokens of two users here"],
    )


def _flow_of_two(scheme: Mapping[str, Any]) -> Mapping[str, Any]:
    """Swagger 2.0 has one flow, beside the scheme."""
    return {str(scheme.get("flow") or ""): scheme}
