import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from conformance.sdk import Sighting


class Ears:
    """A recorder that keeps what it is given, and the secrets it is told of."""

    def __init__(self) -> None:
        self.check = "TST-1"
        self.run = "run-1"
        self.sightings: list[Sighting] = []
        self.secrets: list[str] = []

    def record(self, sighting: Sighting) -> int:
        self.sightings.append(sighting)
        return len(self.sightings)

    def add_secret(self, value: str) -> None:
        self.secrets.append(value)


class Request:
    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


#: status, headers, body
Reply = tuple[int, dict[str, str], Any]


class Product:
    """A small product whose answers a test writes; keeps the requests it got."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ports: set[int] = set()
        self.answer: Callable[[Request], Reply | Any] = lambda request: {"id": "1"}
        product = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536

            def log_message(self, *_: Any) -> None:
                pass

            def _any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(size))
                product.requests.append(request)
                product.ports.add(self.client_address[1])
                made = product.answer(request)
                status, headers, body = made if isinstance(made, tuple) else (200, {}, made)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _any

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
