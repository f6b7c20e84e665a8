"""The reader's own trust policy, as `conformance keys` writes it: valid after every step, whoever comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.attest.keys import KeyPair
from conformance.attest.policy import Policy, read_policy
from conformance.cli.home import trust_policy
from conformance.cli.signing import trust
from conformance.errors import ConfigError

ED25519 = "ed25519"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_HOME", str(tmp_path))


def policy() -> Policy:
    return read_policy(trust_policy())


@pytest.mark.parametrize("roles", [("laboratory", "self-tester"), ("self-tester", "laboratory")])
def test_keys_of_both_roles_may_come_in_any_order(roles: tuple[str, str]) -> None:
    for role in roles:
        trust(KeyPair.new(ED25519).public, f"a {role}", (role,))
        assert role in {name for key in policy().keys for name in key.roles}
    assert {role.name: role.modes for role in policy().roles} == {
        "laboratory": ("audit",),
        "self-tester": ("self-test",),
    }


def test_trusting_a_key_again_changes_nothing() -> None:
    key = KeyPair.new(ED25519).public
    trust(key, "one", ("laboratory",))
    before = trust_policy().read_text()
    trust(key, "two", ("laboratory",))
    assert trust_policy().read_text() == before


def test_another_role_for_a_known_key_is_for_its_reader_to_write() -> None:
    key = KeyPair.new(ED25519).public
    trust(key, "one", ("self-tester",))
    with pytest.raises(ConfigError, match="trusted already, as self-tester, not as laboratory"):
        trust(key, "one", ("laboratory",))
    assert [item.roles for item in policy().keys] == [("self-tester",)]
