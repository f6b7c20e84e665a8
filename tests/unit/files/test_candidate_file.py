"""candidate.toml: every mistake is reported at once, with its place and what would be right."""

from pathlib import Path

import pytest

from conformance.errors import ConfigError, FileProblems
from conformance.files.candidate_file import find_candidate, named_files, named_secrets, read_candidate
from conformance.model.candidate import Effect

GOOD = """
name = "Acme Pay"
version = "4.2.0"
base_url = "https://sandbox.example.com/v2"
supports = ["accounts", "payments"]
[auth]
scheme = "bearer"
[users.alice]
token = { env = "ACME_TOKEN" }
[scope]
effects = "money"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "candidate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str) -> str:
    with pytest.raises(FileProblems) as caught:
        read_candidate(write(tmp_path, text))
    return caught.value.diagnostics()


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    candidate = read_candidate(write(tmp_path, GOOD))
    assert candidate.name == "Acme Pay"
    assert candidate.scope.effects is Effect.MONEY
    assert candidate.users["alice"]["token"] == {"env": "ACME_TOKEN"}
    assert candidate.limits.timeout_s == 10
    assert candidate.path == (tmp_path / "candidate.toml").resolve()


def test_all_mistakes_are_told_together_with_their_places(tmp_path: Path) -> None:
    text = GOOD.replace('version = "4.2.0"', "version = 4") + '[limits]\ntimeout = 5\n[endpoints]\nnode1 = "ftp://x"\n'
    told = problems(tmp_path, text)
    assert "3 mistakes" in told
    assert "$.version: integer 4; expected string" in told
    assert "unknown key 'timeout'" in told
    assert "did you mean 'timeout_s'?" in told
    assert "$.endpoints.node1: 'ftp://x'; expected an http:// or https:// URL" in told
    assert "conformance doctor" in told


def test_a_written_secret_is_refused_and_not_repeated(tmp_path: Path) -> None:
    told = problems(tmp_path, GOOD.replace('{ env = "ACME_TOKEN" }', '"s3cr3t-value"'))
    assert "$.users.alice.token: a secret written in the file" in told
    assert "s3cr3t-value" not in told


def test_the_production_switch_allows_reading_only(tmp_path: Path) -> None:
    candidate = read_candidate(write(tmp_path, GOOD + "production = true\n"))
    assert candidate.scope.ceiling() is Effect.READ


@pytest.mark.parametrize("text", ['name = \nversion = "1"\n', 'name = "a"\nname = "b"\nversion = "1"\n'])
def test_malformed_toml_names_the_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"not valid TOML: .*line [12]"):
        read_candidate(write(tmp_path, text))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "candidate.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_candidate(path)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_candidate(tmp_path / "none.toml")
    assert "conformance init" in caught.value.diagnostics()
    assert caught.value.exit_code == 2


POOL = """
[[pool]]
id = "a1"
owner = "alice"
balance = 5
[[pool]]
id = "a2"
owner = "alice"
credentials = { password = { env = "A2_PASSWORD" }, private_key = { file = "a2.pem" } }
"""


def test_every_variable_is_known_with_the_place_that_names_it(tmp_path: Path) -> None:
    text = POOL + '[hooks.stop]\nurl = "http://h"\ntoken = { env = "HOOK" }\n[signing]\nkey = { env = "ACME_TOKEN" }\n'
    candidate = read_candidate(write(tmp_path, GOOD + text))
    assert named_secrets(candidate) == {
        "ACME_TOKEN": "[users.alice].token",
        "A2_PASSWORD": "[[pool]][1].credentials.password",
        "HOOK": "[hooks.stop].token",
    }
    assert [path.name for path in named_files(candidate)] == ["a2.pem"]


def test_an_account_that_no_check_could_lease_is_a_mistake(tmp_path: Path) -> None:
    text = POOL.replace('"alice"', '"bob"', 1).replace('id = "a2"', "balance = 1.5")
    told = problems(tmp_path, GOOD + text)
    assert "$.pool[0].owner: 'bob'; expected one of alice under [users] (or add [users.bob])" in told
    assert "$.pool[1].id: None; expected the account's id" in told
    assert "$.pool[1].balance: 1.5; expected a whole number of minor units" in told


def test_a_secret_of_an_account_is_not_written_either(tmp_path: Path) -> None:
    told = problems(tmp_path, GOOD + POOL.replace('{ env = "A2_PASSWORD" }', '"s3cr3t-value"'))
    assert "$.pool[1].credentials.password: a secret written in the file" in told
    assert "s3cr3t-value" not in told
