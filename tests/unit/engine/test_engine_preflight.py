"""What the doctor and a run must say before anything is sent: secrets, certificates and users that are not there."""

import socket
import sys
from pathlib import Path

import pytest

from conformance.candidate.listening import require_listening
from conformance.cli.main import main
from conformance.engine.run import require_secrets
from conformance.errors import ConfigError
from conformance.files.candidate_file import named_files, read_candidate
from conformance.model.candidate import CandidateFile

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


def bound_port() -> tuple[socket.socket, int]:
    """Return a port that is taken, so that nobody else begins to listen there."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, int(taken.getsockname()[1])


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Run the command line in this process and return the code it ends with."""
    monkeypatch.setattr(sys, "argv", ["conformance", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def written(folder: Path, base_url: str) -> Path:
    path = folder / "candidate.toml"
    path.write_text(
        f'name = "Stopped"\nversion = "1"\nbase_url = "{base_url}"\n'
        '[operations."payments.list"]\nmethod = "GET"\npath = "/payments"\n',
        encoding="utf-8",
    )
    return path


def test_a_product_that_is_not_running_is_told_before_anything_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONFORMANCE_HOME", str(tmp_path))
    taken, port = bound_port()
    with taken:
        base_url = f"http://127.0.0.1:{port}"
        path = written(tmp_path, base_url)
        assert exit_code(monkeypatch, "run", "-c", str(path), "--suite", "security") == 2
        said = capsys.readouterr().err
        assert exit_code(monkeypatch, "doctor", "-c", str(path)) == 2
        doctor = capsys.readouterr().out
    for text in (said, doctor):
        assert f"nothing listens at base_url {base_url}" in text
        assert "Start the product, or correct base_url" in text
        assert "conformance doctor" in text
    assert not list((tmp_path / ".conformance" / "runs").glob("*")), "no run was begun"


@pytest.mark.parametrize("base_url", ["", "program:wallet", "https://no-such-host.invalid", "http://127.0.0.1:99999"])
def test_whatever_else_is_wrong_with_an_address_is_left_to_the_driver(tmp_path: Path, base_url: str) -> None:
    require_listening(CandidateFile("x", "1", base_url))


def test_a_product_that_listens_is_let_pass(tmp_path: Path) -> None:
    taken, port = bound_port()
    with taken:
        taken.listen()
        require_listening(read_candidate(written(tmp_path, f"http://localhost:{port}")))
