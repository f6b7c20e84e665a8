"""Callers: when the product has nothing by which to tell two users of a candidate file apart."""

from pathlib import Path
from typing import Any

import pytest

from conformance.candidate.callers import same_caller
from conformance.model.candidate import CandidateFile

KEYS = {"alice": {"key": {"env": "KEY_OF_ALICE"}}, "bob": {"key": {"env": "KEY_OF_BOB"}}}


def file(**sections: Any) -> CandidateFile:
    return CandidateFile("x", "1", "http://127.0.0.1:9", **sections)


def same(**sections: Any) -> bool:
    """Compare alice and bob, and make sure that the order does not matter."""
    made = file(**sections)
    found = same_caller(made, "alice", "bob")
    assert found is same_caller(made, "bob", "alice")
    return found


def operation(**parts: Any) -> dict[str, Any]:
    return {"mapping": {"contract": "none"}, "operations": {"accounts.list": {"path": "/accounts", **parts}}}


def test_without_a_scheme_nobody_is_told_apart_whatever_else_stands_in_the_sections() -> None:
    assert same(users={"alice": {"name": "Alice"}, "bob": {"name": "Bob", "token": {"env": "TOKEN_OF_BOB"}}})


def test_secrets_are_compared_by_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_ALICE", "the-same-secret")
    monkeypatch.setenv("KEY_OF_BOB", "the-same-secret")
    assert same(auth={"scheme": "api-key"}, users=KEYS)
    monkeypatch.setenv("KEY_OF_BOB", "another-secret")
    assert not same(auth={"scheme": "api-key"}, users=KEYS)


def test_secrets_that_are_not_set_are_compared_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY_OF_ALICE", "KEY_OF_BOB"):
        monkeypatch.delenv(name, raising=False)
    assert not same(auth={"scheme": "api-key"}, users=KEYS)
    assert same(auth={"scheme": "api-key"}, users={"alice": KEYS["alice"], "bob": KEYS["alice"]})
    monkeypatch.setenv("KEY_OF_ALICE", "a-secret")
    assert not same(auth={"scheme": "api-key"}, users=KEYS)


def test_secrets_in_files_are_compared_by_what_they_hold(tmp_path: Path) -> None:
    users = {"alice": {"token": {"file": "a.txt"}}, "bob": {"token": {"file": "b.txt"}}}
    path = tmp_path / "candidate.toml"
    assert not same(auth={"scheme": "bearer"}, users=users, path=path)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("one token\n", encoding="utf-8")
    assert same(auth={"scheme": "bearer"}, users=users, path=path)


@pytest.mark.parametrize("scheme", ["oauth2", "login", "cookie", "basic"])
def test_another_user_name_is_another_caller(scheme: str) -> None:
    secret = {"password": {"env": "SHARED"}, "client_id": "c", "client_secret": {"env": "SHARED"}}
    users = {"alice": {"username": "alice", **secret}, "bob": {"username": "bob", **secret}}
    assert not same(auth={"scheme": scheme}, users=users)
    assert same(auth={"scheme": scheme}, users={"alice": users["alice"], "bob": users["alice"]})


def test_a_key_for_all_in_the_common_section_is_one_caller() -> None:
    assert same(auth={"scheme": "api-key", "key": {"env": "SHARED"}}, users={"alice": {}, "bob": {}})
    assert not same(auth={"scheme": "api-key", "key": {"env": "SHARED"}}, users={"alice": {}, "bob": KEYS["bob"]})


def test_another_scheme_is_another_caller() -> None:
    bob = {"scheme": "none", "key": {"env": "KEY_OF_ALICE"}}
    assert not same(auth={"scheme": "api-key"}, users={"alice": KEYS["alice"], "bob": bob})


def test_certificates_and_signatures_tell_callers_apart_beside_any_scheme() -> None:
    assert not same(users={"alice": {"client_cert": "a.pem"}, "bob": {"client_cert": "b.pem"}})
    assert not same(users={"alice": {"client_cert": "a.pem"}, "bob": {}})
    signing = {"keyid": "a", "key": {"env": "KEY_OF_ALICE"}}
    assert not same(users={"alice": {"signing": signing}, "bob": {"signing": {**signing, "keyid": "b"}}})
    assert not same(users={"alice": {"signing": signing}, "bob": {}})
    assert same(users={"alice": {"signing": signing}, "bob": {"signing": dict(signing)}})


@pytest.mark.parametrize(
    "parts",
    [
        {"method": "POST", "body": {"auth": {"k": "{user.k}"}, "method": "list"}},
        {"query": {"k": "{user.k}"}},
        {"header": {"X-Who": "key {user.k}"}},
        {"path": "/of/{user.k}/accounts"},
    ],
)
def test_a_secret_that_the_mapping_places_is_a_credential(parts: dict[str, Any]) -> None:
    users = {"alice": {"k": {"env": "KEY_OF_ALICE"}}, "bob": {"k": {"env": "KEY_OF_BOB"}}}
    assert not same(users=users, **operation(**parts))
    assert same(users={"alice": users["alice"], "bob": users["alice"]}, **operation(**parts))


def test_a_public_name_tells_callers_apart_in_a_body_and_is_only_a_place_in_a_path() -> None:
    users = {"alice": {"project": "house"}, "bob": {"project": "garden"}}
    assert not same(users=users, **operation(method="POST", body={"project": "{user.project}"}))
    assert same(users=users, **operation(path="/{user.project}/accounts"))


def test_a_login_that_nobody_makes_tells_nobody_apart() -> None:
    users = {"alice": {"username": "alice"}, "bob": {"username": "bob"}}
    assert same(users=users, supports=("auth", "accounts"))
    own = {"scheme": "login", "operation": "enter"}
    mapped = {"enter": {"method": "POST", "path": "/enter", "body": {"who": "{user.nick}"}}}
    nicks = {"alice": {"nick": "a"}, "bob": {"nick": "b"}}
    assert not same(auth=own, users=nicks, mapping={"contract": "none"}, operations=mapped)


def test_who_is_not_in_the_file_and_who_is_named_by_another_driver_is_never_the_same() -> None:
    assert not same_caller(file(users={"alice": {}}), "alice", "bob")
    assert not same(users={"alice": {}, "bob": {}}, driver="stdio")
