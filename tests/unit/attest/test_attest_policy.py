"""The trust policy file: all its mistakes at once, and what it means when it has none."""

import datetime
from pathlib import Path

import pytest

from conformance.attest.keys import P256, KeyPair
from conformance.attest.policy import MODES, read_policy, trusting
from conformance.errors import ConfigError, FileProblems

ONE, TWO = KeyPair.new(), KeyPair.new(P256)


def key(pair: KeyPair, name: str = "lab key", roles: str = '"lab"', more: str = "", algorithm: str = "") -> str:
    return (
        f'[[keys]]\nname = "{name}"\nroles = [{roles}]\nalgorithm = "{algorithm or pair.algorithm}"\n{more}\n'
        f"public_key = '''\n{pair.public.pem}'''\n"
    )


ROLE = '[[roles]]\nname = "lab"\nthreshold = 1\nmodes = ["audit"]\n'


def policy(*parts: str) -> str:
    return "\n".join(('schema = "conformance/trust-policy/v1"', *parts))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trust.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(FileProblems) as caught:
        read_policy(written(tmp_path, text))
    assert caught.value.exit_code == 2
    assert "trust.toml" in caught.value.diagnostics()
    return [(problem.path, f"{problem.found}; {problem.expected}") for problem in caught.value.problems]


def test_a_policy_and_what_it_means(tmp_path: Path) -> None:
    accept = '[accept]\nevidence = "required"\ntimestamp = "not required"\n'
    dates = "valid_from = 2026-01-01\nvalid_until = 2026-12-31"
    found = read_policy(written(tmp_path, policy(accept, ROLE, key(ONE, more=dates), key(TWO, "second"))))
    first, second = found.keys
    assert found.demands == {"evidence"}
    assert [role.threshold for role in found.roles_for("audit")] == [1]
    assert found.roles_for("self-test") == ()
    assert first.public.keyid == ONE.keyid
    assert first.valid_at(datetime.datetime(2026, 12, 31, 23, 59, tzinfo=datetime.UTC))
    assert not first.valid_at(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))
    assert not first.valid_at(datetime.datetime(2025, 12, 31, 23, 59, tzinfo=datetime.UTC))
    assert second.valid_at(datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC))


def test_times_with_a_zone_are_exact(tmp_path: Path) -> None:
    text = policy(ROLE, key(ONE, more="valid_until = 2026-06-01T12:00:00+08:00"))
    (trusted,) = read_policy(written(tmp_path, text)).keys
    assert trusted.valid_at(datetime.datetime(2026, 6, 1, 3, 59, tzinfo=datetime.UTC))
    assert not trusted.valid_at(datetime.datetime(2026, 6, 1, 4, 0, tzinfo=datetime.UTC))


def test_every_mistake_of_form_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        'schema = "v9"\nextra = 1\n[accept]\ntimestamp = "maybe"\n' + ROLE.replace("1", "0") + key(ONE, algorithm="rsa")
    )
    found = problems(tmp_path, text)
    assert {place for place, _ in found} == {
        "$",
        "$.schema",
        "$.accept.timestamp",
        "$.roles[0].threshold",
        "$.keys[0].algorithm",
    }


def test_every_mistake_of_meaning_is_reported_at_once(tmp_path: Path) -> None:
    text = policy(
        ROLE.replace("threshold = 1", "threshold = 5"),
        ROLE,
        key(ONE, roles='"lab", "nobody"', more="valid_until = 2026-01-01T00:00:00"),
        key(ONE, "the same again"),
        key(TWO, algorithm="ed25519"),
        key(TWO).replace("BEGIN", "BEGAN"),
    )
    found = dict(problems(tmp_path, text))
    assert set(found) == {
        "$.keys[0].roles",
        "$.keys[0].valid_until",
        "$.keys[1].public_key",
        "$.keys[2].algorithm",
        "$.keys[3].public_key",
        "$.roles[0].threshold",
        "$.roles",
    }
    assert "the same key as $.keys[0]" in found["$.keys[1].public_key"]
    assert "at most 4" in found["$.roles[0].threshold"]


@pytest.mark.parametrize("missing", ["schema", "roles", "keys"])
def test_missing_parts(tmp_path: Path, missing: str) -> None:
    parts = {"schema": 'schema = "conformance/trust-policy/v1"', "roles": ROLE, "keys": key(ONE)}
    text = "\n".join(text for name, text in parts.items() if name != missing)
    assert any(missing in words for _, words in problems(tmp_path, text))


def test_files_that_are_no_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_policy(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_policy(written(tmp_path, "schema = = 1"))
    with pytest.raises(ConfigError, match="larger than"):
        read_policy(written(tmp_path, "#" * 1_100_000))
    (tmp_path / "trust.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_policy(tmp_path / "trust.toml")


def test_trusting_one_key_accepts_it_for_every_mode() -> None:
    found = trusting(ONE.public, "mine", evidence=True)
    assert all(found.roles_for(mode) for mode in MODES)
    assert found.demands == {"evidence"}
    assert found.keys[0].valid_at(datetime.datetime.now(datetime.UTC))
