"""Authorization requests: pushed, complete, bound to their client, and granting no more than was registered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from conformance.sdk import Accepted, Candidate, Effect, Evidence, NotApplicable, Refused, accepted, check, expect
from conformance_security.checks.oauth_pushed import PUSHED, REQUEST_LIFE_S_MAX
from conformance_security.jwk import verification_secrets
from conformance_security.oauth.flow import Attempt, Change, Code, Flow, Grant
from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.pkce import Pkce
from conformance_security.oauth.settings import Client, Server, client_sections
from conformance_security.oauth.tokens import claiming, under_hmac
from conformance_security.oauth.verdicts import declined, no_code

#: A scope that no client is registered for.
UNKNOWN_SCOPE = "conformance-unknown"
#: Of the scopes that other clients have, so many are asked for.
SCOPES_MAX = 3
#: Ways to prove a client that the profile knows (FAPI 2.0 5.3.2.1).
METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
#: Members of the metadata that are kept as evidence.
ADVERTISED = (
    "response_types_supported", "grant_types_supported", "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
    "dpop_signing_alg_values_supported", "request_object_signing_alg_values_supported",
    "require_pushed_authorization_requests", "authorization_response_iss_parameter_supported",
)  # fmt: skip
#: Grants without a place for a bad password: the grant itself is refused (RFC 6749 5.2).
NO_SUCH_GRANT = ("unsupported_grant_type", "unauthorized_client", "invalid_request", "invalid_client")


@check("SEC-J11.authentication", requirement="SEC-J11", needs=PUSHED, effects=Effect.WRITE)
def pushing_needs_authentication(candidate: Candidate, evidence: Evidence) -> None:
    """A pushed request is refused from a client that does not prove itself."""
    flow = Flow.of(candidate)
    flow.pushed()
    declined(flow.push(flow.attempt(), assertion=None), "a request was pushed without client authentication")


@check("SEC-J11.pkce", requirement="SEC-J11", needs=PUSHED, effects=Effect.WRITE)
def requests_need_a_challenge(candidate: Candidate, evidence: Evidence) -> None:
    """A pushed request without code_challenge is refused, or leads to no code."""
    flow = _ready(candidate)
    bare = flow.attempt(code_challenge=None, code_challenge_method=None)
    _leads_nowhere(flow, bare, "the request has no code_challenge", evidence)


@check("SEC-J11.method", requirement="SEC-J11", needs=PUSHED, effects=Effect.WRITE)
def challenges_are_hashed(candidate: Candidate, evidence: Evidence) -> None:
    """A challenge of method plain is refused, said or left unsaid: it gives the verifier away."""
    flow = _ready(candidate)
    verifier = Pkce.made().verifier
    for method, what in (("plain", "plain"), (None, "left out, which means plain")):
        attempt = flow.attempt(code_challenge=verifier, code_challenge_method=method)
        _leads_nowhere(flow, attempt, f"code_challenge_method is {what}", evidence)


@check("SEC-J11.redirect", requirement="SEC-J11", needs=PUSHED, effects=Effect.WRITE)
def requests_name_their_redirect(candidate: Candidate, evidence: Evidence) -> None:
    """A pushed request without redirect_uri is refused, or leads to no code."""
    flow = _ready(candidate)
    _leads_nowhere(flow, flow.attempt(redirect_uri=None), "the request has no redirect_uri", evidence)


@check("SEC-J11.metadata", requirement="SEC-J11", needs=("oauth.metadata",), effects=Effect.READ)
def metadata_is_the_servers_own(candidate: Candidate, evidence: Evidence) -> None:
    """The metadata names the issuer that clients know, endpoints under TLS, pushed requests, and S256."""
    server = Server.of(candidate)
    metadata = server.metadata
    if not metadata.get("token_endpoint"):
        accepted(candidate.without_credentials().prepare("oauth.metadata"), "the metadata")
    expect(
        metadata.get("issuer") == server.issuer,
        "the metadata must name the issuer that clients know",
        expected=server.issuer,
        actual=str(metadata.get("issuer")),
    )
    for name, url in _addresses(metadata):
        expect(url.startswith("https://"), f"{name} must be under TLS", expected="https://…", actual=url)
    if candidate.offers("oauth.push"):
        _expect_listed(metadata, "code_challenge_methods_supported", ("S256",))
        _expect_listed(metadata, "token_endpoint_auth_methods_supported", METHODS)
    evidence.note("advertised", {name: metadata[name] for name in ADVERTISED if name in metadata})


@check("SEC-J12.pushed", requirement="SEC-J12", needs=PUSHED, effects=Effect.WRITE)
def requests_are_pushed(candidate: Candidate, evidence: Evidence) -> None:
    """An authorization request whose parameters come through the browser, and not pushed, leads to no code.

    What is pushed waits for less than ten minutes.
    """
    flow = _ready(candidate)
    pushed = accepted(flow.push(flow.attempt()), "the sound pushed request")
    lifetime = pushed.get("expires_in")
    expect(
        isinstance(lifetime, int) and 0 < lifetime < REQUEST_LIFE_S_MAX,
        "a pushed request must expire soon (expires_in)",
        expected=f"less than {REQUEST_LIFE_S_MAX} s",
        actual=str(lifetime),
    )
    no_code(flow.visit(flow.attempt().parameters), "the authorization request was not pushed")
    unknown = {"client_id": flow.client.client_id, "request_uri": "urn:ietf:params:oauth:request_uri:unknown"}
    no_code(flow.visit(unknown), "nobody pushed this request_uri")


@check("SEC-J12.bound", requirement="SEC-J12", needs=PUSHED, effects=Effect.WRITE)
def pushed_requests_are_for_their_client(candidate: Candidate, evidence: Evidence) -> None:
    """A request_uri leads to no code when another client names it."""
    flow = _ready(candidate)
    other = flow.of_client("second")
    other.code()  # a client that cannot authorize at all would be refused for that
    stolen = {"client_id": other.client.client_id, "request_uri": flow.pushed()}
    no_code(flow.visit(stolen), "the request_uri belongs to another client")
    other.code()


@check("SEC-J15.password", requirement="SEC-J15", needs=("oauth.token",), effects=Effect.WRITE)
def passwords_buy_no_tokens(candidate: Candidate, evidence: Evidence) -> None:
    """The password grant is refused as a grant, whatever the password: an invalid_grant would mean that it exists."""
    flow = Flow.of(candidate)
    flow.grant()
    form = {"grant_type": "password", "username": "alice", "password": "wrong", "scope": flow.client.scope}
    declined(flow.ask_token(form), "the password grant is answered", errors=NO_SUCH_GRANT)


@check("SEC-J15.implicit", requirement="SEC-J15", needs=("oauth.authorize",), effects=Effect.WRITE)
def browsers_carry_no_tokens(candidate: Candidate, evidence: Evidence) -> None:
    """Response types that send tokens through the browser are refused."""
    flow = _ready(candidate)
    for kind in ("token", "id_token", "code id_token", "code token"):
        _leads_nowhere(flow, flow.attempt(response_type=kind), f"response_type is {kind}", evidence)


@check("SEC-J15.redirect", requirement="SEC-J15", needs=("oauth.authorize",), effects=Effect.WRITE)
def redirects_are_registered(candidate: Candidate, evidence: Evidence) -> None:
    """A redirect address that is not exactly a registered one is refused: another host, a longer path, plain HTTP."""
    flow = _ready(candidate)
    registered = flow.client.redirect_uri
    for address, what in (
        ("https://attacker.example.com/cb", "of another host"),
        (f"{registered}/more", "of a longer path"),
        (f"{registered}?next=1", "with a query"),
        (registered.replace("https://", "http://", 1), "without TLS"),
    ):
        if address != registered:
            because = f"the redirect address is not registered ({what})"
            _leads_nowhere(flow, flow.attempt(redirect_uri=address), because, evidence)


@check("SEC-J16.bounds", requirement="SEC-J16", needs=PUSHED, effects=Effect.WRITE)
def request_objects_are_bounded(candidate: Candidate, evidence: Evidence) -> None:
    """A signed request is refused without exp or nbf, when it lasts more than an hour, and when it is over."""
    flow = _signing(candidate)
    now = flow.now()
    changes: dict[str, Change] = {
        "it has no exp": lambda made: made.without("exp"),
        "it has no nbf": lambda made: made.without("nbf"),
        "it lasts 70 minutes": claiming(nbf=now - 10, exp=now + 4190),
        "it began 70 minutes ago": claiming(nbf=now - 4200, exp=now + 60),
        "it ended two minutes ago": claiming(nbf=now - 300, exp=now - 120),
        "it begins in 90 s": claiming(nbf=now + 90),
    }
    for because, change in changes.items():
        declined(flow.push(flow.attempt(), request=change), f"a request object is accepted although {because}")


@check("SEC-J16.signature", requirement="SEC-J16", needs=PUSHED, effects=Effect.WRITE)
def request_objects_are_signed(candidate: Candidate, evidence: Evidence) -> None:
    """A request object is refused under "none", under another key, and under the client's public key as a secret."""
    flow = _signing(candidate)
    key = flow.client.signing_key()
    stranger = SigningKey(SigningKey.made().private, "ES256", key.kid)
    changes: dict[str, Change] = {
        "it is not signed": lambda made: made.heading(alg="none"),
        "a stranger signed it": lambda made: made.heading(alg="ES256").by(stranger),
    }
    for because, change in changes.items():
        declined(flow.push(flow.attempt(), request=change), f"a request object is accepted although {because}")
    if (old := key.outdated()) is not None:
        answer = flow.push(flow.attempt(), request=lambda made: made.heading(alg="RS256").by(old))
        declined(answer, "a request object is signed with RS256")
    for secret in verification_secrets(key.public_jwk()):
        forged = flow.push(flow.attempt(), request=under_hmac(secret))
        declined(forged, "a request object is signed with HS256 under the client's public key")


