"""The authorization server and its clients, as ``[declared.security.oauth]`` and the server's metadata name them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from conformance.sdk import Accepted, Broken, Candidate, Exchange, Inconclusive, NotApplicable, NotTested, describe
from conformance_security.declared import declared
from conformance_security.oauth.certificates import x5t_s256
from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.members import CLIENT, SERVER, require_known

SECTION = "[declared.security.oauth]"
#: Ways to prove a client by its certificate (RFC 8705 2).
CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
#: Differences between the clocks below this many seconds are the grain of the Date header.
_GRAIN_S = 2


@dataclass(frozen=True, slots=True)
class Server:
    """An authorization server and one resource that its tokens open.

    ``parameters`` go into every authorization request (a login hint of the test environment, for example).
    ``skew_s``: seconds that the server's clock is ahead of ours.
    """

    issuer: str
    scope: str
    resource: str
    mtls_endpoint: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    skew_s: int = 0

    @classmethod
    def of(cls, candidate: Candidate) -> Server:
        """Read declaration and metadata; raises NotTested if neither names what is needed, Inconclusive on a 5xx."""
        own = section(candidate)
        require_known(SECTION, own, SERVER)
        metadata, skew = _metadata(candidate)
        metadata = {**metadata, **{name: own[name] for name in ("token_endpoint",) if name in own}}
        issuer = str(own.get("issuer") or metadata.get("issuer") or "")
        if not issuer:
            raise NotTested(f"nothing names the issuer; declare issuer under {SECTION}", blame="CONFIG")
        return cls(
            issuer,
            str(own.get("scope", "openid")),
            str(own.get("resource") or metadata.get("userinfo_endpoint") or ""),
            str(own.get("mtls_endpoint", "")),
            metadata,
            {name: str(value) for name, value in own.get("parameters", {}).items()},
            skew,
        )

    def token_endpoint(self, *, mtls: bool = False) -> str:
        """Return the URL that proofs for the token endpoint name; raises NotTested if nothing tells it."""
        aliases = self.metadata.get("mtls_endpoint_aliases", {}) if mtls else {}
        url = str(aliases.get("token_endpoint") or self.metadata.get("token_endpoint") or "")
        if not url:
            raise NotTested(
                f"the token endpoint's URL is unknown; map oauth.metadata or declare token_endpoint under {SECTION}",
                blame="CONFIG",
            )
        return url


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. ``binding``: what its access tokens are bound to, "dpop", "mtls" or "none"."""

    name: str
    client_id: str
    redirect_uri: str
    method: str
    binding: str
    scope: str
    registered_scope: str
    user: str = ""
    key: SigningKey | None = None
    secret: str = ""
    grant_type: str = ""
    signed_requests: bool = False

    @classmethod
    def of(cls, candidate: Candidate, name: str) -> Client:
        """Read ``[declared.security.oauth.clients.<name>]``; raises NotTested where something is missing."""
        server, own = section(candidate), client_sections(candidate).get(name)
        where = f"[declared.security.oauth.clients.{name}]"
        if not isinstance(own, Mapping):
            raise NotTested(f"no client {name!r} is declared; add {where} to candidate.toml", blame="CONFIG")
        require_known(where, own, CLIENT)
        if not own.get("client_id"):
            raise NotTested(f"{where} names no client_id", blame="CONFIG")
        method = str(own.get("method", "private_key_jwt"))
        scope = str(own.get("scope") or server.get("scope") or "openid")
        return cls(
            name,
            str(own["client_id"]),
            str(own.get("redirect_uri", "")),
            method,
            str(own.get("binding", "none")),
            scope,
            str(own.get("registered_scope") or scope),
            str(own.get("user", "")),
            _key(candidate, own, where) if own.get("key") else None,
            revealed(candidate, own.get("secret"), f"{where} secret") if own.get("secret") else "",
            str(own.get("grant_type", "")),
            bool(own.get("signed_requests", name == "jar")),
        )

    @property
    def certified(self) -> bool:
        """Whether this client shows a certificate: to prove itself, or because its tokens are bound to it."""
        return self.method in CERTIFICATE_METHODS or self.binding == "mtls"

    def signing_key(self) -> SigningKey:
        """Return the key it signs assertions and requests with; raises NotTested if none is declared."""
        if self.key is None:
            raise NotTested(f"the client {self.name!r} has no key; declare key = {{ env = … }} for it", blame="CONFIG")
        return self.key


