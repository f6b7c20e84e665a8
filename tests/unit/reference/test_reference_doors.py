"""Who gets in: tokens, client assertions, sessions, signatures."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if TYPE_CHECKING:
    from conftest import Client

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assertion(bank: Client, user: str = "alice", by: str = "", **claims: Any) -> str:
    now = int(time.time())
    body = {"iss": user, "sub": user, "aud": bank.process.base_url, "jti": bank.unique("jti"), "exp": now + 60}
    body |= {"iat": now, **claims}
    parts = [text64(json.dumps(part).encode()) for part in ({"alg": "ES256"}, body)]
    key: Any = load_pem_private_key(bank.secret(by or user, "ASSERTION_KEY").encode(), None)
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, text64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))])


def grant_by(bank: Client, text: str) -> int:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": text}
    return bank.raw("POST", "/token", data=form).status_code


def test_assertions_of_the_client_are_taken_once(bank: Client) -> None:
    text = assertion(bank)
    assert grant_by(bank, text) == 200
    assert grant_by(bank, text) == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"iat": 8}, 200),
        ({"iat": 300}, 401),
        ({"nbf": 300}, 401),
        ({"exp": -60}, 401),
        ({"exp": 7200}, 401),
        ({"exp": "soon"}, 401),
        ({"aud": ["https://one.example", "https://two.example"]}, 401),
        ({"aud": "https://other.example"}, 401),
        ({"sub": "bob"}, 401),
        ({"jti": ""}, 401),
    ],
)
def test_assertion_claims_are_checked(bank: Client, claims: dict[str, Any], status: int) -> None:
    # Numbers are seconds from now, not from when the tests were collected.
    now = int(time.time())
    given = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    assert grant_by(bank, assertion(bank, **given)) == status


def test_assertions_by_another_clients_key_are_refused(bank: Client) -> None:
    assert grant_by(bank, assertion(bank, by="bob")) == 401


def test_a_wrong_secret_and_an_unknown_client_are_answered_alike(bank: Client) -> None:
    wrong = bank.grant("alice", client_secret="wrong")
    unknown = bank.grant("alice", client_id="nobody")
    assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text) == (401, wrong.text)


def test_scopes_are_narrowed_and_never_widened(bank: Client) -> None:
    token = bank.grant(scope="accounts").json()["access_token"]
    order = {"headers": {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}}
    assert bank.ask("GET", "/accounts", None, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert bank.ask("POST", "/payments", None, json=bank.order(*bank.pair()), **order).json()["code"] == "scope-missing"
    assert bank.grant(scope="supervisor").json()["code"] == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"exp": 1}},
        {"claims": {"exp": None}},
        {"claims": {"nbf": 4_000_000_000}},
        {"claims": {"aud": "https://other.example"}},
        {"claims": {"aud": None}},
        {"claims": {"iss": "https://other.example"}},
        {"claims": {"sub": "nobody"}},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": None}},
        {"header": {"kid": "../../etc/passwd"}},
        {"header": {"alg": "ES384"}},
        {"header": {"crit": ["exp"]}},
    ],
)
def test_tokens_with_one_wrong_member_are_refused(bank: Client, changes: dict[str, Any]) -> None:
    assert bank.bearing(bank.forged()) == 200
    assert bank.bearing(bank.forged(**changes)) == 401


def test_a_retired_key_opens_nothing(bank: Client) -> None:
    old = bank.token("alice")
    kid = bank.process.hook("inject", kind="rotate-keys")["kid"]
    assert [key["kid"] for key in bank.raw("GET", "/jwks").json()["keys"]] == [kid]
    assert bank.bearing(old) == 401
    assert bank.bearing(bank.grant().json()["access_token"]) == 200


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "Ω.Ω.Ω", "null", "e30.e30."])
def test_malformed_tokens_are_refused(bank: Client, token: str) -> None:
    header = f"Bearer {token}".encode()
    assert bank.raw("GET", "/accounts", headers={"Authorization": header}).status_code == 401


def test_sessions_open_by_cookie_and_by_bearer_and_end(bank: Client) -> None:
    form = {"username": "bob", "password": bank.secret("bob", "PASSWORD")}
    session = bank.raw("POST", "/login", json=form).json()["session"]
    bank.session.cookies.clear()
    assert bank.raw("GET", "/accounts", headers={"Cookie": f"session={session}"}).status_code == 200
    assert bank.bearing(session) == 200
    bank.process.hook("clock", offset_s=1000)
    assert bank.bearing(session) == 401


def test_unknown_and_known_users_are_locked_alike(bank: Client) -> None:
    seen = []
    for user in ("auditor", "nobody"):
        form = {"username": user, "password": "wrong"}
        seen.append([bank.raw("POST", "/login", json=form).text for _ in range(12)])
    assert seen[0] == seen[1]


def test_a_lock_ends(bank: Client) -> None:
    for _ in range(11):
        bank.raw("POST", "/login", json={"username": "auditor", "password": "wrong"})
    form = {"username": "auditor", "password": bank.secret("auditor", "PASSWORD")}
    assert bank.raw("POST", "/login", json=form).json()["code"] == "locked"
    bank.process.hook("clock", offset_s=3600)
    assert bank.raw("POST", "/login", json=form).status_code == 200
    bank.session.cookies.clear()


# -- signatures -----------------------------------------------------------------------------------------------------


def test_a_signed_request_is_served_and_its_proof_is_kept(bank: Client) -> None:
    debtor, creditor = (bank.account("signer", 1000), bank.account("alice"))
    assert bank.signed("POST", "/payments", bank.order(debtor, creditor)).status_code == 201
    record = bank.ask("GET", "/audit", "auditor").json()["items"][-1]
    proof = record["detail"]["signature"]
    key: Any = load_pem_private_key(bank.secret("signer", "ED25519_KEY").encode(), None)
    key.public_key().verify(base64.b64decode(proof["value"]), proof["base"].encode())


@pytest.mark.parametrize("missing", ["@method", "@target-uri", "authorization", "content-digest"])
def test_required_components_cannot_be_left_out(bank: Client, missing: str) -> None:
    covers = tuple(name for name in ("@method", "@target-uri", "authorization", "content-digest") if name != missing)
    body = {"owner": "signer", "currency": "CNY", "balance": 0}
    assert bank.signed("POST", "/accounts", body, covers=covers).json()["code"] == "signature-incomplete"


@pytest.mark.parametrize("offset", [-61, -3600, 75, 90])
def test_signatures_out_of_time_are_refused(bank: Client, offset: int) -> None:
    answer = bank.signed("GET", "/accounts", created=int(time.time()) + offset)
    assert answer.json()["code"] == "signature-stale"


@pytest.mark.parametrize("offset", [-8, 0, 8])
def test_signatures_of_now_are_taken(bank: Client, offset: int) -> None:
    assert bank.signed("GET", "/accounts", created=int(time.time()) + offset).status_code == 200


def test_a_nonce_is_used_up_whatever_the_time(bank: Client) -> None:
    assert bank.signed("GET", "/accounts", nonce="again").status_code == 200
    answer = bank.signed("GET", "/accounts", nonce="again", created=int(time.time()) + 5)
    assert answer.json()["code"] == "signature-replayed"


@pytest.mark.parametrize(
    "extra", [';alg="rsa-v1_5-sha256"', ";created=1", ";colour=1", ";expires=1", ';expires="soon"', ";tag=x"]
)
def test_odd_parameters_are_refused(bank: Client, extra: str) -> None:
    assert bank.signed("GET", "/accounts", extra=extra).status_code == 401


@pytest.mark.parametrize(
    "drop", [("signature",), ("signature-input",), ("content-digest",), ("signature", "signature-input")]
)
def test_missing_signature_headers_are_refused(bank: Client, drop: tuple[str, ...]) -> None:
    assert bank.signed("GET", "/accounts", drop=drop).status_code == 401


@pytest.mark.parametrize(
    "send", [{"method": "DELETE"}, {"path": "/accounts?limit=1"}, {"path": "/audit"}, {"body": b"{}"}]
)
def test_changes_after_signing_are_refused(bank: Client, send: dict[str, Any]) -> None:
    assert bank.signed("GET", "/accounts", send=send).status_code == 401


def test_two_signatures_are_refused(bank: Client) -> None:
    value = "sig1=:AAAA:, sig2=:AAAA:"
    assert bank.signed("GET", "/accounts", send={"headers": {"signature": value}}).status_code == 401