@check("SEC-J16.audience", requirement="SEC-J16", needs=PUSHED, effects=Effect.WRITE)
def request_objects_are_for_the_issuer(candidate: Candidate, evidence: Evidence) -> None:
    """A request object is refused whose audience is another server, or missing."""
    flow = _signing(candidate)
    other = flow.push(flow.attempt(), request=claiming(aud="https://other.example.com"))
    declined(other, "the audience of the request object is another server")
    nobody = flow.push(flow.attempt(), request=lambda made: made.without("aud"))
    declined(nobody, "the request object names no audience")


@check("SEC-J16.required", requirement="SEC-J16", needs=PUSHED, effects=Effect.WRITE)
def signing_clients_must_sign(candidate: Candidate, evidence: Evidence) -> None:
    """A client that is registered to sign its requests is refused when it pushes plain parameters."""
    flow = _signing(candidate)
    declined(flow.push(flow.attempt(), request=None), "the client must sign its requests and pushed plain parameters")


@check("SEC-J18", needs=("oauth.token",), effects=Effect.WRITE)
def scopes_stay_within_the_registration(candidate: Candidate, evidence: Evidence) -> None:
    """A client that asks for more than is registered is refused, or granted no more than is registered."""
    flow = _ready(candidate)
    registered = set(flow.client.registered_scope.split())
    supported = flow.server.metadata.get("scopes_supported", ())
    known = _of_others(candidate) | {str(scope) for scope in supported if isinstance(scope, str)}
    for further in [*sorted(known - registered)[:SCOPES_MAX], UNKNOWN_SCOPE]:
        wanted = " ".join([*flow.client.scope.split(), further])
        granted = _granted(flow, wanted)
        evidence.note(f"asked for {wanted}", "refused" if granted is None else f"granted {granted}")
        if granted is None:
            continue
        excess = sorted(set(granted.split()) - registered)
        expect(
            not excess,
            "no scope beyond the registered ones may be granted",
            expected=flow.client.registered_scope,
            actual=granted,
        )


