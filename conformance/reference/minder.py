"""The minder: what outlives the bank. It keeps the control port and the bank's ports, and can kill, pause and start it.

It runs beside the bank, as the operator of a test environment does, and knows nothing of banking: what it does not
answer itself goes on to the bank's own control application. A dead bank's ports refuse connections.
"""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import os
import secrets
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from conformance.reference.cradle import Cradle, CradleGone
from conformance.reference.order import CONTROL, LOOPBACK, SEED_VARIABLE, Order, reusable

Reply = tuple[int, dict[str, Any]]

#: The bank must answer what is passed on to it within this time, in seconds.
_FORWARD_S = 55.0
_BODY_MAX = 1 << 20


class Minder:
    """One bank's minder. ``run`` serves until standard input ends or a signal comes."""

    def __init__(
        self, directory: Path, faults: tuple[str, ...], only_plugins: Sequence[str] | None, callback_port: int
    ) -> None:
        self._given = os.environ.get(SEED_VARIABLE)
        seed = self._given or secrets.token_bytes(32).hex()
        self._cradle = Cradle(only_plugins)  # before any thread: it forks
        self._server = _ControlServer(self)
        url = f"http://{LOOPBACK}:{self._server.server_port}"
        self._order = Order(directory, faults, seed, url, callback_port=callback_port)
        self._kept: list[socket.socket] = []
        #: One change of the bank's life at a time.
        self._life = threading.Lock()
        self._pid = 0
        self._paused = False
        self._hooks: dict[str, Callable[[], dict[str, Any]]] = {
            "kill": self._kill,
            "stop": self._stop,
            "start": self._start,
            "restart": self._restart,
            "pause": self._pause,
            "resume": self._resume,
        }

    def run(self) -> int:
        """Start the bank, say that it is ready, serve until told to stop; return the exit status."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        try:
            ready = self._born()
            if not self._pid:
                return 1  # the bank has said why
            self._server.token = str(ready["control_token"])
            self._keep_ports()
            self._say(ready)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
            threading.Thread(target=_watch_parent, args=(stopped,), daemon=True).start()
            stopped.wait()
        except CradleGone:
            return 1
        finally:
            self._close()
        return 0

    def _close(self) -> None:
        with self._life:
            try:
                self._cradle.end()
            except CradleGone:
                if self._pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self._pid, signal.SIGKILL)
            self._cradle.close()

    def _keep_ports(self) -> None:
        """Keep the numbers of the bank's ports, without listening, for as long as the minder lives."""
        self._kept = [reusable(port) for port in self._order.ports.values()]

    def _say(self, ready: dict[str, Any]) -> None:
        # Whoever gave the seed can make the bank's secrets of it, but not those of parts it has not loaded.
        shown = {"ready": True, "control": self._order.control}
        shown |= {name: ready[name] for name in ("base_url", "candidate", "ca", "pid", "environment")}
        if not self._given:
            shown["environment"] |= ready["secrets"]
        sys.stdout.write(json.dumps(shown) + "\n")
        sys.stdout.flush()

    # -- the bank's life ----------------------------------------------------------------------------------

    def _born(self) -> dict[str, Any]:
        ready = self._cradle.bear(self._order)
        self._pid, self._paused = int(ready["pid"]), False
        if "ports" in ready:
            self._order = replace(self._order, ports=ready["ports"], callback_port=ready["callback_port"])
        return ready

    def _kill(self) -> dict[str, Any]:
        """End the bank as a power cut would: nothing is flushed, nothing is closed in order."""
        killed = self._cradle.signal(signal.SIGKILL)
        self._pid = 0
        return {"killed": bool(killed)}

    def _stop(self) -> dict[str, Any]:
        stopped = self._cradle.end()
        self._pid = 0
        return {"stopped": bool(stopped)}

    def _start(self) -> dict[str, Any]:
        """Bring the bank back with what is on disk; one that lives is left alone."""
        began = time.monotonic()
        self._born()
        if not self._pid:
            raise RuntimeError("the bank did not start; its directory holds what it said, in reference.err")
        return {"pid": self._pid, "ms": int((time.monotonic() - began) * 1000)}

    def _restart(self) -> dict[str, Any]:
        self._kill()
        self._start()
        return {"restarting": True}

    def _pause(self) -> dict[str, Any]:
        self._paused = bool(self._cradle.signal(signal.SIGSTOP))
        return {"paused": self._paused}

    def _resume(self) -> dict[str, Any]:
        self._paused = False
        return {"resumed": bool(self._cradle.signal(signal.SIGCONT))}

    # -- the control port ---------------------------------------------------------------------------------

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """Answer a request of the control port; raises ValueError for a body that is no JSON object."""
        arguments = json.loads(body) if body else {}
        if not isinstance(arguments, dict):
            raise ValueError("the body must be a JSON object")
        if (method, path) == ("GET", "/life"):
            with self._life:
                self._pid = self._cradle.living()
                return 200, {"pid": self._pid, "paused": self._paused}
        hook = path.removeprefix("/hooks/") if path.startswith("/hooks/") else ""
        # Suites' own nodes can be stopped and paused too; those hooks name a node.
        if method == "POST" and hook in self._hooks and "node" not in arguments:
            with self._life:
                return 200, self._hooks[hook]()
        if (method, path) == ("POST", "/reset"):
            self._revive()
        return self._forward(method, path, body)

    def _revive(self) -> None:
        """A reset begins with a bank that lives, whatever was done to the last one."""
        with self._life:
            if self._paused:
                self._resume()
            self._start()

    def _forward(self, method: str, path: str, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(LOOPBACK, self._order.ports[CONTROL], timeout=_FORWARD_S)
        headers = {"Authorization": f"Bearer {self._server.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            value = json.loads(response.read())
        except TimeoutError:
            return 504, {"error": f"the bank does not answer within {_FORWARD_S:g} s; is it paused?"}
        except (OSError, ValueError, http.client.HTTPException) as error:
            return 503, {"error": f"the bank cannot be reached ({type(error).__name__}); the hook start brings it back"}
        finally:
            connection.close()
        if response.status == 200 and path in ("/faults", "/reset"):
            self._order = replace(self._order, faults=tuple(value["faults"]))
        return response.status, value


def _watch_parent(stopped: threading.Event) -> None:
    """Stop when the parent closes the pipe, by dying for example."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    while os.read(0, 4096):
        pass
    stopped.set()


class _ControlServer(ThreadingHTTPServer):
    """The control port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, minder: Minder) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.minder = minder
        #: What every request must bear; known when the bank is ready, and nothing is served before.
        self.token = ""

    def server_bind(self) -> None:
        """Bind without asking any name service for this machine's name, as the base class would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection to the control port."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece
    server: _ControlServer

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_GET

    def log_message(self, *_: Any) -> None:
        """Write no log."""

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(length, _BODY_MAX))
        given = self.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            self._answer(401, {"error": "the control token is missing or wrong"})
            return
        try:
            status, value = self.server.minder.answer(self.command, self.path, body)
        except ValueError as error:
            status, value = 400, {"error": str(error)}
        except (CradleGone, RuntimeError) as error:
            status, value = 503, {"error": str(error) or type(error).__name__}
        self._answer(status, value)

    def _answer(self, status: int, value: Mapping[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
