"""What the doctor and a run must say before anything is sent: secrets, certificates and users that are not there."""

from pathlib import Path

import pytest

from conformance.engine.run import require_secrets
from conformance.errors import ConfigError
from conformance.files.candidate_file import named_files, read_candidate

FILE = """
name = "Example Login"
version = "1.0.0"
driver = "oauth"
base_url = "https://login.example.com"
[tls]
ca = "root.pem"
[users.first]
scheme = "none"
client_cert = "first.pem"
[declared.security.oauth.clients.first]
key = { file = "first.jwk" }
"""


def test_every_file_that_a_candidate_names_is_known(tmp_path: Path) -> None:
    path = tmp_path / "candidate.toml"
    path.write_text(FILE, encoding="utf-8")

    assert {item.name for item in named_files(read_candidate(path))} == {"root.pem", "first.pem", "first.jwk"}


def test_a_file_that_is_not_there_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "candidate.toml"
    path.write_text(FILE, encoding="utf-8")
    for name in ("root.pem", "first.jwk"):
        (tmp_path / name).write_text("x", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"do not exist: .*first\.pem$"):
        require_secrets(read_candidate(path), {})

    (tmp_path / "first.pem").write_text("x", encoding="utf-8")
    require_secrets(read_candidate(path), {})
