"""What counts as a refusal in OAuth: its own documented error, and nothing handed out.

A 5xx, a timeout or a lost connection is no refusal; a 429 decides nothing; an answer that refuses and yet holds a
token is no refusal either.
"""

from __future__ import annotations

from collections.abc import Collection

from conformance.sdk import Accepted, Answer, Broken, Finding, Inconclusive, Refused, describe, unthrottled
from conformance_security.oauth.flow import wants_nonce
from conformance_security.oauth.responses import AuthorizationResponse

#: How the endpoints of an authorization server refuse (RFC 6749 5.2, RFC 9126 2.3).
OF_THE_SERVER = (400, 401)
#: How a resource refuses a token or its proof (RFC 6750 3.1, RFC 9449 7.1); 403 where a gateway in front decides.
OF_THE_RESOURCE = (400, 401, 403)

_HANDED_OUT = ("access_token", "refresh_token", "id_token", "request_uri")


def declined(answer: Answer, because: str, *, errors: Collection[str] = (), challenged: bool = False) -> Refused:
    """Require that an endpoint of the server refused with an OAuth error; ``errors`` narrows which.

    ``challenged``: a challenge for a nonce refuses what was wrong, because the proof or its nonce itself was.
    """
    refusal = _refused(answer, because, OF_THE_SERVER, challenged)
    given = sorted(name for name in _HANDED_OUT if refusal.value.get(name))
    if given:
        raise Finding(f"handed out although refused: {because}", expected="an error alone", actual=", ".join(given))
    error = str(refusal.value.get("error") or "")
    if not error or (errors and error not in errors):
        wanted = f"error {' or '.join(sorted(errors))}" if errors else "a member error (RFC 6749 5.2)"
        raise Finding(f"wrong refusal: {because}", expected=wanted, actual=f"error {error}" if error else "no error")
    return refusal


def barred(answer: Answer, because: str, *, challenged: bool = False) -> Refused:
    """Require that the resource refused; ``challenged`` as for :func:`declined`."""
    return _refused(answer, because, OF_THE_RESOURCE, challenged)


def cut_off(answer: Answer, because: str) -> None:
    """Require that the resource refused, be it in the TLS handshake: for requests with another certificate."""
    if not isinstance(answer, Broken) or answer.kind not in ("tls", "connection"):
        barred(answer, because)


def no_code(response: AuthorizationResponse, because: str) -> None:
    """Require that nothing was handed out at the end of an authorization."""
    if response.credentials:
        raise Finding(f"must be refused: {because}", expected="an error, no code", actual=str(response))
    if response.status >= 500:
        raise Finding(f"must be refused cleanly: {because}", expected="an error, no code", actual=str(response))


def _refused(answer: Answer, because: str, statuses: Collection[int], challenged: bool) -> Refused:
    unthrottled(answer)
    if isinstance(answer, Accepted):
        raise Finding(f"must be refused: {because}", expected="a refusal (4xx)", actual=describe(answer))
    if isinstance(answer, Broken):
        raise Finding(f"must be refused cleanly: {because}", expected="a refusal (4xx)", actual=describe(answer))
    if wants_nonce(answer) and not challenged:
        raise Inconclusive(
            f"the server asks for a nonce again and again, so nothing shows whether it saw that {because}"
        )
    if answer.exchange.status not in statuses:
        raise Finding(f"wrong refusal: {because}", expected=f"HTTP {sorted(statuses)}", actual=describe(answer))
    return answer
