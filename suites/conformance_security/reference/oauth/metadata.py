"""What the server publishes of itself (RFC 8414, OpenID Connect Discovery 1.0) and its keys."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth.clients import SCOPES
from conformance_security.reference.oauth.jose import ALGORITHMS
from conformance_security.reference.oauth.server import MUTUAL, Server
from conformance_security.reference.oauth.token import GRANTS
from conformance_security.reference.oauth.wire import answer

#: Endpoints by their name in the metadata; clients with certificates reach them at the mutual TLS port, too.
_MUTUAL = {
    "pushed_authorization_request_endpoint": "/oauth/par",
    "token_endpoint": "/oauth/token",
    "introspection_endpoint": "/oauth/introspect",
    "revocation_endpoint": "/oauth/revoke",
}


def routes(server: Server) -> list[Route]:
    """Return the routes of metadata and keys."""

    async def metadata(request: Request) -> Response:
        return answer(described(server))

    async def keys(request: Request) -> Response:
        return answer(server.keys.published())

    return [
        Route("/.well-known/oauth-authorization-server", metadata, methods=["GET"]),
        Route("/.well-known/openid-configuration", metadata, methods=["GET"]),
        Route("/oauth/jwks", keys, methods=["GET"]),
    ]


def described(server: Server) -> dict[str, Any]:
    """Return the metadata."""
    issuer, algorithms = server.issuer, list(ALGORITHMS)
    return {
        "issuer": f"{issuer}/elsewhere" if server.faulty("metadata-issuer") else issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        **{name: issuer + path for name, path in _MUTUAL.items()},
        "jwks_uri": f"{issuer}/oauth/jwks",
        "mtls_endpoint_aliases": _aliases(server),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "tls_client_auth"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "request_object_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": ["ES256"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "subject_types_supported": ["public"],
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "require_pushed_authorization_requests": True,
        "tls_client_certificate_bound_access_tokens": True,
        "authorization_response_iss_parameter_supported": True,
    }


def _aliases(server: Server) -> dict[str, str]:
    """Return the endpoints at the mutual TLS port. Fault metadata-alias-plain: one of them without TLS."""
    aliases = {name: server.host.url(MUTUAL) + path for name, path in _MUTUAL.items()}
    if server.faulty("metadata-alias-plain"):
        aliases["revocation_endpoint"] = aliases["revocation_endpoint"].replace("https://", "http://", 1)
    return aliases