# -- one thing wrong ------------------------------------------------------------------------------------------------


def _ready(candidate: Candidate) -> Flow:
    """Return the first client, after its sound flow brought a code."""
    flow = Flow.of(candidate)
    if candidate.offers("oauth.authorize"):
        flow.code()
    return flow


def _leads_nowhere(flow: Flow, attempt: Attempt, because: str, evidence: Evidence) -> None:
    """Require that a request is refused when it is pushed, or else that the browser comes back without a code."""
    if not flow.candidate.offers("oauth.push"):
        no_code(flow.visit(attempt.parameters), because)
        return
    answer = flow.push(attempt)
    if not isinstance(answer, Accepted):
        declined(answer, because)
        return
    pushed = {"client_id": flow.client.client_id, "request_uri": str(answer.value.get("request_uri", ""))}
    response = flow.visit(pushed)
    no_code(response, because)
    evidence.note("refused only after it was pushed", f"{because}: {response}")


def _addresses(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the URLs that clients send to or trust, by name, with those for mutual TLS (RFC 8705 5).

    Pages for people, as op_policy_uri, are not among them.
    """
    aliases = metadata.get("mtls_endpoint_aliases")
    nested = aliases if isinstance(aliases, Mapping) else {}
    members = {**metadata, **{f"mtls_endpoint_aliases.{name}": url for name, url in nested.items()}}
    yield from ((name, str(members[name])) for name in sorted(members) if name.endswith(("_endpoint", "jwks_uri")))


def _expect_listed(metadata: Mapping[str, Any], name: str, any_of: Collection[str]) -> None:
    listed = metadata.get(name)
    expect(
        isinstance(listed, list) and bool(set(any_of) & set(map(str, listed))),
        f"the metadata must advertise what the profile asks for: {name}",
        expected=" or ".join(any_of),
        actual=str(listed),
    )


def _signing(candidate: Candidate) -> Flow:
    """Return the client that must sign its requests, after a signed one was accepted."""
    for name in client_sections(candidate):
        client = Client.of(candidate, name)
        if client.signed_requests:
            flow = Flow.of(candidate, client)
            flow.pushed()
            return flow
    raise NotApplicable("no declared client signs its authorization requests (signed_requests = true)")


def _of_others(candidate: Candidate) -> set[str]:
    """Return the scopes registered for any declared client."""
    return {
        scope
        for section in client_sections(candidate).values()
        for scope in str(section.get("registered_scope", "")).split()
    }


def _granted(flow: Flow, wanted: str) -> str | None:
    """Return the scope granted for ``wanted``; None where the request was refused."""
    if not flow.candidate.offers("oauth.authorize"):
        answer: Any = flow.tokens(scope=wanted)
        if isinstance(answer, Refused):
            return None
        return Grant.read(answer, "a token for a wider scope").scope or wanted
    attempt = flow.attempt(scope=wanted)
    if flow.candidate.offers("oauth.push") and isinstance(flow.push(attempt), Refused):
        return None
    response = flow.authorize(attempt)
    if not response.code:
        no_code(response, "more scope than is registered was asked for")
        return None
    return _scope_of(flow, attempt, response.code, wanted)


def _scope_of(flow: Flow, attempt: Attempt, code: str, wanted: str) -> str:
    grant = Grant.read(flow.redeem(Code(code, attempt)), "redeeming a code for a wider scope")
    if grant.scope:
        return grant.scope
    shown = accepted(flow.read(grant.access_token), "the resource") if flow.candidate.offers("oauth.resource") else {}
    return str(shown.get("scope") or wanted)
