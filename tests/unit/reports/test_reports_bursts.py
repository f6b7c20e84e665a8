"""Requests that were sent at the same moment are sent at the same moment again."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conformance_reports.reproduce import script


class Door:
    """A server that answers nobody before all who are expected have come: 201 to one of them, 409 to the others."""

    def __init__(self, expected: int) -> None:
        together, lock, first = threading.Barrier(expected), threading.Lock(), [True]

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                together.wait(10)
                with lock:
                    status, first[0] = (201, False) if first[0] else (409, False)
                body = f'{{"id":"won-{status}"}}'.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door(3)
    yield made
    made.server.shutdown()
    made.server.server_close()


def exchange(number: int, start_us: int, status: int) -> dict[str, Any]:
    return {
        "seq": number, "kind": "http", "t0Us": start_us, "dtUs": 500,
        "req": {"start": "GET / HTTP/1.1", "headers": [], "body": ""},
        "resp": {"start": f"HTTP/1.1 {status} X", "headers": [], "body": f'{{"id":"won-{status}"}}'},
    }  # fmt: skip


def ran(url: str, *records: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    row = {
        "check": "X-7", "title": {"en": "t"}, "reason": "r", "outcome": "failed",
        "exchanges": [[records[0]["seq"], records[-1]["seq"]]],
        "curl": [f"curl {url}"] * len(records), "curlExchanges": [record["seq"] for record in records],
    }  # fmt: skip
    text = script(row, {record["seq"]: record for record in records}.get, "payment-product")
    return subprocess.run(
        ["bash", "-c", text],
        env={"PATH": os.environ["PATH"], "CONFORMANCE": "none"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_burst_goes_at_once_and_its_statuses_are_counted_whoever_won(door: Door) -> None:
    done = ran(door.url, exchange(1, 1000, 409), exchange(2, 1001, 201), exchange(3, 1002, 409))
    assert "exchanges 1 to 3, at once\n    201 409 409, as recorded\n" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_a_race_that_ended_otherwise_is_told_as_one(door: Door) -> None:
    done = ran(door.url, exchange(1, 1000, 201), exchange(2, 1001, 201), exchange(3, 1002, 409))
    assert "    201 409 409, recorded was 201 201 409 (a race is won by chance: run this again)\n" in done.stdout
    assert done.stderr == "there is no command none to check again with: name it in CONFORMANCE\n"
    assert done.returncode == 1


def test_requests_one_after_another_are_no_burst() -> None:
    done = ran("http://127.0.0.1:9/", exchange(1, 1000, 201), exchange(2, 1500, 201))
    assert "at once" not in done.stdout
    assert "exchange 2: GET /" in done.stdout
