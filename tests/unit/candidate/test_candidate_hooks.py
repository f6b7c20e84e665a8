"""Hooks and raw connections: the ways around the contract, no less in scope, bounded and recorded."""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from candidate_product import Ears, Product

from conformance.sdk import Candidate, Inconclusive, NotTested

Bind = Callable[..., Candidate]


# -- hooks ----------------------------------------------------------------------------------------------------------


def test_a_hook_by_url_is_called_with_its_token(
    bound: Bind, product: Product, monkeypatch: pytest.MonkeyPatch, ears: Ears
) -> None:
    monkeypatch.setenv("CONTROL", "control-token")
    product.answer = lambda request: {"shifted": True}
    hooks = {"clock": {"url": f"{product.url}/hooks/{{name}}", "token": {"env": "CONTROL"}}}
    candidate = bound(base_url="http://127.0.0.1:9", hooks=hooks)

    assert candidate.hook("clock", name="clock", seconds=60) == {"shifted": True}

    [request] = product.requests
    assert (request.method, request.path) == ("POST", "/hooks/clock")
    assert request.json == {"name": "clock", "seconds": 60}
    assert request.headers["Authorization"] == "Bearer control-token"
    assert len(ears.sightings) == 1
    assert "control-token" in ears.secrets


def test_a_hook_by_command_gets_its_arguments(bound: Bind, tmp_path: Path) -> None:
    script = "import json, os, sys; print(json.dumps({'arguments': sys.argv[1:], 'at': os.getcwd()}))"
    hooks = {"stop": {"command": [sys.executable, "-c", script, "{node}", "{other}"]}}
    assert bound(hooks=hooks).hook("stop", node="node 2; rm") == {
        "arguments": ["node 2; rm", "{other}"],
        "at": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ({"command": [sys.executable, "-c", "import sys; sys.exit('no disk')"]}, "status 1: no disk"),
        ({"command": [sys.executable, "-c", "input()"], "timeout_s": 0.0}, "did not end within"),
        ({"command": ["./no-such-command"]}, "cannot be started"),
        ({"url": "http://127.0.0.1:9/"}, "connection"),
        ({"url": "{product}/fails"}, "answered HTTP 500"),
    ],
)
def test_a_hook_that_fails_leaves_the_check_undecided(
    bound: Bind, product: Product, hook: dict[str, object], words: str
) -> None:
    product.answer = lambda request: (500, {}, {})
    hook = {
        name: value.replace("{product}", product.url) if isinstance(value, str) else value
        for name, value in hook.items()
    }
    with pytest.raises(Inconclusive, match=words):
        bound(hooks={"restart": hook}).hook("restart")


def test_a_hook_elsewhere_must_be_in_scope(bound: Bind) -> None:
    with pytest.raises(Inconclusive, match="not in scope"):
        bound(hooks={"restart": {"url": "http://192.0.2.1/restart"}}).hook("restart")


def test_a_hook_that_says_nothing_is_named(bound: Bind) -> None:
    with pytest.raises(NotTested, match="neither url nor command"):
        bound(hooks={"restart": {}}).hook("restart")
    with pytest.raises(NotTested, match="not declared"):
        bound().hook("restart")


# -- raw connections ------------------------------------------------------------------------------------------------


def test_a_raw_connection_is_recorded_as_one_exchange(bound: Bind, product: Product, ears: Ears) -> None:
    candidate = bound()
    raw = candidate.socket(timeout_s=5)
    raw.send(b"GET /x HTTP/1.1\r\nHost: a\r\n")
    raw.send(b"Connection: close\r\n\r\n")
    received = b""
    while piece := raw.receive():
        received += piece
    exchange = raw.close()

    assert received.startswith(b"HTTP/1.1 200")
    assert exchange == raw.close()
    assert exchange.body == received
    [sighting] = ears.sightings
    assert sighting.kind == "raw"
    assert sighting.request.body == b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert sighting.response is not None
    assert sighting.response.body == received


def test_a_silent_peer_is_a_timeout_and_the_record_says_so(bound: Bind, ears: Ears) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        raw = bound(base_url=f"http://127.0.0.1:{silent.getsockname()[1]}").socket(timeout_s=0.05)
        with pytest.raises(TimeoutError):
            raw.receive()
        raw.close()
    assert ears.sightings[0].error.startswith("receive: TimeoutError")


def test_a_reset_is_told_from_an_end(bound: Bind, ears: Ears) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            peer, _ = server.accept()
            peer.recv(1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            peer.close()

        thread = threading.Thread(target=reset)
        thread.start()
        raw = bound(base_url=f"http://127.0.0.1:{server.getsockname()[1]}").socket(timeout_s=5)
        raw.send(b"x")
        thread.join()
        with pytest.raises(ConnectionError):
            raw.receive()
        raw.close()
    assert "ConnectionResetError" in ears.sightings[0].error


def test_a_refused_raw_connection_is_recorded(bound: Bind, ears: Ears) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ConnectionRefusedError):
        bound(base_url=url).socket()
    assert ears.sightings[0].error.startswith("connect: ConnectionRefusedError")
