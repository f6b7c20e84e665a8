"""Raw exchanges that no command repeats: what came back in words, and a script that sends the bytes again."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_reports.raw_steps import RawStep, answered
from conformance_reports.reproduce import render


def hello(version: str, session: bytes, suite: str, extensions: str = "") -> bytes:
    """Return a record with one ServerHello."""
    listed = bytes.fromhex(extensions)
    body = bytes.fromhex(version) + bytes(32) + bytes([len(session)]) + session + bytes.fromhex(suite + "00")
    body += len(listed).to_bytes(2, "big") + listed if listed else b""
    return handshake(2, body)


def handshake(kind: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


HELLO = hello("0303", b"", "c02c", "ff01000100000b00020100")
RESUMED = hello("0301", bytes(32), "c00a")
WEAK = hello("0303", b"", "009e") + handshake(11, bytes(20)) + handshake(12, bytes.fromhex("0080") + bytes(131))
ALERT = bytes.fromhex("15030300020228")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "nothing"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP 400"),
        (ALERT, "alert 40"),
        (HELLO, "ServerHello 0303, suite c02c, compression 0, extensions ff01 000b"),
        (RESUMED, "ServerHello 0301, suite c00a, compression 0, extensions none"),
        (
            WEAK,
            "ServerHello 0303, suite 009e, compression 0, extensions none, a group of 128 bytes",
        ),
        (HELLO[:-1], "bytes beginning with 160303"),
        (b"SSH-2.0", "bytes beginning with 535348"),
        (ALERT[:5], "bytes beginning with 150303"),
    ],
)
def test_an_answer_is_named(data: bytes, said: str) -> None:
    assert answered(data) == said


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x15", b"\x16", HELLO[:6], HELLO[:44], b"HTTP/1"]))
def test_any_answer_has_a_name(data: bytes, begin: bytes) -> None:
    assert answered(begin + data)


@pytest.mark.parametrize(
    ("start", "place"),
    [
        ("TCP 127.0.0.1:8443", ("tcp", "127.0.0.1", 8443)),
        ("TLS bank.example:443", ("tls", "bank.example", 443)),
        ("TCP ::1:8443", ("tcp", "::1", 8443)),
        ("TCP [::1]:8443", ("tcp", "::1", 8443)),
    ],
)
def test_the_place_is_read_from_what_was_recorded(start: str, place: tuple[str, str, int]) -> None:
    step = RawStep.of(start, b"")
    assert step is not None
    assert (step.through, step.host, step.port) == place


def test_an_exchange_that_names_no_place_is_not_sent_anywhere() -> None:
    assert RawStep.of("TCP somewhere", b"") is None


@contextmanager
def serving(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection, and keep what it brings."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[bytes] = []

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # nobody came
            return
        with connection:
            kept.append(connection.recv(65536))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], kept
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        listener.close()


def record(number: int, start: str, sent: bytes, received: bytes | None) -> dict[str, Any]:
    answer = None if received is None else {"start": "", "body": {"base64": base64.b64encode(received).decode()}}
    return {
        "seq": number, "kind": "raw", "req": {"start": start, "body": {"base64": base64.b64encode(sent).decode()}},
        "resp": answer,
    }  # fmt: skip


def repeated(statement: dict[str, Any], folder: Path, item: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Render a check that found something in this exchange and has no command, and run its script."""
    first, *others = statement["predicate"]["outcomes"]
    first |= {"exchanges": [[item["seq"], item["seq"]]], "curl": [], "curlExchanges": []}
    for row in others:
        row |= {"exchanges": [], "curl": []}
    written = render(statement, folder, {item["seq"]: item}.get)
    assert [path.name for path in written] == [f"{first['check']}.sh", f"{first['check']}.{item['seq']}.bin"]
    return subprocess.run(
        ["bash", str(written[0])],
        env={"PATH": os.environ["PATH"], "CONFORMANCE": "none"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (HELLO, 0, f"    {answered(HELLO)}, as recorded\n"),
        (ALERT, 1, f"    alert 40; recorded was: {answered(HELLO)}\n"),
        (b"", 1, f"    nothing; recorded was: {answered(HELLO)}\n"),
    ],
)
def test_a_handshake_is_sent_again_and_its_answer_compared(
    statement: dict[str, Any], tmp_path: Path, answer: bytes, code: int, said: str
) -> None:
    sent = bytes.fromhex("1603010005010000010a") + bytes(range(256))
    with serving(answer) as (port, kept):
        done = repeated(statement, tmp_path, record(7, f"TCP 127.0.0.1:{port}", sent, HELLO))
    assert kept == [sent]
    assert said in done.stdout
    asked = "there is no command none to check again with: name it in CONFORMANCE\n" if code else ""
    assert (done.returncode, done.stderr) == (code, asked)


def test_a_server_that_is_gone_differs_from_what_was_recorded(statement: dict[str, Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    done = repeated(statement, tmp_path, record(7, f"TCP 127.0.0.1:{port}", b"\x16\x03", HELLO))
    assert "ConnectionRefusedError" in done.stdout
    assert done.returncode == 1
