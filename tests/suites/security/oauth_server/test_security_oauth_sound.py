"""The reference authorization server does what FAPI 2.0 asks for, and refuses the rest with the right error."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from oauth_party import GONE, Party, claims_of, jwk_of, new_key, sha

from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations
from conformance.reference.process import ReferenceProcess

Parties = Callable[[str], Party]


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("error"))


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
    made = {name: _filled(first, value) for name, value in changes.items()}
    assert first.push().status_code == 201
    assert error(first.push(client_assertion=first.assertion(**made))) == (401, "invalid_client")


def _filled(party: Party, value: Any) -> Any:
    """Put the issuer in, and make numbers of seconds from now."""
    if isinstance(value, int) and value != 7:
        return party.now() + value
    if isinstance(value, list):
        return [_filled(party, item) for item in value]
    return value.format(base=party.base) if isinstance(value, str) else value


@pytest.mark.parametrize("claims", [{"iat": 8}, {"nbf": 8}, {"iat": GONE}, {"nbf": -30}])
def test_clocks_may_differ_by_seconds(first: Party, claims: dict[str, Any]) -> None:
    made = {name: _filled(first, value) for name, value in claims.items()}
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
    made = {name: _filled(client, value) for name, value in changes.items()}
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


def thumbprint(key: Any) -> str:
    jwk = jwk_of(key)
    return sha("{" + ",".join(f'"{name}":"{jwk[name]}"' for name in ("crv", "kty", "x", "y")) + "}")


def test_a_pushed_proof_must_be_of_the_announced_key(first: Party) -> None:
    form = {**first.request(dpop_jkt=thumbprint(new_key())), **first.credentials()}
    answer = first.post("/oauth/par", form, {"DPoP": first.proof("POST", "/oauth/par")})
    assert error(answer) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("kind", ["password", "client_credentials", "implicit", ""])
def test_other_grants_are_refused(first: Party, kind: str) -> None:
    form = {"grant_type": kind, "username": "alice", "password": "x", "scope": "accounts", **first.credentials()}
    expected = "unsupported_grant_type" if kind else "invalid_request"
    assert error(first.ask_token(form)) == (400, expected)


# -- proofs and bound tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": GONE},
        {"htu": "{base}/oauth/token"},
        {"htu": "https://other.example.com/oauth/resource"},
        {"htu": GONE},
        {"htu": "https://[broken"},
        {"iat": 3600},
        {"iat": -3600},
        {"iat": GONE},
        {"iat": "now"},
        {"ath": "x"},
        {"ath": GONE},
        {"jti": GONE},
        {"jti": "x" * 1000},
        {"nbf": 3600},
        {"exp": -3600},
    ],
)
def test_a_proof_with_one_wrong_claim_is_refused(first: Party, changes: dict[str, Any]) -> None:
    token = first.grant()["access_token"]
    made = {name: _filled(first, value) for name, value in changes.items()}
    answer = first.read(token, proof=first.proof("GET", "/oauth/resource", token, **made))
    assert error(answer) == (401, "invalid_dpop_proof")
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof"')
    assert first.read(token).status_code == 200


def _private(jwk: dict[str, str]) -> dict[str, str]:
    return {**jwk, "d": "AAAA"}


@pytest.mark.parametrize("case", ["typ", "alg", "none", "no key", "private key", "symmetric", "weak curve", "tampered"])
def test_a_proof_with_a_wrong_header_or_signature_is_refused(first: Party, case: str) -> None:
    token, jwk = first.grant()["access_token"], jwk_of(first.dpop_key)
    headers: dict[str, dict[str, Any]] = {
        "typ": {"typ": "JWT"},
        "alg": {"alg": "ES384"},
        "none": {"alg": "none"},
        "no key": {"jwk": GONE},
        "private key": {"jwk": _private(jwk)},
        "symmetric": {"jwk": {"kty": "oct", "k": "AAAA"}},
        "weak curve": {"jwk": {**jwk, "crv": "P-192"}},
        "tampered": {},
    }
    proof = first.proof("GET", "/oauth/resource", token, header=headers[case])
    proof = proof[:-4] + ("AAAA" if case == "tampered" else proof[-4:])
    assert error(first.read(token, proof=proof)) == (401, "invalid_dpop_proof")


def test_a_proof_is_used_once(first: Party) -> None:
    token = first.grant()["access_token"]
    proof = first.proof("GET", "/oauth/resource", token)
    assert first.read(token, proof=proof).status_code == 200
    assert error(first.read(token, proof=proof)) == (401, "invalid_dpop_proof")


def test_two_proofs_are_no_proof(first: Party) -> None:
    proof = ", ".join(first.proof("POST", "/oauth/token") for _ in range(2))
    assert error(first.redeem(first.authorized()["code"], proof=proof)) == (400, "invalid_dpop_proof")


def test_other_spellings_of_the_same_address_are_the_same(first: Party) -> None:
    token = first.grant()["access_token"]
    host = first.base.removeprefix("https://")
    for htu in (
        f"HTTPS://{host}/oauth/resource",
        f"https://{host}/oauth/resource?x=1#y",
        f"https://{host}/%6Fauth/%72esource",
    ):
        answer = first.read(token, proof=first.proof("GET", "/oauth/resource", token, htu=htu))
        assert answer.status_code == 200, htu


def test_members_that_nobody_knows_do_no_harm(first: Party) -> None:
    token = first.grant()["access_token"]
    now = first.now()
    proof = first.proof("GET", "/oauth/resource", token, extra={"a": 1}, nbf=now, exp=now + 60)
    assert first.read(token, proof=proof, scheme="dpop").status_code == 200


def test_a_bound_token_is_worth_nothing_without_its_key(first: Party) -> None:
    token = first.grant()["access_token"]
    stranger = first.proof("GET", "/oauth/resource", token, key=new_key())
    assert error(first.read(token, proof=stranger)) == (401, "invalid_token")
    assert error(first.read(token, proof=None)) == (401, "invalid_dpop_proof")
    assert error(first.read(token, proof=None, scheme="Bearer")) == (401, "invalid_token")
    assert error(first.read(token, scheme="Bearer")) == (401, "invalid_token")
    assert error(first.redeem(first.authorized()["code"], proof=None)) == (400, "invalid_dpop_proof")


def test_a_token_bound_to_a_certificate_needs_it(party: Parties) -> None:
    client = party("mtls")
    token = client.grant()["access_token"]
    headers, url = {"Authorization": f"Bearer {token}"}, client.url("/oauth/resource")
    session, second = client.session, client.certificate("second")
    assert session.get(url, headers=headers, cert=client.certificate(), timeout=10).status_code == 200
    assert error(session.get(url, headers=headers, cert=second, timeout=10)) == (401, "invalid_token")
    assert error(session.get(url, headers=headers, timeout=10)) == (401, "invalid_token")
    assert error(session.get(f"{client.base}/oauth/resource", headers=headers, timeout=10)) == (401, "invalid_token")


def test_the_server_can_demand_its_nonce(first: Party, bank: ReferenceProcess) -> None:
    code = first.authorized()["code"]
    bank.hook("dpop_nonce", required=True)
    refusal = first.redeem(code)
    assert error(refusal) == (400, "use_dpop_nonce")
    nonce = refusal.headers["DPoP-Nonce"]
    token = first.redeem(code, proof=first.proof("POST", "/oauth/token", nonce=nonce)).json()["access_token"]
    challenge = first.read(token)
    assert error(challenge) == (401, "use_dpop_nonce")
    assert challenge.headers["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce"')
    again = first.proof("GET", "/oauth/resource", token, nonce=challenge.headers["DPoP-Nonce"])
    assert first.read(token, proof=again).status_code == 200


# -- tokens ---------------------------------------------------------------------------------------------------------


def test_the_resource_takes_only_living_access_tokens_for_itself(first: Party, bank: ReferenceProcess) -> None:
    given = first.grant()
    assert error(first.read(given["id_token"])) == (401, "invalid_token")
    assert error(first.read(given["refresh_token"])) == (401, "invalid_token")
    assert error(first.read(given["access_token"][:-4] + "AAAA")) == (401, "invalid_token")
    bank.hook("clock", offset_s=301)
    first.ahead = 301
    assert error(first.read(given["access_token"])) == (401, "invalid_token")


def test_neither_access_nor_id_tokens_open_the_bank(first: Party) -> None:
    given = first.grant()
    for token in (given["access_token"], given["id_token"]):
        for scheme in ("Bearer", "DPoP"):
            headers = {"Authorization": f"{scheme} {token}"}
            assert first.session.get(f"{first.base}/accounts", headers=headers, timeout=10).status_code == 401


def test_tokens_do_not_belong_into_addresses(first: Party) -> None:
    token = first.grant()["access_token"]
    answer = first.session.get(f"{first.base}/oauth/resource", params={"access_token": token}, timeout=10)
    assert error(answer) == (400, "invalid_request")
    assert first.session.get(f"{first.base}/oauth/resource", timeout=10).status_code == 401


def test_a_token_must_allow_what_it_is_used_for(first: Party) -> None:
    given = first.grant(scope="openid")
    assert given["scope"] == "openid"
    assert error(first.read(given["access_token"])) == (403, "insufficient_scope")


def test_introspection_tells_a_client_about_its_own_tokens(party: Parties) -> None:
    first, second = party("first"), party("second")
    given = first.grant()
    state = introspected(first, given["access_token"])
    assert state["active"] is True
    assert (state["sub"], state["scope"], state["token_type"]) == ("alice", "openid accounts", "DPoP")
    assert state["cnf"] == {"jkt": thumbprint(first.dpop_key)}
    assert introspected(first, given["refresh_token"])["active"] is True
    assert introspected(second, given["access_token"]) == {"active": False}
    assert introspected(first, "unknown") == {"active": False}
    assert first.post("/oauth/introspect", {"token": given["access_token"]}).status_code == 401


def introspected(client: Party, token: str) -> dict[str, Any]:
    answer = client.post("/oauth/introspect", {"token": token, **client.credentials()})
    assert answer.status_code == 200
    value: dict[str, Any] = answer.json()
    return value


def test_introspection_can_be_signed(first: Party) -> None:
    kind = "application/token-introspection+jwt"
    form = {"token": first.grant()["access_token"], **first.credentials()}
    answer = first.post("/oauth/introspect", form, {"Accept": kind})
    assert answer.headers["Content-Type"] == kind
    claims = claims_of(answer.text)
    assert (claims["iss"], claims["aud"], claims["token_introspection"]["active"]) == (
        first.base,
        first.client_id,
        True,
    )


def test_revocation_ends_a_token_and_a_refresh_token_all_that_it_brought(party: Parties) -> None:
    first, second = party("first"), party("second")
    given = first.grant()
    for client, token, code in (
        (second, given["access_token"], 200),
        (first, "unknown", 200),
        (first, given["access_token"], 401),
    ):
        assert client.post("/oauth/revoke", {"token": token, **client.credentials()}).status_code == 200
        assert first.read(given["access_token"]).status_code == code
    other = first.grant()
    first.post("/oauth/revoke", {"token": other["refresh_token"], **first.credentials()})
    assert first.read(other["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": other["refresh_token"], **first.credentials()}
    assert error(first.ask_token(form)) == (400, "invalid_grant")


def test_keys_are_public_and_rotate(first: Party, bank: ReferenceProcess) -> None:
    url = f"{first.base}/oauth/jwks"
    token = first.grant()["access_token"]
    (before,) = first.session.get(url, timeout=10).json()["keys"]
    assert set(before) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    kid = bank.hook("rotate_keys")["kid"]
    (after,) = first.session.get(url, timeout=10).json()["keys"]
    assert (after["kid"], after["x"] != before["x"]) == (kid, True)
    assert error(first.read(token)) == (401, "invalid_token")
    assert first.read(first.grant()["access_token"]).status_code == 200


# -- the endpoints themselves ---------------------------------------------------------------------------------------


def test_metadata_is_the_same_at_both_places(first: Party) -> None:
    places = ("oauth-authorization-server", "openid-configuration")
    one, other = (first.session.get(f"{first.base}/.well-known/{place}", timeout=10).json() for place in places)
    assert one == other
    assert one["issuer"] == first.base
    assert one["require_pushed_authorization_requests"] is True
    assert one["response_types_supported"] == ["code"]


@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_forms_are_read_strictly(first: Party, path: str) -> None:
    url = first.base + path
    post = first.session.post
    assert post(url, json={"grant_type": "x"}, timeout=10).status_code == 415
    assert error(post(url, data="a=1&a=2", headers=FORM, timeout=10)) == (400, "invalid_request")
    assert error(post(url, data=b"a=\xff", headers=FORM, timeout=10)) == (400, "invalid_request")
    assert error(post(url, data="a=%FF", headers=FORM, timeout=10)) == (400, "invalid_request")
    assert error(post(url, data="x" * 70_000, headers=FORM, timeout=10)) == (413, "invalid_request")
    assert error(post(url, data="a=1", headers=FORM, timeout=10)) == (401, "invalid_client")


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_document_mapping_and_routes_agree(first: Party) -> None:
    document = {
        str(operation["operationId"]): (method.upper(), path)
        for path, methods in openapi()["paths"].items()
        for method, operation in methods.items()
    }
    ours = {name: entry for name, entry in neutral_operations().items() if name.startswith("oauth.")}
    assert len(ours) == 8
    for name, entry in ours.items():
        assert document[name] == (entry["method"], entry["path"])
        answer = first.session.request(entry["method"], first.base + entry["path"], timeout=10)
        assert answer.status_code not in (404, 405), name
        refused = first.session.request("DELETE", first.base + entry["path"], timeout=10)
        assert refused.status_code == 405
        assert refused.headers["Allow"]


def test_what_was_used_stays_used_over_a_restart(first: Party, bank: ReferenceProcess) -> None:
    assertion, code = first.assertion(), first.authorized()["code"]
    given = first.redeem(code, assertion=assertion).json()
    bank.hook("restart")
    eventually_up(first)
    assert error(first.redeem(first.authorized()["code"], assertion=assertion)) == (401, "invalid_client")
    assert first.read(given["access_token"]).status_code == 200
    assert error(first.redeem(code)) == (400, "invalid_grant")
    assert first.read(given["access_token"]).status_code == 401


def eventually_up(client: Party) -> None:
    """The listening sockets outlive the process: the first connection waits until the new one accepts it."""
    client.session.close()
    assert client.session.get(f"{client.base}/oauth/jwks", timeout=20).status_code == 200
