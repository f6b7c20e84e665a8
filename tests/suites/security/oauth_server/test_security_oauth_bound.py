"""Bound tokens, and all that the reference authorization server says about tokens and about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from oauth_party import GONE, Party, claims_of, error, filled, jwk_of, new_key, thumbprint

from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations
from conformance.reference.process import ReferenceProcess

Parties = Callable[[str], Party]


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
    made = {name: filled(first, value) for name, value in changes.items()}
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
