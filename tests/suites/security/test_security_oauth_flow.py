"""The sound client against a small server: nonces are met, redirects followed, and one change stays one change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    CandidateFile,
    Exchange,
    Finding,
    Inconclusive,
    NotTested,
    Pool,
    Prepared,
    Refused,
)
from conformance_security.jws import Token
from conformance_security.oauth.flow import Code, Flow, Grant, opened
from conformance_security.oauth.keys import SigningKey, thumbprint
from conformance_security.oauth.pkce import Pkce
from conformance_security.oauth.tokens import claiming, token_hash
from conformance_security.oauth.verdicts import barred, declined, no_code

ISSUER = "https://as.example.com"
CALLBACK = "https://client.example.com/cb"
KEY = SigningKey.made()
PEM = KEY.private.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/resource",
}

Reply = tuple[int, Mapping[str, Any], Mapping[str, str]]


class Fake:
    """A server that wants nonces everywhere, logs in by two redirects, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.pushed: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}
        self.missing: set[str] = set()

    # -- the driver protocol ------------------------------------------------------------------------------

    def operations(self) -> frozenset[str]:
        named = ("metadata", "push", "authorize", "token", "resource")
        return frozenset(f"oauth.{name}" for name in named) - self.missing

    def endpoints(self) -> tuple[str, ...]:
        return ()

    def perform(self, prepared: Prepared) -> Answer:
        headers = {edit.name: str(edit.value) for edit in prepared.edits if edit.kind == "header"}
        path = next((str(edit.value) for edit in prepared.edits if edit.kind == "path"), "")
        form = dict(prepared.arguments)
        self.seen.append((prepared.operation, form, headers))
        handler: Callable[..., Reply] = getattr(self, prepared.operation.removeprefix("oauth."))
        status, value, answered = handler(form, headers, path)
        url = path or f"{ISSUER}/{prepared.operation.removeprefix('oauth.')}"
        exchange = Exchange(len(self.seen), status, answered, json.dumps(value).encode(), url=url)
        if status >= 500:
            return Broken("server-error", f"HTTP {status}", exchange)
        return (
            Refused(str(value.get("error", "")), exchange, value) if status >= 400 else Accepted(dict(value), exchange)
        )

    # -- the endpoints ------------------------------------------------------------------------------------

    def metadata(self, form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        return 200, METADATA, {}

    def push(self, form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        if "client_assertion" not in form:
            return 401, {"error": "invalid_client"}, {}
        uri = f"urn:example:{len(self.pushed)}"
        self.pushed[uri] = form
        return 201, {"request_uri": uri, "expires_in": 60}, {}

    def authorize(self, form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        if not path:
            return 303, {}, {"Location": f"/login?uri={form['request_uri']}", "Set-Cookie": "session=s1; Path=/"}
        if path.startswith(f"{ISSUER}/login"):
            assert headers["Cookie"] == "session=s1"
            query = dict(parse_qsl(urlsplit(path).query))
            return 302, {}, {"Location": f"{ISSUER}/back?{urlencode(query)}"}
        pushed = self.pushed[dict(parse_qsl(urlsplit(path).query))["uri"]]
        code = f"code-{len(self.codes)}"
        self.codes[code] = pushed
        told = {"code": code, "state": pushed["state"], "iss": ISSUER}
        return 303, {}, {"Location": f"{pushed['redirect_uri']}?{urlencode(told)}"}

    def token(self, form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        proof = Token.read(headers.get("DPoP", ""))
        if proof is None or proof.claims.get("nonce") != "n-server":
            return 400, {"error": "use_dpop_nonce"}, {"DPoP-Nonce": "n-server"}
        assert proof.claims["htu"] == METADATA["token_endpoint"]
        assert proof.claims["htm"] == "POST"
        pushed = self.codes.pop(form["code"], None)
        if pushed is None or Pkce(form.get("code_verifier", "x" * 43)).challenge != pushed["code_challenge"]:
            return 400, {"error": "invalid_grant"}, {}
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = thumbprint(proof.header["jwk"])
        return 200, {"access_token": token, "token_type": "DPoP", "expires_in": 60, "scope": pushed["scope"]}, {}

    def resource(self, form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        scheme, _, token = headers["Authorization"].partition(" ")
        proof = Token.read(headers.get("DPoP", ""))
        if proof is None or scheme != "DPoP" or proof.claims.get("ath") != token_hash(token):
            return 401, {}, {"WWW-Authenticate": "DPoP"}
        if proof.claims.get("nonce") != "n-resource":
            return 401, {}, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-resource"}
        same = self.tokens.get(token) == thumbprint(proof.header["jwk"])
        return (200, {"sub": "alice"}, {}) if same else (401, {}, {})

    def socket(self, endpoint: str, timeout_s: float) -> Any:
        raise AssertionError("no raw connections here")

    def secrets(self) -> frozenset[str]:
        return frozenset()

    def close(self) -> None:
        pass


def candidate(fake: Fake, **client: Any) -> Candidate:
    first = {
        "client_id": "client-first",
        "redirect_uri": CALLBACK,
        "method": "private_key_jwt",
        "binding": "dpop",
        "key": {"env": "OAUTH_TEST_KEY"},
        "kid": "k1",
        **client,
    }
    declared = {"security": {"oauth": {"issuer": ISSUER, "scope": "openid", "clients": {"first": first}}}}
    file = CandidateFile("Fake", "1", base_url=ISSUER, declared=declared)
    return Candidate(fake, file, Pool(()), lambda name, arguments: {}, None)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTH_TEST_KEY", PEM)


def test_the_sound_flow_opens_the_resource() -> None:
    flow = Flow.of(candidate(Fake()))
    grant = flow.grant()
    assert (grant.token_type, grant.scope, grant.lifetime_s) == ("DPoP", "openid", 60)
    assert opened(flow.read(grant.access_token)) == {"sub": "alice"}


def test_nonces_are_learnt_once_and_then_kept() -> None:
    fake = Fake()
    flow = Flow.of(candidate(fake))
    flow.grant()
    asked = [operation for operation, _, _ in fake.seen].count("oauth.token")
    flow.grant()
    assert asked == 2
    assert [operation for operation, _, _ in fake.seen].count("oauth.token") == 3
    assert flow.nonce("server") == "n-server"


def test_every_request_has_an_assertion_of_its_own() -> None:
    fake = Fake()
    Flow.of(candidate(fake)).grant()
    assertions = [form["client_assertion"] for _, form, _ in fake.seen if "client_assertion" in form]
    tokens = [Token.read(text) for text in assertions]
    assert len(tokens) == 3
    assert len({token.claims["jti"] for token in tokens if token}) == 3
    assert all(token and token.claims["aud"] == ISSUER and token.header["kid"] == "k1" for token in tokens)


def test_one_change_is_one_change() -> None:
    fake = Fake()
    flow = Flow.of(candidate(fake))
    attempt = flow.attempt()
    flow.push(attempt)
    flow.push(attempt, assertion=claiming(aud="https://other.example.com"))
    (_, sound, _), (_, changed, _) = fake.seen[-2:]
    differing = {name for name in sound if sound[name] != changed.get(name)}
    assert differing == {"client_assertion"}
    one, other = Token.read(sound["client_assertion"]), Token.read(changed["client_assertion"])
    assert one is not None
    assert other is not None
    assert {name for name in one.claims if one.claims[name] != other.claims[name]} <= {"aud", "jti", "iat", "exp"}
    assert other.claims["aud"] == "https://other.example.com"


def test_a_text_is_sent_as_it_is() -> None:
    fake = Fake()
    flow = Flow.of(candidate(fake))
    assertion = flow.assertion()
    flow.push(flow.attempt(), assertion=assertion)
    assert fake.seen[-1][1]["client_assertion"] == assertion


def test_a_moved_clock_moves_every_date() -> None:
    flow = Flow.of(candidate(Fake()))
    token = Token.read(flow.later(75).assertion())
    assert token is not None
    assert abs(token.claims["iat"] - flow.now() - 75) <= 1


def test_a_code_that_is_no_good_is_declined() -> None:
    flow = Flow.of(candidate(Fake()))
    code = flow.code()
    assert Grant.read(flow.redeem(code), "the code").access_token
    again = flow.redeem(code)
    declined(again, "it was used", errors=("invalid_grant",))
    assert isinstance(again, Refused)


def test_a_missing_proof_is_barred_and_an_open_door_found() -> None:
    flow = Flow.of(candidate(Fake()))
    token = flow.grant().access_token
    barred(flow.read(token, proof=None), "no proof", challenged=True)
    barred(flow.read(token, scheme="Bearer"), "bearer")
    with pytest.raises(Finding, match="must be refused: a sound request"):
        barred(flow.read(token), "a sound request")


def test_a_server_that_cannot_be_pushed_to_is_asked_directly() -> None:
    fake = Fake()
    fake.missing = {"oauth.push"}
    fake.pushed["direct"] = {}

    def authorize(form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        fake.codes["c"] = form
        return 302, {}, {"Location": f"{form['redirect_uri']}?code=c"}

    fake.authorize = authorize  # type: ignore[method-assign]
    assert Flow.of(candidate(fake)).grant().access_token


def test_clients_of_a_mere_token_server_use_their_credentials() -> None:
    fake = Fake()
    fake.missing = {"oauth.push", "oauth.authorize"}

    def token(form: dict[str, Any], headers: dict[str, str], path: str) -> Reply:
        assert form["grant_type"] == "client_credentials"
        return 200, {"access_token": "t"}, {}

    fake.token = token  # type: ignore[method-assign]
    assert Flow.of(candidate(fake)).grant().access_token == "t"


def test_a_page_in_the_way_is_the_owners_to_remove() -> None:
    fake = Fake()
    fake.authorize = lambda form, headers, path: (200, {}, {})  # type: ignore[method-assign]
    with pytest.raises(Inconclusive, match=r"hooks\.authorize"):
        Flow.of(candidate(fake)).code()


def test_endless_logins_end() -> None:
    fake = Fake()
    fake.authorize = lambda form, headers, path: (302, {}, {"Location": "/again"})  # type: ignore[method-assign]
    with pytest.raises(Inconclusive, match="redirects"):
        Flow.of(candidate(fake)).code()


def test_other_origins_are_not_followed() -> None:
    fake = Fake()
    fake.authorize = lambda *_: (302, {}, {"Location": "https://login.example.net/"})  # type: ignore[method-assign]
    response = Flow.of(candidate(fake)).visit({"request_uri": "x"})
    assert not response.arrived
    assert [operation for operation, _, _ in fake.seen].count("oauth.authorize") == 1


def test_a_code_sent_anywhere_is_a_code_handed_out() -> None:
    fake = Fake()
    location = "https://attacker.example.com/?code=c"
    fake.authorize = lambda *_: (302, {}, {"Location": location})  # type: ignore[method-assign]
    with pytest.raises(Finding, match="must be refused: stolen") as found:
        no_code(Flow.of(candidate(fake)).visit({"request_uri": "x"}), "stolen")
    assert found.value.actual == "code sent to https://attacker.example.com/ (HTTP 302)"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Refused("", Exchange(1, 400), {}), Finding),
        (Refused("", Exchange(1, 404), {"error": "x"}), Finding),
        (Refused("", Exchange(1, 400), {"error": "x", "access_token": "t"}), Finding),
        (Refused("", Exchange(1, 400), {"error": "use_dpop_nonce"}), Inconclusive),
        (Broken("server-error", "HTTP 500", Exchange(1, 500)), Finding),
        (Broken("throttled", "HTTP 429", Exchange(1, 429)), Inconclusive),
        (Accepted({}, Exchange(1, 200)), Finding),
    ],
)
def test_what_is_no_clean_refusal(answer: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        declined(answer, "reason")


def test_a_clean_refusal() -> None:
    answer = Refused("invalid_grant", Exchange(1, 400), {"error": "invalid_grant"})
    assert declined(answer, "reason", errors=("invalid_grant",)) is answer
    with pytest.raises(Finding, match="wrong refusal"):
        declined(answer, "reason", errors=("invalid_client",))


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ({"key": {"env": "NOT_THERE_AT_ALL"}}, "NOT_THERE_AT_ALL is not set"),
        ({"key": "in the file"}, "must be { env"),
        ({"client_id": ""}, "names no client_id"),
        ({"binding": "mtls"}, "names no user with a certificate"),
    ],
)
def test_what_is_missing_is_named(client: dict[str, Any], words: str) -> None:
    with pytest.raises(NotTested, match=words):
        Flow.of(candidate(Fake(), **client)).grant()


def test_a_candidate_without_declaration_is_told_what_to_add() -> None:
    file = CandidateFile("Fake", "1", base_url=ISSUER)
    bare = Candidate(Fake(), file, Pool(()), lambda name, arguments: {}, None)
    with pytest.raises(NotTested, match=r"\[declared\.security\.oauth\]"):
        Flow.of(bare)


def test_a_server_that_breaks_is_not_a_mistake_of_the_file() -> None:
    fake = Fake()
    fake.metadata = lambda form, headers, path: (503, {}, {})  # type: ignore[method-assign]
    with pytest.raises(Inconclusive, match="metadata cannot be read"):
        Flow.of(candidate(fake))


def test_codes_keep_the_attempt_they_came_from() -> None:
    flow = Flow.of(candidate(Fake()))
    code = flow.code()
    assert isinstance(code, Code)
    assert code.attempt.parameters["code_challenge"] == code.attempt.pkce.challenge