def section(candidate: Candidate) -> Mapping[str, Any]:
    """Return ``[declared.security.oauth]``; raises NotTested if there is none."""
    found = declared(candidate, "oauth")
    if not isinstance(found, Mapping):
        raise NotTested(f"the authorization server is not declared; add {SECTION} to candidate.toml", blame="CONFIG")
    return found


def client_sections(candidate: Candidate) -> Mapping[str, Any]:
    """Return the declared clients by name."""
    found = section(candidate).get("clients", {})
    return found if isinstance(found, Mapping) else {}


def first_client(candidate: Candidate, binding: str) -> Client:
    """Return the first declared client whose tokens are bound so; raises NotApplicable when there is none."""
    for name in client_sections(candidate):
        client = Client.of(candidate, name)
        if client.binding == binding and not client.signed_requests:
            return client
    raise NotApplicable(f'no declared client has tokens bound by {binding} (binding = "{binding}")')


def certificate_of(candidate: Candidate, user: str) -> bytes:
    """Return a user's certificate as PEM, or b"" for a user without one; raises NotTested if unreadable."""
    named = candidate.file.users.get(user, {}).get("client_cert")
    if not named:
        return b""
    path = _path(candidate, named.get("file", "") if isinstance(named, Mapping) else named)
    try:
        pem = path.read_bytes()
        x5t_s256(pem)
    except (OSError, ValueError) as error:
        raise NotTested(f"the certificate of [users.{user}] cannot be read: {error}", blame="CONFIG") from error
    return pem


def thumbprint_of(candidate: Candidate, user: str) -> str:
    """Return ``x5t#S256`` of a user's certificate, or "" for a user without one; raises NotTested if unreadable."""
    pem = certificate_of(candidate, user)
    return x5t_s256(pem) if pem else ""


def revealed(candidate: Candidate, reference: Any, where: str) -> str:
    """Return the secret behind ``{ env = … }`` or ``{ file = … }``; raises NotTested when it is not there."""
    if not isinstance(reference, Mapping):
        raise NotTested(f'{where} must be {{ env = "NAME" }} or {{ file = "path" }}', blame="CONFIG")
    if "env" in reference:
        value = os.environ.get(str(reference["env"]), "")
        if not value:
            raise NotTested(f"{where}: environment variable {reference['env']} is not set", blame="CONFIG")
        return value
    try:
        return _path(candidate, reference.get("file", "")).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotTested(f"{where} cannot be read: {error}", blame="CONFIG") from error


def _key(candidate: Candidate, own: Mapping[str, Any], where: str) -> SigningKey:
    text = revealed(candidate, own["key"], f"{where} key")
    try:
        return SigningKey.read(text, str(own.get("algorithm", "")), str(own.get("kid", "")))
    except (ValueError, TypeError) as error:
        raise NotTested(f"{where} key cannot be used: {error}", blame="CONFIG") from error


def _path(candidate: Candidate, name: object) -> Path:
    base = candidate.file.path.parent if candidate.file.path else Path.cwd()
    return base / str(name)


def _metadata(candidate: Candidate) -> tuple[Mapping[str, Any], int]:
    if not candidate.offers("oauth.metadata"):
        return {}, 0
    answer = candidate.without_credentials().call("oauth.metadata")
    if isinstance(answer, Broken):
        raise Inconclusive(f"the metadata cannot be read: {describe(answer)}", blame="PRODUCT")
    if not isinstance(answer, Accepted):
        return {}, 0
    return answer.value, _skew(answer.exchange)


def _skew(exchange: Exchange) -> int:
    """Return how far the server's clock is ahead, by its Date header; 0 where there is none or it agrees."""
    try:
        ahead = round(parsedate_to_datetime(exchange.header("Date")).timestamp() - time.time())
    except ValueError:
        return 0
    return ahead if abs(ahead) > _GRAIN_S else 0
