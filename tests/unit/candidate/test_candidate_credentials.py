"""How credentials are sent, and what is said of them: settings of a keyed hash, accounts with keys of their own."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest
from candidate_product import Ears, Product

from conformance.candidate.keyed_hash import HASHES, REFERENCES
from conformance.errors import ConfigError, FileProblems
from conformance.sdk import Accepted, Candidate

Bind = Callable[..., Candidate]
KEYED = {"scheme": "hmac", "key": {"env": "SHOP_KEY"}}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "hmac-secret")


def mistakes(bound: Bind, **sections: Any) -> dict[str, str]:
    with pytest.raises(FileProblems) as caught:
        bound(supports=("accounts",), **sections)
    return {problem.path: f"{problem.found}; {problem.expected}; {problem.remedy}" for problem in caught.value.problems}


@pytest.mark.parametrize("digest", HASHES)
def test_a_nonce_is_signed_and_sent_and_never_twice(bound: Bind, product: Product, digest: str) -> None:
    auth = {**KEYED, "hash": digest, "template": "{nonce}|{body_hash}|{timestamp}", "time": "ms"}
    candidate = bound(supports=("payments",), auth=auth, users={"shop": {}})
    for _ in range(2):
        candidate.call("payments.create", amount=1)
    nonces = [request.headers["X-Nonce"] for request in product.requests]
    for request, nonce in zip(product.requests, nonces, strict=True):
        body = hashlib.new(digest, request.body).hexdigest()
        signed = f"{nonce}|{body}|{request.headers['X-Timestamp']}".encode()
        assert request.headers["X-Signature"] == hmac.new(b"hmac-secret", signed, digest).hexdigest()
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in nonces)
    assert len(set(nonces)) == 2


def test_a_nonce_is_sent_where_the_file_asks_for_it(bound: Bind, product: Product) -> None:
    users = {"shop": {}, "other": {"nonce_header": "X-Once"}}
    candidate = bound(supports=("accounts",), auth=KEYED, users=users)
    candidate.call("accounts.list")
    candidate.as_user("other").call("accounts.list")
    assert "X-Nonce" not in product.requests[0].headers
    assert len(product.requests[1].headers["X-Once"]) == 32


def test_settings_of_a_keyed_hash_are_looked_at_when_the_file_is_read(bound: Bind) -> None:
    auth = {**KEYED, "hash": "crc", "encoding": "b64", "time": "minutes", "tme": "ms", "template": "{nonse}{body}"}
    found = mistakes(bound, auth=auth, users={"shop": {}, "other": {}})
    assert set(found) == {f"$.auth.{key}" for key in ("hash", "encoding", "time", "tme", "template")}
    assert "sha256" in found["$.auth.hash"]
    assert "base64, hex" in found["$.auth.encoding"]
    assert "ms, s" in found["$.auth.time"]
    assert "did you mean 'time'?" in found["$.auth.tme"]
    assert "did you mean {nonce}?" in found["$.auth.template"]
    assert all(f"{{{name}}}" in found["$.auth.template"] for name in REFERENCES)


def test_settings_are_found_wherever_they_stand(bound: Bind) -> None:
    users = {
        "shop": {**KEYED, "hash": "crc", "tmplate": "x", "branch": "north"},
        "other": {"auth": {**KEYED, "time": 1, "branch": "south"}},
        "third": {"scheme": "none", "hash": "of something else"},
    }
    pool = ({"id": "a", "owner": "shop", "credentials": {"key": "own-own-own", "encoding": "b64"}},)
    found = mistakes(bound, users=users, pool=pool)
    assert set(found) == {
        "$.users.shop.hash",
        "$.users.shop.tmplate",
        "$.users.other.auth.time",
        "$.users.other.auth.branch",
        "$.pool[0].credentials.encoding",
    }


def test_what_templates_read_of_the_caller_may_stand_beside_the_settings(bound: Bind, product: Product) -> None:
    operation = {"path": "/{user.tenant}/a"}
    candidate = bound(operations={"x.read": operation}, auth={"scheme": "none", "tenant": "t1"}, users={"alice": {}})
    candidate.call("x.read")
    assert product.requests[0].path == "/t1/a"


POOLED = ({"id": "a1", "owner": "alice"}, {"id": "a/2", "owner": "alice", "credentials": {"password": {"env": "A2"}}})
BALANCE = {"path": "/a/{account}", "caller": {"owner": "account"}}
BASIC = {"scheme": "basic", "username": "al", "password": {"env": "A1"}}


def test_an_accounts_own_secret_is_masked_under_a_name_that_a_shell_knows(
    bound: Bind, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A1", "first-password")
    monkeypatch.setenv("A2", "second-password")
    candidate = bound(operations={"accounts.balance": BALANCE}, users={"alice": BASIC}, pool=POOLED)
    answer = candidate.call("accounts.balance", account="a/2")
    assert isinstance(answer, Accepted)
    assert '"Authorization: Basic ${ALICE_A_2_BASIC}"' in answer.exchange.curl
    assert product.requests[0].headers["Authorization"] not in answer.exchange.curl


def test_secrets_of_prepared_accounts_are_known_before_the_first_exchange(
    bound: Bind, monkeypatch: pytest.MonkeyPatch, ears: Ears
) -> None:
    monkeypatch.setenv("A1", "first-password")
    monkeypatch.setenv("A2", "second-password")
    candidate = bound(operations={"accounts.balance": BALANCE}, users={"alice": BASIC}, pool=POOLED)
    assert candidate.driver.secrets() >= {"first-password", "second-password"}  # type: ignore[attr-defined]
    assert "second-password" in ears.secrets


def test_what_is_missing_is_told_with_the_file_and_the_place(bound: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A1", raising=False)
    monkeypatch.delenv("A2", raising=False)
    candidate = bound(operations={"accounts.balance": BALANCE}, users={"alice": BASIC}, pool=POOLED)
    for account, place in (("a1", r"\[users\.alice\] password"), ("a/2", r"\[\[pool\]\]\[1\]\.credentials\.password")):
        with pytest.raises(ConfigError, match=rf"{re.escape(str(candidate.file.path))} {place}: environment variable"):
            candidate.call("accounts.balance", account=account)
