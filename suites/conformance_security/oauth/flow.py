"""A whole sound flow of one client, of which a check changes exactly one thing.

pushed request → authorization → code → tokens → resource; every step returns what the product answered. Challenges
for a DPoP nonce (RFC 9449 8, 9) are met as an honest client meets them: the same request once more, with the nonce.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.sdk import Accepted, Answer, Candidate, Inconclusive, NotTested, Prepared, Refused, accepted, describe
from conformance_security.oauth import browser
from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.pkce import Pkce
from conformance_security.oauth.responses import AuthorizationResponse
from conformance_security.oauth.settings import CERTIFICATE_METHODS, Client, Server
from conformance_security.oauth.tokens import Jwt, client_assertion, dpop_proof, request_object

#: What a check does to a token before it is signed; or the text that is sent instead; or None to leave it out.
Change = Callable[[Jwt], Jwt | str] | str | None

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def sound(token: Jwt) -> Jwt:
    """Change nothing."""
    return token


@dataclass(frozen=True, slots=True)
class Attempt:
    """One authorization request: its parameters, and the verifier that its client keeps."""

    parameters: Mapping[str, str]
    pkce: Pkce

    def changed(self, **changes: str | None) -> Attempt:
        """Replace parameters; None leaves one out."""
        merged: dict[str, str | None] = {**self.parameters, **changes}
        return replace(self, parameters={name: value for name, value in merged.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code with the attempt that led to it."""

    value: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave."""

    access_token: str
    token_type: str
    refresh_token: str = ""
    id_token: str = ""
    scope: str = ""
    lifetime_s: int = 0

    @classmethod
    def read(cls, answer: Answer, what: str) -> Grant:
        """Take it out of an accepted answer; raises Inconclusive if there is no token in it."""
        value = accepted(answer, what)
        if not value.get("access_token"):
            raise Inconclusive(f"positive control: {what} brought no access_token", blame="PRODUCT")
        lifetime = value.get("expires_in", 0)
        return cls(
            str(value["access_token"]),
            str(value.get("token_type") or ""),
            str(value.get("refresh_token") or ""),
            str(value.get("id_token") or ""),
            str(value.get("scope") or ""),
            int(lifetime) if isinstance(lifetime, int | float) else 0,
        )


@dataclass(frozen=True, slots=True)
class Flow:
    """A client at work. Immutable but for the nonces that the servers hand out.

    ``ahead_s``: seconds that the product's clock was moved ahead of ours.
    """

    candidate: Candidate
    server: Server
    client: Client
    dpop_key: SigningKey = field(default_factory=SigningKey.made)
    ahead_s: int = 0
    _nonces: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, candidate: Candidate, client: Client | str = "first") -> Flow:
        """Return the flow of a declared client; raises NotTested where the candidate file lacks what it needs."""
        chosen = Client.of(candidate, client) if isinstance(client, str) else client
        return cls(candidate, Server.of(candidate), chosen)

    def of_client(self, name: str) -> Flow:
        """Return the flow of another client of the same server."""
        return Flow(self.candidate, self.server, Client.of(self.candidate, name), ahead_s=self.ahead_s)

    def later(self, seconds: int) -> Flow:
        """Return the same client after the product's clock was moved by the test environment."""
        return replace(self, ahead_s=seconds)

    def now(self) -> int:
        """Return the time on the server's clock, in seconds since the epoch."""
        return int(time.time()) + self.server.skew_s + self.ahead_s

    @property
    def party(self) -> Candidate:
        """The candidate as this client reaches it: with its certificate where it has one."""
        if not self.client.certified:
            return self.candidate.without_credentials()
        if not self.client.user:
            raise NotTested(f"the client {self.client.name!r} names no user with a certificate", blame="CONFIG")
        return self.candidate.as_user(self.client.user).at(self.server.mtls_endpoint)

    # -- pushing ------------------------------------------------------------------------------------------

    def attempt(self, **changes: str | None) -> Attempt:
        """Return a sound authorization request with changed parameters; None leaves one out."""
        pkce = Pkce.made()
        parameters = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": self.client.scope,
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
            **self.server.parameters,
        }
        return Attempt(parameters, pkce).changed(**changes)

    def push(self, attempt: Attempt, *, assertion: Change = sound, request: Change = sound) -> Answer:
        """Push an authorization request (RFC 9126 2); as a signed object for a client that signs its requests."""
        form = dict(attempt.parameters)
        if self.client.signed_requests and request is not None:
            form = {"client_id": self.client.client_id, "request": self.request_object(attempt, request)}
        return self.post("oauth.push", form, assertion=assertion)

    def request_object(self, attempt: Attempt, change: Change = sound) -> str:
        """Return the signed form of an authorization request (RFC 9101)."""
        client = self.client
        key = client.signing_key()
        token = request_object(key, client.client_id, self.server.issuer, attempt.parameters, now=self.now())
        return _text(token, change)

    def pushed(self, attempt: Attempt | None = None) -> str:
        """Push a sound request and return its request_uri; raises Inconclusive if it is not accepted."""
        answer = self.push(attempt or self.attempt())
        value = accepted(answer, f"the sound pushed request of client {self.client.name!r}")
        if not value.get("request_uri"):
            raise Inconclusive("positive control: the answer to a pushed request names no request_uri", blame="PRODUCT")
        return str(value["request_uri"])

    # -- authorization ------------------------------------------------------------------------------------

    def visit(self, parameters: Mapping[str, str]) -> AuthorizationResponse:
        """Send the browser to the authorization endpoint with exactly these parameters."""
        endpoint = str(self.server.metadata.get("authorization_endpoint", ""))
        return browser.visit(self.candidate, parameters, self.client.redirect_uri, endpoint)

    def authorize(self, attempt: Attempt) -> AuthorizationResponse:
        """Push the request where the server takes pushed requests, and have the user decide."""
        if not self.candidate.offers("oauth.push"):
            return self.visit(attempt.parameters)
        return self.visit({"client_id": self.client.client_id, "request_uri": self.pushed(attempt)})

    def code(self, attempt: Attempt | None = None) -> Code:
        """Go as far as a code; raises Inconclusive if the sound flow brings none."""
        chosen = attempt or self.attempt()
        response = self.authorize(chosen)
        if not response.arrived or not response.code:
            raise Inconclusive(
                f"positive control: the sound authorization of client {self.client.name!r} ended with {response}; "
                "let the test environment log in without a page, or declare [hooks.authorize]",
                blame="CONFIG",
            )
        return Code(response.code, chosen)

    # -- tokens -------------------------------------------------------------------------------------------

    def redeem(self, code: Code, *, assertion: Change = sound, proof: Change = sound, **changes: str | None) -> Answer:
        """Redeem a code; ``changes`` replace members of the form, None leaves one out."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code.value,
            "redirect_uri": code.attempt.parameters.get("redirect_uri"),
            "code_verifier": code.attempt.pkce.verifier,
            **changes,
        }
        return self.ask_token({name: v for name, v in form.items() if v is not None}, assertion=assertion, proof=proof)

    def refresh(self, grant: Grant, *, proof: Change = sound, **changes: str) -> Answer:
        """Use a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token, **changes}
        return self.ask_token(form, proof=proof)

    def ask_token(self, form: Mapping[str, str], *, assertion: Change = sound, proof: Change = sound) -> Answer:
        """Send any form to the token endpoint, as this client."""
        return self.post("oauth.token", form, assertion=assertion, proof=proof if self._proves else None)

    def grant(self) -> Grant:
        """Run the whole sound flow; raises Inconclusive if it brings no token."""
        return Grant.read(self.tokens(), f"the sound flow of client {self.client.name!r}")

    def tokens(self, *, assertion: Change = sound, proof: Change = sound, **changes: str | None) -> Answer:
        """Run the flow up to the answer of the token endpoint; ``changes`` are those of the authorization request."""
        if self.client.grant_type == "client_credentials" or not self.candidate.offers("oauth.authorize"):
            asked = {"scope": self.client.scope, **changes}
            form = {"grant_type": "client_credentials", **{name: v for name, v in asked.items() if v is not None}}
            return self.ask_token(form, assertion=assertion, proof=proof)
        return self.redeem(self.code(self.attempt(**changes)), assertion=assertion, proof=proof)

    def nonce(self, realm: str) -> str:
        """Return the nonce that the "server" or the "resource" handed out last, or ""."""
        return self._nonces.get(realm, "")

    # -- the resource -------------------------------------------------------------------------------------

    def read(
        self,
        token: str,
        *,
        proof: Change = sound,
        scheme: str = "",
        by: Candidate | None = None,
        answer_challenges: bool = True,
    ) -> Answer:
        """Read the protected resource. ``by``: somebody else's view of the candidate (another certificate, none)."""
        url = self.server.resource
        if self._proves and not url:
            raise NotTested("the URL of the protected resource is unknown; declare resource", blame="CONFIG")
        reader, authorization = by or self.party, scheme or ("DPoP" if self._proves else "Bearer")

        def make(nonce: str) -> Prepared:
            prepared = reader.prepare("oauth.resource").with_header("Authorization", f"{authorization} {token}")
            if not self._proves or proof is None:
                return prepared
            honest = dpop_proof(self.dpop_key, "GET", url, now=self.now(), token=token, nonce=nonce)
            return prepared.with_header("DPoP", _text(honest, proof))

        return self._ask("resource", make) if answer_challenges else make(self.nonce("resource")).send()

    def resource_proof(self, token: str) -> str:
        """Return a sound proof for the resource, to be sent as it is."""
        nonce, url = self.nonce("resource"), self.server.resource
        return dpop_proof(self.dpop_key, "GET", url, now=self.now(), token=token, nonce=nonce).text()

    def token_proof(self) -> str:
        """Return a sound proof for the token endpoint, to be sent as it is."""
        return dpop_proof(self.dpop_key, "POST", self._token_url(), now=self.now(), nonce=self.nonce("server")).text()

    @property
    def _proves(self) -> bool:
        return self.client.binding == "dpop"

    # -- asking -------------------------------------------------------------------------------------------

    def post(
        self, operation: str, form: Mapping[str, str], *, assertion: Change = sound, proof: Change = None
    ) -> Answer:
        """Send a form to an endpoint of the server, as this client; ``assertion`` None leaves its proof of itself out.

        A client without private key proves itself by what it has: a certificate or a secret.
        """

        def make(nonce: str) -> Prepared:
            extra, headers = self._authentication(assertion)
            party = self.party if assertion is not None else self.candidate.without_credentials()
            prepared = party.prepare(operation, **{**form, **extra})
            if proof is not None:
                honest = dpop_proof(self.dpop_key, "POST", self._token_url(), now=self.now(), nonce=nonce)
                headers["DPoP"] = _text(honest, proof)
            for name, value in headers.items():
                prepared = prepared.with_header(name, value)
            return prepared

        return self._ask("server", make)

    def assertion(self, change: Change = sound) -> str:
        """Return a client assertion made now, with a change."""
        honest = client_assertion(self.client.signing_key(), self.client.client_id, self.server.issuer, now=self.now())
        return _text(honest, change)

    def _authentication(self, assertion: Change) -> tuple[dict[str, str], dict[str, str]]:
        """Return the form members and headers by which the client proves itself."""
        client = self.client
        named = {"client_id": client.client_id}
        if assertion is None or client.method in (*CERTIFICATE_METHODS, "none"):
            return named, {}
        if client.method == "client_secret_basic":
            pair = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode("ascii")
            return {}, {"Authorization": f"Basic {pair}"}
        if client.method == "client_secret_post":
            return {**named, "client_secret": client.secret}, {}
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(assertion)}
        return {**named, **proof}, {}

    def _token_url(self) -> str:
        return self.server.token_endpoint(mtls=self.client.certified)

    def _ask(self, realm: str, make: Callable[[str], Prepared]) -> Answer:
        answer = make(self.nonce(realm)).send()
        offered = answer.exchange.header("DPoP-Nonce")
        if not offered:
            return answer
        self._nonces[realm] = offered
        return make(offered).send() if wants_nonce(answer) else answer


def wants_nonce(answer: Answer) -> bool:
    """Tell whether a refusal only asks for the server's nonce in the proof (RFC 9449 8, 9)."""
    if not isinstance(answer, Refused):
        return False
    challenge = answer.exchange.header("WWW-Authenticate")
    return answer.value.get("error") == "use_dpop_nonce" or "use_dpop_nonce" in challenge


def opened(answer: Answer) -> dict[str, Any]:
    """Return what the resource showed under a sound token; raises Inconclusive if it showed nothing."""
    if isinstance(answer, Accepted):
        return answer.value
    challenge = answer.exchange.header("WWW-Authenticate")
    raise Inconclusive(
        f"positive control: the resource under a sound token was {describe(answer)} {challenge}".rstrip()
    )


def _text(token: Jwt, change: Change) -> str:
    if isinstance(change, str):
        return change
    changed = change(token) if change else token
    return changed if isinstance(changed, str) else changed.text()
