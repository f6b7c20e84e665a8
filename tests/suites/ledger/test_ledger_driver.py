"""The CometBFT driver: what is said on the wire, what is understood, and where it may not go."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conformance.model.candidate import CandidateFile
from conformance.sdk import Accepted, Answer, Broken, Inconclusive, NotTested, Prepared, Refused, Sighting
from conformance_ledger.cometbft import DRIVER

RECORDED = json.loads((Path(__file__).parent / "cometbft_network.json").read_text(encoding="utf-8"))


class Recorder:
    check = "LED-L01"
    run = "run"

    def __init__(self) -> None:
        self.seen: list[Sighting] = []

    def record(self, sighting: Sighting) -> int:
        self.seen.append(sighting)
        return len(self.seen)


class Node:
    """A node that answers every call with the same bytes and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer = b"{}"
        self.asked: list[tuple[dict[str, Any], dict[str, str]]] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                node.asked.append((json.loads(body), dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Length", str(len(node.answer)))
                self.end_headers()
                self.wfile.write(node.answer)

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def result(self, value: Any) -> None:
        self.answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ask(node: Node, operation: str, recorder: Recorder | None = None, **arguments: Any) -> Answer:
    ledger = {"chain": "injective-4711", "denomination": "inj"}
    file = CandidateFile(
        "net", "1", node.url, driver="cometbft", endpoints={"node1": node.url}, declared={"ledger": ledger}
    )
    driver = DRIVER.open(file, recorder or Recorder())
    try:
        return driver.perform(Prepared(operation, arguments, None, "node1", driver.perform))
    finally:
        driver.close()


def test_a_block_is_asked_for_by_height_and_understood(node: Node) -> None:
    node.result(RECORDED["transactions"])
    recorder = Recorder()
    answer = ask(node, "ledger.block", recorder, height=747)
    assert isinstance(answer, Accepted)
    assert answer.value["transactions"][0]["id"] == RECORDED["proof"]["hash"].lower()
    ((asked, headers),) = node.asked
    assert (asked["method"], asked["params"]) == ("block", {"height": "747"})
    assert headers["Conformance-Check"] == "LED-L01"
    (sighting,) = recorder.seen
    assert sighting.kind == "rpc"
    assert sighting.response is not None
    assert sighting.response.body == node.answer


def test_an_error_of_the_node_is_a_refusal(node: Node) -> None:
    node.answer = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "data": "tx already exists"}}
    ).encode()
    answer = ask(node, "ledger.submit", transaction="AA==")
    assert isinstance(answer, Refused)
    assert answer.code == "-32603"


def test_a_transaction_that_the_application_declines_is_a_refusal(node: Node) -> None:
    node.result({"code": 32, "log": "incorrect account sequence", "hash": "AB"})
    answer = ask(node, "ledger.submit", transaction="AA==")
    assert isinstance(answer, Refused)
    assert answer.code == "32"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"<html>", "unparseable"),
        (b"[]", "schema"),
        (b'{"result": {"block": 1}}', "schema"),
        (b"x" * 9_000_000, "too-large"),
    ],
    ids=["html", "list", "another result", "too large"],
)
def test_what_is_no_answer_is_broken(node: Node, answer: bytes, kind: str) -> None:
    node.answer = answer
    found = ask(node, "ledger.block", height=1)
    assert isinstance(found, Broken)
    assert found.kind == kind


def test_a_node_that_is_down_is_broken_and_recorded() -> None:
    node = Node()
    node.server.server_close()
    recorder = Recorder()
    found = ask(node, "ledger.head", recorder)
    node.server.shutdown()
    assert isinstance(found, Broken)
    assert found.kind == "connection"
    assert recorder.seen[0].error


def test_nothing_outside_the_candidate_file_is_asked(node: Node) -> None:
    from conformance_ledger.rpc import RpcSession

    file = CandidateFile("net", "1", node.url, endpoints={"node1": node.url})
    with pytest.raises(Inconclusive, match="out of scope"):
        RpcSession(file, Recorder()).call("http://127.0.0.1:9/", "status", {})
    assert node.asked == []


def test_a_balance_is_read_through_the_application(node: Node) -> None:
    # QueryBalanceResponse with 25 inj.
    node.result({"response": {"code": 0, "value": "CgkKA2luahICMjU=", "height": "7"}})
    answer = ask(node, "ledger.call", function="balance", account="inj1x")
    assert isinstance(answer, Accepted)
    assert answer.value == {"balance": 25, "height": 7}


def test_edits_of_http_stages_are_not_pretended(node: Node) -> None:
    file = CandidateFile("net", "1", node.url, endpoints={"node1": node.url}, declared={"ledger": {"chain": "c"}})
    driver = DRIVER.open(file, Recorder())
    with pytest.raises(NotTested):
        Prepared("ledger.head", {}, None, "node1", driver.perform).with_bytes(b"{").send()


def test_a_file_without_nodes_or_chain_is_told_both() -> None:
    problems = DRIVER.problems(CandidateFile("net", "1", "http://127.0.0.1:1"))
    assert [problem.path for problem in problems] == ["$.endpoints", "$.declared.ledger.chain"]
