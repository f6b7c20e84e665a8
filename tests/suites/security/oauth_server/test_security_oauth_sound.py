"""The reference authorization server does what FAPI 2.0 asks for, and refuses the rest with the right error."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from oauth_party import GONE, Party, claims_of, error, filled, jwk_of, new_key, thumbprint

from conformance.reference.process import ReferenceProcess

Parties = Callable[[str], Party]


# -- the whole flow -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["first", "second", "mtls"])
def test_a_whole_flow_ends_at_the_resource(party: Parties, name: str) -> None:
    client = party(name)
    came = client.authorized()
    assert came["iss"] == client.base
    assert came["state"] == "state-1"
    answer = client.redeem(came["code"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    given = answer.json()
    assert given["token_type"] == ("Bearer" if name == "mtls" else "DPoP")
    shown = client.read(given["access_token"])
    assert (shown.status_code, shown.json()) == (
        200,
        {"sub": "alice", "scope": "openid accounts", "client_id": client.client_id},
    )


def test_a_client_that_must_sign_its_requests_does(party: Parties) -> None:
    client = party("jar")
    answer = client.push({"client_id": client.client_id, "request": client.request_object()})
    assert answer.status_code == 201
    back = client.visit(client_id=client.client_id, request_uri=answer.json()["request_uri"])
    assert back.status_code == 303
    assert back.headers["Location"].startswith(client.redirect_uri)


def test_what_stands_beside_a_request_object_does_not_count(party: Parties) -> None:
    client = party("jar")
    form = {"client_id": client.client_id, "request": client.request_object(), "scope": "payments", "state": "other"}
    uri = client.push(form).json()["request_uri"]
    assert "state=state-1" in client.visit(client_id=client.client_id, request_uri=uri).headers["Location"]


def test_id_tokens_are_for_the_client(first: Party) -> None:
    claims = claims_of(first.grant()["id_token"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (first.base, first.client_id, "alice")
    assert claims["nonce"] == "nonce-1"
    assert "id_token" not in first.grant(scope="accounts")


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)], ids=["EdDSA", "PS256"]
)
def test_proofs_may_be_signed_with_every_algorithm_of_the_profile(first: Party, key: Any) -> None:
    first.dpop_key = key
    assert first.read(first.grant()["access_token"]).status_code == 200


def test_the_hint_names_the_user_and_one_user_declines(first: Party) -> None:
    assert claims_of(first.grant(login_hint="bob")["access_token"])["sub"] == "bob"
    came = first.authorized(login_hint="decliner")
    assert (came["error"], came["iss"], came["state"]) == ("access_denied", first.base, "state-1")
    assert "code" not in came
    assert first.authorized(prompt="none")["error"] == "login_required"


def test_a_refresh_token_stays_the_same_and_belongs_to_its_client(party: Parties) -> None:
    first, second = party("first"), party("second")
    refresh = first.grant()["refresh_token"]
    for _ in range(2):
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        answer = first.ask_token({**form, **first.credentials()})
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        assert first.read(answer.json()["access_token"]).status_code == 200
    assert error(second.ask_token({**form, **second.credentials()})) == (400, "invalid_grant")
    wider = {**form, "scope": "openid payments", **first.credentials()}
    assert error(first.ask_token(wider)) == (400, "invalid_scope")


# -- who the client is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["{base}"]},
        {"aud": "{base}/oauth/token"},
        {"aud": "{base}/"},
        {"aud": GONE},
        {"iss": "client-second"},
        {"sub": "client-second"},
        {"exp": GONE},
        {"exp": -1},
        {"exp": 90_000},
        {"exp": "soon"},
        {"iat": 90},
        {"nbf": 90},
        {"jti": GONE},
        {"jti": ""},
        {"jti": 7},
    ],
)
def test_an_assertion_with_one_wrong_claim_is_refused(first: Party, changes: dict[str, Any]) -> None:
    made = {name: filled(first, value) for name, value in changes.items()}
    assert first.push().status_code == 201
    assert error(first.push(client_assertion=first.assertion(**made))) == (401, "invalid_client")


@pytest.mark.parametrize("claims", [{"iat": 8}, {"nbf": 8}, {"iat": GONE}, {"nbf": -30}])
def test_clocks_may_differ_by_seconds(first: Party, claims: dict[str, Any]) -> None:
    made = {name: filled(first, value) for name, value in claims.items()}
    assert first.push(client_assertion=first.assertion(**made)).status_code == 201


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "PS256"}, {"kid": "other"}, {"crit": ["exp"]}]
)
def test_an_assertion_with_a_wrong_header_is_refused(first: Party, header: dict[str, Any]) -> None:
    assert error(first.push(client_assertion=first.assertion(header=header))) == (401, "invalid_client")


def test_keys_that_an_assertion_brings_along_do_not_count(first: Party) -> None:
    stranger = new_key()
    made = first.assertion(key=stranger, header={"jwk": jwk_of(stranger)})
    assert error(first.push(client_assertion=made)) == (401, "invalid_client")


def test_assertions_are_used_once_whatever_became_of_the_first(first: Party) -> None:
    made = first.assertion()
    assert error(first.push(first.request(scope="unknown"), client_assertion=made)) == (400, "invalid_scope")
    assert error(first.push(client_assertion=made)) == (401, "invalid_client")


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.", "Ω.Ω.Ω", "e30.e30.e30.e30", "a" * 20_000])
def test_malformed_assertions_are_refused(first: Party, text: str) -> None:
    assert first.push(client_assertion=text).status_code == 401


def test_a_certificate_proves_only_its_own_client(party: Parties) -> None:
    client = party("mtls")
    form = client.request()
    url, second = client.url("/oauth/par"), client.certificate("second")
    assert client.session.post(url, data=form, cert=client.certificate(), timeout=10).status_code == 201
    assert error(client.session.post(url, data=form, cert=second, timeout=10)) == (401, "invalid_client")
    assert error(client.session.post(url, data=form, timeout=10)) == (401, "invalid_client")
    smuggled = {"X-Client-Cert": "CN=client-first"}
    assert error(client.session.post(url, data=form, headers=smuggled, timeout=10)) == (401, "invalid_client")


# -- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": GONE}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"redirect_uri": GONE}, "invalid_request"),
        ({"redirect_uri": "https://client.example.com/first/cb/"}, "invalid_request"),
        ({"redirect_uri": "https://attacker.example.com/cb"}, "invalid_request"),
        ({"code_challenge": GONE}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": GONE}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "openid payments"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"client_id": "client-second"}, "invalid_client"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ],
)
def test_a_pushed_request_with_one_defect_is_refused(first: Party, changes: dict[str, Any], code: str) -> None:
    assert first.push().status_code == 201
    answer = first.push(**changes)
    assert answer.json()["error"] == code
    assert answer.status_code == (401 if code == "invalid_client" else 400)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": GONE},
        {"nbf": GONE},
        {"nbf": -3700},
        {"exp": 3700},
        {"exp": -1},
        {"aud": "https://other.example.com"},
        {"aud": GONE},
        {"iss": "client-first"},
        {"client_id": "client-first"},
        {"request_uri": "urn:x"},
    ],
)
def test_a_request_object_with_one_defect_is_refused(party: Parties, changes: dict[str, Any]) -> None:
    client = party("jar")
    made = {name: filled(client, value) for name, value in changes.items()}
    form = {"client_id": client.client_id, "request": client.request_object(**made)}
    assert error(client.push(form)) == (400, "invalid_request_object")


def test_a_request_object_needs_its_clients_signature(party: Parties) -> None:
    client = party("jar")
    for made in (
        client.request_object(header={"alg": "none"}),
        client.request_object()[:-4] + "AAAA",
        party("first").request_object(client.request()),
    ):
        answer = client.push({"client_id": client.client_id, "request": made})
        assert error(answer) == (400, "invalid_request_object")
    assert error(client.push()) == (400, "invalid_request")


def test_authorization_needs_a_request_of_the_same_client_once(party: Parties) -> None:
    first, second = party("first"), party("second")
    assert error(first.visit(**first.request())) == (400, "invalid_request")
    assert error(first.visit(client_id="nobody")) == (400, "invalid_request")
    uri = first.pushed()
    assert error(second.visit(client_id=second.client_id, request_uri=uri)) == (400, "invalid_request_uri")
    assert first.visit(client_id=first.client_id, request_uri=uri).status_code == 303
    assert error(first.visit(client_id=first.client_id, request_uri=uri)) == (400, "invalid_request_uri")


def test_a_pushed_request_expires(first: Party, bank: ReferenceProcess) -> None:
    answer = first.push().json()
    assert 5 <= answer["expires_in"] < 600
    bank.hook("clock", offset_s=answer["expires_in"] + 1)
    refusal = first.visit(client_id=first.client_id, request_uri=answer["request_uri"])
    assert error(refusal) == (400, "invalid_request_uri")


# -- codes ----------------------------------------------------------------------------------------------------------


def test_a_code_is_used_once_and_a_second_use_takes_back_what_it_brought(first: Party) -> None:
    code = first.authorized()["code"]
    given = first.redeem(code).json()
    assert first.read(given["access_token"]).status_code == 200
    assert error(first.redeem(code)) == (400, "invalid_grant")
    assert error(first.read(given["access_token"])) == (401, "invalid_token")
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], **first.credentials()}
    assert error(first.ask_token(form)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": secrets.token_urlsafe(32)},
        {"code_verifier": GONE},
        {"redirect_uri": GONE},
        {"redirect_uri": "https://client.example.com/second/cb"},
        {"code": "unknown"},
    ],
)
def test_a_code_needs_what_its_request_announced(first: Party, changes: dict[str, Any]) -> None:
    code = first.authorized()["code"]
    assert error(first.redeem(code, **changes)) == (400, "invalid_grant")
    assert first.redeem(code).status_code == 200


def test_a_code_belongs_to_its_client(party: Parties) -> None:
    first, second = party("first"), party("second")
    code = first.authorized()["code"]
    thief = second.redeem(code, redirect_uri=first.redirect_uri, code_verifier=first.verifier)
    assert error(thief) == (400, "invalid_grant")
    assert first.redeem(code).status_code == 200


def test_a_code_lives_a_minute(first: Party, bank: ReferenceProcess) -> None:
    code = first.authorized()["code"]
    bank.hook("clock", offset_s=61)
    first.ahead = 61
    assert error(first.redeem(code)) == (400, "invalid_grant")


def test_a_code_brings_one_token_however_many_ask_at_once(first: Party) -> None:
    code = first.authorized()["code"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: first.redeem(code), range(6)))
    assert sorted(error(answer) for answer in answers if answer.status_code != 200) == [(400, "invalid_grant")] * 5
    (given,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert error(first.read(given["access_token"])) == (401, "invalid_token")


@pytest.mark.parametrize("announced", ["parameter", "proof"])
def test_a_code_can_be_bound_to_a_key(first: Party, announced: str) -> None:
    extra = {"dpop_jkt": thumbprint(first.dpop_key)} if announced == "parameter" else {}
    headers = {"DPoP": first.proof("POST", "/oauth/par")} if announced == "proof" else {}
    answer = first.post("/oauth/par", {**first.request(**extra), **first.credentials()}, headers)
    back = first.visit(client_id=first.client_id, request_uri=answer.json()["request_uri"])
    code = re.search(r"code=([\w-]+)", back.headers["Location"])
    assert code
    other = first.proof("POST", "/oauth/token", key=new_key())
    assert error(first.redeem(code[1], proof=other)) == (400, "invalid_grant")
    assert first.redeem(code[1]).status_code == 200


def test_a_pushed_proof_must_be_of_the_announced_key(first: Party) -> None:
    form = {**first.request(dpop_jkt=thumbprint(new_key())), **first.credentials()}
    answer = first.post("/oauth/par", form, {"DPoP": first.proof("POST", "/oauth/par")})
    assert error(answer) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("kind", ["password", "client_credentials", "implicit", ""])
def test_other_grants_are_refused(first: Party, kind: str) -> None:
    form = {"grant_type": kind, "username": "alice", "password": "x", "scope": "accounts", **first.credentials()}
    expected = "unsupported_grant_type" if kind else "invalid_request"
    assert error(first.ask_token(form)) == (400, expected)
