"""Programs as candidates: what they answer, and every way in which they can fail to."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from candidate_product import Ears

from conformance.candidate.open import bind
from conformance.candidate.stdio import DRIVER
from conformance.errors import ConfigError, FileProblems
from conformance.model.candidate import CandidateFile, Effect, Limits, Scope
from conformance.sdk import Accepted, Broken, Candidate, NotTested, Refused

#: Answers by the argument ``do``.
PROGRAM = """
import json, os, sys, time
print("starting", file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    what = message["arguments"].get("do")
    if what == "crash":
        print("out of cheese", file=sys.stderr, flush=True)
        os._exit(3)
    elif what == "hang":
        time.sleep(60)
    elif what == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif what == "refuse":
        print(json.dumps({"refused": {"code": "bad-crc", "detail": "no"}}), flush=True)
    elif what == "garbage":
        print("{", flush=True)
    elif what == "shape":
        print("[]", flush=True)
    elif what == "error":
        print(json.dumps({"error": "internal"}), flush=True)
    elif what == "twice":
        print(json.dumps({"result": {}}) + "\\n" + json.dumps({"result": {"late": True}}), flush=True)
    elif what == "environment":
        print(json.dumps({"result": dict(os.environ)}), flush=True)
    else:
        print(json.dumps({"result": {"echo": message, "pid": os.getpid()}}), flush=True)
"""

Bind = Callable[..., Candidate]


@pytest.fixture
def program(tmp_path: Path, ears: Ears) -> Iterator[Bind]:
    (tmp_path / "product.py").write_text(PROGRAM)
    made: list[Candidate] = []

    def make(**sections: Any) -> Candidate:
        given = {
            "driver": "stdio",
            "supports": ("codes",),
            "stdio": {"command": [sys.executable, "product.py"]},
            "limits": Limits(timeout_s=5, response_bytes_max=300_000),
            "path": tmp_path / "candidate.toml",
            **sections,
        }
        made.append(bind(CandidateFile("QR", "1", "", **given), ears, {"stdio": DRIVER}))
        return made[-1]

    yield make
    for candidate in made:
        candidate.driver.close()


def test_a_line_in_is_a_line_out(program: Bind, ears: Ears) -> None:
    candidate = program(users={"alice": {}})
    answer = candidate.call("codes.parse", payload="000201")
    assert isinstance(answer, Accepted)
    assert answer.value["echo"] == {"operation": "codes.parse", "arguments": {"payload": "000201"}, "user": "alice"}
    assert (answer.exchange.seq, ears.sightings[0].kind, ears.sightings[0].request.start) == (1, "stdio", "codes.parse")
    again = candidate.call("codes.parse", payload="0")
    assert isinstance(again, Accepted)
    assert again.value["pid"] == answer.value["pid"]


def test_a_refusal_has_a_code(program: Bind) -> None:
    answer = program().call("codes.parse", do="refuse")
    assert isinstance(answer, Refused)
    assert (answer.code, answer.value["detail"]) == ("bad-crc", "no")


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("crash", "connection", "status 3: starting\nout of cheese"),
        ("garbage", "unparseable", "not JSON"),
        ("shape", "schema", "expected"),
        ("error", "server-error", "internal"),
        ("flood", "too-large", "more than 300000 bytes"),
    ],
)
def test_what_is_no_answer_is_broken_and_the_next_call_works(program: Bind, what: str, kind: str, words: str) -> None:
    candidate = program()
    answer = candidate.call("codes.parse", do=what)
    assert isinstance(answer, Broken)
    assert answer.kind == kind
    assert words in answer.detail
    assert isinstance(candidate.call("codes.parse"), Accepted)


def test_silence_ends_at_the_deadline_and_the_program_is_ended(program: Bind) -> None:
    candidate = program(limits=Limits(timeout_s=1))
    before = candidate.call("codes.parse")
    answer = candidate.call("codes.parse", do="hang")
    after = candidate.call("codes.parse")
    assert isinstance(answer, Broken)
    assert answer.kind == "timeout"
    assert isinstance(before, Accepted)
    assert isinstance(after, Accepted)
    assert after.value["pid"] != before.value["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(before.value["pid"], 0)


def test_a_line_that_nobody_asked_for_is_not_taken_for_an_answer(program: Bind) -> None:
    candidate = program()
    assert isinstance(candidate.call("codes.parse", do="twice"), Accepted)
    answer = candidate.call("codes.parse")
    assert isinstance(answer, Broken)
    assert answer.kind == "schema"
    assert isinstance(candidate.call("codes.parse"), Accepted)


def test_a_program_that_cannot_be_started_is_a_lost_connection(program: Bind) -> None:
    answer = program(stdio={"command": ["./no-such-program"]}).call("codes.parse")
    assert isinstance(answer, Broken)
    assert answer.kind == "connection"
    assert "cannot be started" in answer.detail


def test_edits_reach_the_program(program: Bind) -> None:
    prepared = program().prepare("codes.parse", payload="0", order="1")
    answer = prepared.with_field("payload", 7).without_field("order").with_extra_field("x", 1).send()
    assert isinstance(answer, Accepted)
    assert answer.value["echo"]["arguments"] == {"payload": 7, "x": 1}
    raw = prepared.with_bytes(b'{"operation":"o","arguments":{"do":"refuse"}}').send()
    assert isinstance(raw, Refused)
    with pytest.raises(NotTested, match="no headers"):
        prepared.with_header("a", "b").send()


def test_a_program_sees_only_what_it_is_given(program: Bind, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QR_KEY", "qr-secret-value")
    monkeypatch.setenv("OTHER_SECRET", "none-of-its-business")
    stdio = {"command": [sys.executable, "product.py"], "environment": {"KEY": {"env": "QR_KEY"}, "MODE": "test"}}
    answer = program(stdio=stdio).call("codes.parse", do="environment")
    assert isinstance(answer, Accepted)
    assert (answer.value["KEY"], answer.value["MODE"]) == ("qr-secret-value", "test")
    assert "OTHER_SECRET" not in answer.value
    assert "qr-secret-value" in ears.secrets


def test_what_is_not_offered_or_not_allowed_is_not_asked(program: Bind, ears: Ears) -> None:
    candidate = program(operations={"codes.pay": False}, scope=Scope(effects=Effect.READ))
    for operation in ("codes.pay", "payments.create", "codes.create"):
        with pytest.raises(NotTested):
            candidate.call(operation)
    with pytest.raises(NotTested, match="no network address"):
        candidate.socket()
    assert ears.sightings == []


def test_mistakes_are_named(program: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileProblems) as caught:
        program(stdio={"comand": ["x"], "environment": {"A": 1}})
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["$.stdio.comand", "$.stdio.command", "$.stdio.environment.A"]
    missing = {"command": ["x"], "environment": {"A": {"env": "NOT_SET_ANYWHERE"}}}
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        program(stdio=missing).call("codes.parse")
