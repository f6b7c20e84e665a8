"""What the doctor and a run must say before anything is sent: secrets, certificates and users that are not there."""

import json
import socket
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conformance.candidate.doctor import Row
from conformance.candidate.listening import require_listening
from conformance.cli.main import main
from conformance.engine.preflight import Preflight, preflight
from conformance.engine.profiles import find_profile
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


def test_every_variable_that_is_not_set_is_named_with_its_place_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "a"\nversion = "1"\nbase_url = "http://127.0.0.1:9"\n[users.alice]\nkey = { env = "MAP_FIRST" }\n'
        '[[pool]]\nid = "1"\nowner = "alice"\ncredentials = { password = { env = "MAP_SECOND" } }\n',
        encoding="utf-8",
    )
    for name in ("MAP_FIRST", "MAP_SECOND"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError) as caught:
        require_secrets(read_candidate(path), {})
    assert caught.value.where == str(path.resolve())
    assert caught.value.summary.endswith("MAP_FIRST ([users.alice].key), MAP_SECOND ([[pool]][0].credentials.password)")
    require_secrets(read_candidate(path), {"MAP_FIRST": "x", "MAP_SECOND": "y"})


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


MINT = """
name = "Mint"
version = "1"
base_url = "http://127.0.0.1:9"
[users.alice]
[mapping]
contract = "none"
[operations]
"payments.cancel" = false
"payments.refund" = false
[operations."payments.create"]
method = "POST"
path = "/quotes"
body = { amount = "{amount}" }
"""


@pytest.fixture
def mint(tmp_path: Path) -> Preflight:
    path = tmp_path / "candidate.toml"
    path.write_text(MINT, encoding="utf-8")
    return preflight(path, find_profile("payment-product"), offline=True)


def remedies(found: Preflight, reason: str) -> list[str]:
    return [gap.remedy for item in found.coverage for gap in item.gaps if gap.reason == reason]


def test_false_is_not_offered_where_the_profile_requires_the_operation(mint: Preflight) -> None:
    assert remedies(mint, "the candidate does not offer login") == [
        'map [operations."login"] (profile payment-product requires SEC-D01, SEC-D13, SEC-D03:'
        " `false` would change nothing)"
    ]
    assert remedies(mint, "the candidate does not offer payments.cancel, payments.refund") == [
        "payments.cancel and payments.refund = false changes nothing here: profile payment-product requires SEC-V11"
    ]


def test_another_user_is_advised_only_where_it_would_be_another_caller(mint: Preflight) -> None:
    [remedy] = remedies(mint, "candidate.toml has no user signer; add [users.signer]")
    assert remedy.startswith("only where the product can tell it apart")


def test_what_cannot_be_told_of_single_checks_is_told_as_a_gap(mint: Preflight) -> None:
    assert [item.text.partition(",")[0].partition(":")[0] for item in mint.warnings] == [
        "no accounts",
        "nothing of the caller's own can be read",
        "nothing shows what a payment did",
        "payments.create places idempotency_key nowhere",
        "base_url is http",
        "[declared] is empty",
    ]
    assert mint.good, "a gap leaves something untested, and stops no run"


def test_the_doctor_breaks_no_variable_no_option_and_no_quoted_command(
    mint: Preflight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = 'POST /jrpc  {"id":"1","method":"list","params":{"key":"${LEDGER_KEY}","other":"${LEDGER_OTHER_KEY}"}}'
    advice = ("accounts.list gave none: make one in the test environment, or run `conformance doctor --write`",)
    row = Row("accounts.list", "refused", "refused (HTTP 200)", sent=sent, hints=advice)
    monkeypatch.setattr("conformance.engine.preflight.preflight", lambda *_, **__: replace(mint, rows=(row,)))
    (tmp_path / "candidate.toml").write_text(MINT, encoding="utf-8")
    for width in range(40, 130, 7):
        monkeypatch.setenv("COLUMNS", str(width))
        exit_code(monkeypatch, "doctor", "--offline", "-c", str(tmp_path / "candidate.toml"))
        said = capsys.readouterr().out
        for whole in (sent.split()[-1], "`conformance doctor --write`", "ready: fix the lines", "idempotency_key"):
            assert whole in said, width


class Bank(BaseHTTPRequestHandler):
    """A bank that opens accounts and pays, and whose payments cannot be read."""

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        paid = {"id": "p-1", "state": "confirmed", "amount": 101, "currency": "CNY"}
        self._answer(paid if self.path == "/payments" else {"id": "a-1"})

    def do_GET(self) -> None:
        self._answer({"id": "p-1"})

    def _answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_what_the_proof_found_broken_is_told_once(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bank)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    path = tmp_path / "candidate.toml"
    path.write_text(
        f'name = "Bank"\nversion = "1"\nbase_url = "http://127.0.0.1:{server.server_port}"\n'
        'supports = ["accounts.open", "payments.create"]\n[users.alice]\n'
        '[operations."payments.read"]\npath = "/payments/{payment}"\nresult = { id = "$.id", amount = "$.sum" }\n',
        encoding="utf-8",
    )
    try:
        found = preflight(path, find_profile("payment-product"), write=True)
    finally:
        server.shutdown()
        server.server_close()
    assert [row.state for row in found.rows if row.operation == "payments.read"] == ["broken"]
