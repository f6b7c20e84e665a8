"""The framing probes against HTTP servers that we did not write: what each does is known, and strict both ways."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Candidate, Evidence, Finding, Sighting, eventually
from conformance_security.checks import framing

pytestmark = pytest.mark.e2e

EXPECTED = json.loads((Path(__file__).parent / "expected_http_stacks.json").read_text(encoding="utf-8"))

_NODE = """
require("http").createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end('{"items":[],"next":null}');
  });
}).listen(PORT, "127.0.0.1");
"""
_UVICORN = """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def accounts(request):
    await request.body()
    return JSONResponse({"items": [], "next": None})
routes = [Route("/accounts", accounts, methods=["GET"])]
uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=PORT, http="h11")
"""
_WERKZEUG = """
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response
@Request.application
def application(request):
    request.get_data()
    return Response('{"items":[],"next":null}', content_type="application/json")
run_simple("127.0.0.1", PORT, application, threaded=True)
"""
_GEVENT = """
from gevent.pywsgi import WSGIServer
def application(environment, start):
    environment["wsgi.input"].read()
    start("200 OK", [("Content-Type", "application/json")])
    return [b'{"items":[],"next":null}']
WSGIServer(("127.0.0.1", PORT), application).serve_forever()
"""
STACKS = {"node": _NODE, "uvicorn-h11": _UVICORN, "werkzeug": _WERKZEUG, "gevent": _GEVENT}


class Ears:
    check, run = "SEC-I07", "stacks"

    def record(self, sighting: Sighting) -> int:
        return 1

    def add_secret(self, value: str) -> None:
        return


@contextmanager
def _served(stack: str) -> Iterator[Candidate]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = STACKS[stack].replace("PORT", str(port))
    command = ["node", "-e", program] if stack == "node" else [sys.executable, "-c", program]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    operations = {"accounts.list": {"method": "GET", "path": "/accounts"}}
    file = CandidateFile(stack, "1", base_url=f"http://127.0.0.1:{port}", operations=operations)
    candidate = bind(file, Ears(), {"http": DRIVER})
    try:
        eventually(lambda: _listens(port), deadline_s=30, what=f"{stack} listening")
        yield candidate
    finally:
        candidate.driver.close()
        server.terminate()
        server.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("stack", list(STACKS))
def test_what_each_stack_does_with_ambiguous_framing_is_known(stack: str) -> None:
    if stack == "node" and shutil.which("node") is None:
        pytest.skip("NOT TESTED: node is not installed; install Node.js 20 to run the framing probes against it")
    evidence = Evidence("stacks", f"SEC-I07/{stack}")
    with _served(stack) as candidate:
        try:
            framing.requests_end_where_they_say(candidate, evidence)
            verdict = "passed"
        except Finding as finding:
            verdict = str(finding)
    probes = json.loads(dict(evidence.notes)["framing probes"])
    failed = sorted(name for name, seen in probes.items() if "not as demanded" in seen)
    assert {"verdict": verdict, "failed": failed} == EXPECTED[stack]
