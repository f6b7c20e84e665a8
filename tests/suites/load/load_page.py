"""The live page asked from inside of a load process, as Locust patches it; prints what came back as JSON."""

# ruff: noqa: E402 - sockets are patched before anything else is imported
from gevent import monkey

monkey.patch_all()

import http.client
import json
import socket
import sys
from urllib.parse import urlsplit

from locust.env import Environment

from conformance.errors import ConfigError
from conformance_load.ui import live_view

ASKED = {
    "page": ("GET", "/", {}),
    "numbers": ("GET", "/stats/requests", {}),
    "start": ("POST", "/swarm", {"Content-Type": "application/x-www-form-urlencoded"}),
    "stop": ("POST", "/stop", {}),
    "reset": ("POST", "/stats/reset", {}),
    "user": ("POST", "/user", {"Content-Type": "application/json"}),
    "rebound name": ("GET", "/stats/requests", {"Host": "evil.example"}),
    "other site": ("GET", "/stats/requests", {"Origin": "http://evil.example"}),
}


def ask(port: int, method: str, path: str, headers: dict[str, str]) -> list[object]:
    """Return the status and the beginning of the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body=b"user_count=9&spawn_rate=9" if method == "POST" else None, headers=headers)
    response = connection.getresponse()
    return [response.status, response.read().decode("utf-8", "replace")[:4000]]


def main() -> dict[str, object]:
    """Serve the page and look at it from all sides."""
    environment = Environment(user_classes=[])
    runner = environment.create_local_runner()
    told: list[str] = []
    found: dict[str, object] = {}
    with live_view(environment, 0, told.append):
        port = urlsplit(told[0]).port or 0
        found |= {name: ask(port, *asked) for name, asked in ASKED.items()}
        try:
            with live_view(environment, port, told.append):
                pass
        except ConfigError as error:
            found["taken"] = str(error.diagnostics())
    found |= {"address": told[0], "state": runner.state, "users": runner.user_count, "told": len(told)}
    with socket.socket() as later:
        found["closed"] = later.connect_ex(("127.0.0.1", port)) != 0
    runner.quit()
    return found


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
