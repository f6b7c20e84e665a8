"""What an authorization request asks for, checked against what its client may (FAPI 2.0 5.3.2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.wire import OAuthError

#: The parameters that are kept.
KEPT = (
    "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt",
    "login_hint", "prompt",
)  # fmt: skip

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_IMPLICIT = frozenset({"token", "id_token", "code id_token", "code token", "id_token token", "code id_token token"})


def checked(server: Server, client: Client, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that are kept, defaults filled in; raises OAuthError(400)."""
    if parameters.get("client_id", client.id) != client.id:
        raise OAuthError("invalid_request", "client_id is another client.")
    _require_response(server, parameters)
    kept = {name: parameters[name] for name in KEPT if name in parameters}
    kept["redirect_uri"] = _redirect_uri(server, client, parameters)
    kept["scope"] = scope_of(server, client.scopes, parameters.get("scope", ""))
    _require_challenge(server, parameters)
    return kept


def _require_response(server: Server, parameters: Mapping[str, str]) -> None:
    kind = parameters.get("response_type")
    if kind is None:
        raise OAuthError("invalid_request", "response_type is missing.")
    implicit = kind in _IMPLICIT and server.faulty("implicit")
    if kind != "code" and not implicit:
        raise OAuthError("unsupported_response_type", "Only code is offered.")
    if parameters.get("response_mode", "query") != "query" and not implicit:
        raise OAuthError("invalid_request", "Only the response mode query is offered.")


def _redirect_uri(server: Server, client: Client, parameters: Mapping[str, str]) -> str:
    given = parameters.get("redirect_uri")
    if given is None and server.faulty("redirect-optional"):
        return client.redirect_uri
    if given is None:
        raise OAuthError("invalid_request", "redirect_uri is missing.")
    if given != client.redirect_uri and not server.faulty("redirect-unregistered"):
        raise OAuthError("invalid_request", "redirect_uri is not registered.")
    return given


def scope_of(server: Server, allowed: tuple[str, ...], asked: str) -> str:
    """Return the scope to grant: what is asked, at most what is allowed; nothing asked means all of that."""
    wanted = tuple(dict.fromkeys(asked.split()))
    if any(scope not in allowed for scope in wanted) and not server.faulty("scope-escalation"):
        raise OAuthError("invalid_scope", "A scope is unknown, or not registered for this client.")
    return " ".join(wanted or allowed)


def _require_challenge(server: Server, parameters: Mapping[str, str]) -> None:
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method", "plain")
    if challenge is None:
        if not server.faulty("pkce-optional"):
            raise OAuthError("invalid_request", "code_challenge is missing.")
    elif method == "plain" and server.faulty("pkce-plain"):
        return
    elif method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256.")
    elif not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge is not a SHA-256 hash in base64url.")
