"""The user's browser at the authorization endpoint: it follows the server's redirects until the client's address."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urljoin

from conformance.sdk import Answer, Broken, Candidate, Inconclusive, Prepared
from conformance_security.oauth.responses import AuthorizationResponse, cookies, same_origin, same_place

#: Redirects that a login may take.
STEPS_MAX = 12
#: The hook by which the owner of an interactive server logs in: gets ``url``, returns ``location``.
HOOK = "authorize"

_REDIRECTS = (301, 302, 303, 307, 308)


def visit(
    candidate: Candidate, parameters: Mapping[str, str], redirect_uri: str, endpoint_url: str = ""
) -> AuthorizationResponse:
    """Send a browser to the authorization endpoint and return where it ended.

    With the hook ``authorize`` declared, the owner's own login does it; ``endpoint_url`` is then where it starts.
    Raises Inconclusive when the server cannot be reached or throttles.
    """
    if HOOK in candidate.file.hooks and endpoint_url:
        return _by_hook(candidate, f"{endpoint_url}?{urlencode(parameters)}", redirect_uri)
    stranger = candidate.without_credentials()
    return _follow(stranger.prepare("oauth.authorize", **parameters), redirect_uri)


def _follow(request: Prepared, redirect_uri: str) -> AuthorizationResponse:
    jar: dict[str, str] = {}
    answer = request.send()
    for _ in range(STEPS_MAX):
        exchange = _reached(answer).exchange
        location = urljoin(exchange.url, exchange.header("Location")) if exchange.header("Location") else ""
        ended = exchange.status not in _REDIRECTS or not location
        if ended or same_place(location, redirect_uri) or not same_origin(location, exchange.url):
            return AuthorizationResponse.read(exchange.status, "" if ended else location, redirect_uri)
        jar |= cookies(exchange.header("Set-Cookie"))
        answer = _with_cookies(request.with_path(location), jar).send()
    raise Inconclusive(f"the login did not end after {STEPS_MAX} redirects", blame="PRODUCT")


def _with_cookies(request: Prepared, jar: Mapping[str, str]) -> Prepared:
    kept = "; ".join(f"{name}={value}" for name, value in jar.items() if value)
    return request.with_header("Cookie", kept) if kept else request


def _reached(answer: Answer) -> Answer:
    """Return an answer with a status of its own; raises Inconclusive for none and for 429."""
    if isinstance(answer, Broken) and (answer.kind == "throttled" or not answer.exchange.status):
        raise Inconclusive(f"the authorization endpoint: {answer.kind} ({answer.detail})", blame="CONFIG")
    return answer


def _by_hook(candidate: Candidate, url: str, redirect_uri: str) -> AuthorizationResponse:
    result = candidate.hook(HOOK, url=url, redirect_uri=redirect_uri)
    location = str(result.get("location") or "")
    return AuthorizationResponse.read(int(result.get("status") or (302 if location else 400)), location, redirect_uri)
