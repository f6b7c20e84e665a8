"""Scripts of failed checks: what is quoted stays quoted, ids are followed, secrets stay variables."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.candidate.curl import curl_line, raw_line
from conformance.candidate.secrets import Secrets
from conformance.sdk.load import WireRequest
from conformance_reports.command_words import quoted, words
from conformance_reports.reproduce import render, script

PROFILE = "payment-product"
PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(body=PLAIN, value=PLAIN)
def test_words_survive_being_read_and_quoted_again(body: str, value: str) -> None:
    request = WireRequest("POST", "http://127.0.0.1/x", (("X-Note", value), ("X-Key", "s3cret-value")), body.encode())
    secrets = Secrets()
    secrets.remember("s3cret-value", "SHOP_KEY")

    read = words(curl_line(request, "", secrets))

    texts = ["".join("${" + p.text + "}" if p.variable else p.text for p in word) for word in read]
    assert texts[:2] == ["curl", "-X"]
    assert (f"X-Note: {value}" if value.strip(" ") else "X-Note;") in texts
    assert "X-Key: ${SHOP_KEY}" in texts
    assert [word for word in read if any(p.variable for p in word)] == [read[texts.index("X-Key: ${SHOP_KEY}")]]


def test_what_a_shell_makes_of_hostile_text_is_that_text() -> None:
    hostile = "'; touch /tmp/x; $(id) `id` ${HOME} \\ \" !x"
    request = WireRequest("POST", "http://127.0.0.1/", (), hostile.encode())
    again = " ".join(quoted(word) for word in words(curl_line(request, "", Secrets())))
    done = subprocess.run(["bash", "-c", f"printf '%s' {again.split(' --data-binary ')[1]}"], capture_output=True)
    assert done.stdout.decode() == hostile


def exchange(number: int, start: str, status: int, body: str) -> dict[str, Any]:
    return {
        "seq": number, "kind": "http", "req": {"start": start, "headers": [], "body": ""},
        "resp": {"start": f"HTTP/1.1 {status} OK", "headers": [], "body": body},
    }  # fmt: skip


def test_ids_tokens_and_unique_values_are_made_anew() -> None:
    unique = "key-" + "a1" * 10
    row = {
        "check": "X-1", "title": {"en": "t\nrm -rf"}, "reason": "r", "expected": None, "actual": None,
        "outcome": "failed", "exchanges": [[4, 6]],
        "curl": [
            "curl -X POST http://h/token --data-binary \"secret=${ALICE_SECRET}\"",
            f"curl -X POST http://h/pay -H \"Authorization: Bearer ${{ALICE_TOKEN}}\" -H 'Idempotency-Key: {unique}'",
            "curl -X GET http://h/pay/pay-12345 -H \"Authorization: Bearer ${ALICE_TOKEN}\"",
        ],
    }  # fmt: skip
    records = {
        4: exchange(4, "POST /token HTTP/1.1", 200, '{"access_token": "[redacted]"}'),
        5: exchange(5, "POST /pay HTTP/1.1", 201, '{"data": {"id": "pay-12345"}}'),
        6: exchange(6, "GET /pay/pay-12345 HTTP/1.1", 200, "{}"),
    }

    text = script(row, records.get, PROFILE)

    assert "need ALICE_SECRET " in text
    assert "need ALICE_TOKEN " not in text
    assert "ALICE_TOKEN=$(pick access_token)" in text
    assert "ANSWER_5_DATA_ID=$(pick data id)" in text
    assert 'http://h/pay/"${ANSWER_5_DATA_ID}"' in text
    assert unique not in text
    assert '"${FRESH}"' in text
    assert "\nrm -rf" not in text
    assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0


def text_of(*pairs: tuple[str, dict[str, Any]], cited: list[list[int]] | None = None) -> str:
    """Return the script of a check with these commands and exchanges."""
    records = {record["seq"]: record for _, record in pairs}
    row = {
        "check": "X-6", "title": {"en": "t"}, "reason": "r", "outcome": "failed",
        "exchanges": cited or [[min(records), max(records)]],
        "curl": [command for command, _ in pairs], "curlExchanges": list(records),
    }  # fmt: skip
    return script(row, records.get, PROFILE)


def test_a_products_ids_are_followed_though_they_look_like_what_the_harness_makes() -> None:
    consent, ours = "con-" + "b2" * 10, "key-" + "a1" * 10
    text = text_of(
        (f"curl -H 'Key: {ours}' http://h/consents", exchange(4, "POST /", 201, f'{{"id":"{consent}"}}')),
        (f"curl -H 'Consent-Id: {consent}' http://h/a", exchange(5, "GET /", 200, "{}")),
    )
    assert "ANSWER_4_ID=$(pick id)" in text
    assert "'Consent-Id: '\"${ANSWER_4_ID}\"" in text
    assert "'Key: key-a1a1a1a1'\"${FRESH}\"" in text


def test_a_secret_of_the_callers_own_is_not_taken_from_somebody_elses_answer() -> None:
    """Both names end alike; only one of them was fetched."""
    given = '{"access_token":"[redacted]"}'
    text = text_of(
        ("curl --data-binary client_id=auditor http://h/token", exchange(4, "POST /token", 200, given)),
        ('curl -H "Authorization: Bearer ${MY_CONTROL_TOKEN}" http://h/hook', exchange(5, "POST /hook", 200, "{}")),
        ('curl -H "Authorization: Bearer ${AUDITOR_TOKEN}" http://h/audit', exchange(6, "GET /audit", 200, "{}")),
    )
    assert "AUDITOR_TOKEN=$(pick access_token)" in text
    assert "need MY_CONTROL_TOKEN" in text
    assert "need AUDITOR_TOKEN" not in text


def test_a_secret_under_a_members_name_comes_from_the_answer_that_gave_it() -> None:
    text = text_of(
        ("curl http://h/factors", exchange(4, "POST /factors", 201, '{"id":"f","code":"[redacted]"}')),
        ('curl --data-binary \'{"code":"\'"${ALICE_TOKEN}"\'"}\' http://h/c', exchange(5, "POST /c", 200, "{}")),
    )
    assert "ANSWER_4_CODE=$(pick code)" in text
    assert '"${ANSWER_4_CODE}"' in text
    assert "ALICE_TOKEN" not in text


def test_requests_of_other_checks_stand_in_a_script_only_for_what_they_give() -> None:
    given = '{"access_token":"[redacted]"}'
    text = text_of(
        ("curl --data-binary client_id=alice http://h/token", exchange(1, "POST /token", 200, given)),
        ("curl --data-binary alice http://h/other", exchange(2, "POST /other", 200, "{}")),
        ('curl -H "Authorization: Bearer ${ALICE_TOKEN}" http://h/a', exchange(7, "GET /a", 200, "{}")),
        cited=[[7, 7]],
    )
    assert "ALICE_TOKEN=$(pick access_token)" in text
    assert "exchange 2" not in text


def test_what_the_evidence_does_not_keep_is_asked_for_before_anything_is_sent(tmp_path) -> None:
    row = {
        "check": "X-2", "title": {"en": "t"}, "reason": "r", "expected": None, "actual": None,
        "outcome": "failed", "exchanges": [[7, 7]],
        "curl": ["curl -X POST http://h/par -H 'DPoP: [redacted]' --data-binary 'a=1&client_assertion=[redacted]'"],
    }  # fmt: skip
    path = tmp_path / "X-2.sh"
    path.write_text(script(row, {7: exchange(7, "POST /par HTTP/1.1", 201, "{}")}.get, PROFILE), encoding="utf-8")

    # A shell that is not bash hands over to it.
    done = subprocess.run(
        ["sh", str(path)], capture_output=True, text=True, timeout=30, check=False, env=BARE, cwd=tmp_path
    )

    assert done.returncode == 2
    assert "CLIENT_ASSERTION_7 is not set; export it: client_assertion of exchange 7 as it was, or a new" in done.stderr
    assert "DPOP_7 is not set" in done.stderr
    assert done.stderr.startswith("there is no command none to check again with: name it in CONFORMANCE\n")
    assert done.stdout == ""


#: The surroundings of a script on a machine without the harness.
BARE = {"PATH": os.environ["PATH"], "CONFORMANCE": "none"}


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    """A candidate file and a command that leaves the report put beside it, and what it was called with."""
    (tmp_path / "candidate.toml").write_text("")
    command = tmp_path / "harness"
    command.write_text('#!/bin/sh\necho "$@" > called\nprintf \'{"run": "."}\'\n')
    command.chmod(0o755)
    return command


def by(harness: Path, command: str, *outcomes: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script of a failure where the harness comes to these outcomes of these checks."""
    rows = [{"check": check, "outcome": outcome, "reason": "it is so"} for check, outcome in outcomes]
    (harness.parent / "report.json").write_text(json.dumps({"predicate": {"outcomes": rows}}))
    row = {
        "check": "X-$(id)", "title": {"en": "t"}, "reason": "r", "outcome": "failed", "exchanges": [[7, 7]],
        "curl": [command],
    }  # fmt: skip
    return subprocess.run(
        ["bash", "-c", script(row, {7: exchange(7, "POST /", 0, "")}.get, "a profile")],
        env={"PATH": os.environ["PATH"], "CONFORMANCE": str(harness)},
        cwd=harness.parent, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


LACKING = "curl http://127.0.0.1:9/par -H 'DPoP: [redacted]'"
SIGNED = "curl http://127.0.0.1:9/pay -H 'Signature: sig1=:aa:'"


@pytest.mark.parametrize("command", [LACKING, SIGNED])
@pytest.mark.parametrize(
    ("outcome", "code", "said"), [("failed", 0, "failed, as recorded: it is so"), ("passed", 1, "passed: it is so")]
)
def test_what_no_script_can_make_the_harness_makes_and_checks_anew(
    harness: Path, command: str, outcome: str, code: int, said: str
) -> None:
    done = by(harness, command, ("X-$(id)", outcome), ("X-1", "passed"))

    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert "exchange 7" not in done.stdout
    called = (harness.parent / "called").read_text()
    assert called.startswith("run -c candidate.toml -p a profile --check X-$(id) ")


def test_where_the_harness_decides_nothing_what_was_signed_is_sent_as_it_was(harness: Path) -> None:
    done = by(harness, SIGNED, ("X-$(id)", "inconclusive"))
    assert "inconclusive: it is so" in done.stdout
    assert "exchange 7" in done.stdout
    assert done.returncode == 0  # nobody answers, as was recorded


@pytest.mark.parametrize("outcomes", [(), (("X-$(id)", "inconclusive"),)])
def test_where_the_harness_decides_nothing_what_is_lacking_is_not_sent(harness: Path, outcomes) -> None:
    done = by(harness, LACKING, *outcomes)
    assert "exchange 7" not in done.stdout
    assert done.returncode == 2


def test_the_harness_is_given_the_candidate_file_that_there_is(harness: Path) -> None:
    (harness.parent / "candidate.toml").unlink()
    done = by(harness, LACKING, ("X-$(id)", "failed"))
    assert done.returncode == 2
    assert "there is no file candidate.toml for" in done.stderr
    assert not (harness.parent / "called").exists()


def test_a_script_ends_by_saying_what_to_compare() -> None:
    row = {
        "check": "X-3", "title": {"en": "t"}, "reason": "it's paid twice", "expected": "1 id", "actual": "8 ids",
        "outcome": "failed", "exchanges": [], "curl": [],
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", script(row, {}.get, PROFILE)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("compare:\nit's paid twice; expected: 1 id; recorded: 8 ids\n")


class Keeper:
    """A plain TCP server that keeps what one connection brings, answers twice, and leaves the connection open."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.kept = b""
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(10)
        while not self.kept.endswith(b"END"):
            self.kept += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 400 Bad Request\r\n\r\n")
        self.done.wait(20)
        connection.close()


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    server = Keeper()
    yield server
    server.done.set()
    server.thread.join(20)
    server.listener.close()


def ran(text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ["bash", "-c", text], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("answered", ["201 400", "201", "400"])
def test_raw_bytes_go_over_plain_tcp_as_they_were_sent(keeper: Keeper, answered: str) -> None:
    secrets = Secrets()
    secrets.remember("50%d\\n$(id)", "ALICE_TOKEN")
    unique = "key-" + "a1" * 10
    sent = f"POST / HTTP/1.1\r\nX: {unique} 100% \\ '\"$`\x00\xe9\r\nToken: 50%d\\n$(id)\r\n\r\nEND".encode("latin-1")
    received = "".join(f"HTTP/1.1 {status} OK\r\n\r\n" for status in answered.split())
    row = {
        "check": "X-4", "title": {"en": "t"}, "reason": "r", "outcome": "failed",
        "exchanges": [[3, 5]], "curlExchanges": [4],
        "curl": [raw_line(sent, ("127.0.0.1", keeper.port), None, secrets)],
    }  # fmt: skip
    records = {
        3: exchange(3, "GET / HTTP/1.1", 200, ""),
        4: {"seq": 4, "kind": "raw", "req": {"start": "TCP h", "body": ""}, "resp": {"start": "", "body": received}},
        5: exchange(5, "GET / HTTP/1.1", 200, ""),
    }

    done = ran(script(row, records.get, PROFILE), ALICE_TOKEN="50%d\\n$(id)", FRESH="b2" * 6)

    assert keeper.kept == sent.replace(unique.encode(), b"key-" + b"a1" * 4 + b"b2" * 6)
    assert done.stderr == ""
    alike = answered.startswith("201")
    assert done.returncode == (0 if alike else 1), done.stdout
    said = "as recorded" if alike else "recorded was 400"
    assert f"    201 400, {said}; the connection: still open\n" in done.stdout


@contextlib.contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A product that answers everything 200 and with one body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.mark.parametrize(
    ("recorded", "now", "alike"),
    [
        ('{"result": 1, "id": 4}', '{"id": 9, "result": 7}', True),
        ('{"result": 1, "id": 4}', '{"id": 9, "error": {"code": -32000}}', False),
        ('{"code": "0", "data": null}', '{"code": 0, "data": {}}', True),
        ('{"retCode": "0", "data": null}', '{"retCode": "E7", "data": null}', False),
        ('{"state": "pending"}', '{"state": "confirmed"}', True),
        ('{"code": "[redacted]"}', '{"code": "482917"}', True),
        ('{"code": "0"}', "sorry", False),
        ("[1]", "[]", True),
    ],
)
def test_a_refusal_inside_a_200_is_not_as_recorded(recorded: str, now: str, alike: bool) -> None:
    with answering(now.encode()) as url:
        done = ran(text_of((f"curl {url}", exchange(4, "GET /", 200, recorded))))
    assert done.returncode == (0 if alike else 1), done.stdout
    assert ("of another kind" in done.stdout) is not alike
    assert done.stderr == ""


def test_names_that_stand_in_answers_are_no_ids() -> None:
    text = text_of(
        (
            "curl http://h/info",
            exchange(4, "GET /info", 200, '{"method": "bolt11", "hash": "sha256", "id": "q-12345"}'),
        ),
        ("curl http://h/quote/bolt11/q-12345", exchange(5, "GET /quote", 200, "{}")),
    )
    assert 'http://h/quote/bolt11/"${ANSWER_4_ID}"' in text


def test_old_reports_have_commands_for_http_alone() -> None:
    raw = {"seq": 5, "kind": "raw", "req": {"start": "TLS h:1", "body": ""}, "resp": None}
    row = {
        "check": "X-5", "title": {"en": "t"}, "reason": "r", "outcome": "failed", "exchanges": [[4, 6]],
        "curl": ["curl -X GET http://h/4", 'printf "x" | openssl s_client -connect h:1', "curl -X GET http://h/6"],
    }  # fmt: skip
    records = {4: exchange(4, "GET /4 HTTP/1.1", 204, ""), 5: raw, 6: exchange(6, "GET /6 HTTP/1.1", 202, "")}

    text = script(row, records.get, PROFILE)

    assert "ask 204 '' curl -X GET http://h/4\n" in text
    assert "ask 202 '' curl -X GET http://h/6\n" in text
    assert "openssl" not in text


class Evidence:
    """Records whose bodies are kept elsewhere."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = bodies

    def __call__(self, number: int) -> dict[str, Any]:
        record = exchange(number, "POST / HTTP/1.1", 400, "")
        record["req"]["body"] = {"stored": str(number), "size": 1}
        return record

    def stored(self, name: str) -> bytes:
        return self.bodies[int(name)]


def test_bodies_that_are_no_line_of_text_are_beside_the_script_and_say_what_is_masked(
    statement: dict[str, Any], tmp_path: Path
) -> None:
    command = "curl -X POST http://h/ -H 'Signature-Input: sig1=();created=1' --data-binary @body.bin"
    first, *others = statement["predicate"]["outcomes"]
    first |= {"outcome": "failed", "exchanges": [[0, 1]], "curl": [command] * 2, "curlExchanges": [0, 1]}
    for row in others:
        row["curl"] = []

    written = render(statement, tmp_path, Evidence(b"\xff\x00 [redacted]", b"\xfe" * 3000))

    text = written[0].read_text("utf-8")
    assert [path.name for path in written] == [f"{first['check']}{end}" for end in (".sh", ".0.bin", ".1.bin")]
    assert written[2].read_bytes() == b"\xfe" * 3000
    assert f'--data-binary @"$here"/{written[2].name}\n' in text
    assert text.count("it is not quite what was sent") == 1
    assert "part of the bodies of exchanges 0, which lie beside" in text
    assert "# Its requests are signed, which ends" in text
    assert subprocess.run(["bash", "-n", str(written[0])], check=False).returncode == 0
