"""A bank whose clients sign by a keyed hash, sound or with one leniency."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = b"the-signers-own-key-0123456789"


class Books:
    """Accounts, keys of payments, and nonces that were used; ``lenient`` names what is not looked at."""

    def __init__(self) -> None:
        self.lenient = ""
        self.balances: dict[str, int] = {}
        self.paid: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.numbers = itertools.count(10_000_001)

    def may(self, method: str, target: str, headers: Any, body: bytes) -> bool:
        """Tell whether a request is signed as it must be."""
        if self.lenient == "unsigned" and "X-Signature" not in headers:
            return True
        stamp, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
        if self.lenient != "undated" and not (stamp.isdigit() and abs(int(stamp) / 1000 - time.time()) < 60):
            return False
        if nonce and nonce in self.used and self.lenient != "nonce":
            return False
        self.used.add(nonce)
        given = headers.get("X-Signature", "")
        return any(hmac.compare_digest(given, made) for made in self.signatures(stamp, nonce, method, target, body))

    def signatures(self, stamp: str, nonce: str, method: str, target: str, body: bytes) -> Iterator[str]:
        """Give the signatures that are taken for good."""
        for parts in self.texts(stamp, nonce, method, target, body):
            yield hmac.new(KEY, "\n".join(parts).encode(), "sha512").hexdigest()

    def texts(self, stamp: str, nonce: str, method: str, target: str, body: bytes) -> Iterator[list[str]]:
        """Give what may have been hashed, by lines."""
        digest = hashlib.sha512(body).hexdigest()
        yield [method, target, stamp, nonce, digest]
        if self.lenient == "method":
            yield ["", target, stamp, nonce, digest]
        if self.lenient == "body":
            yield [method, target, stamp, nonce, hashlib.sha512(body.replace(b"12.38", b"12.37")).hexdigest()]

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Serve one request that may be served."""
        match method, path.partition("?")[0].strip("/").split("/"):
            case "POST", ["accounts"]:
                account = f"acc-{next(self.numbers)}"
                self.balances[account] = int(json.loads(body)["balance"])
                return 201, {"id": account}
            case "GET", ["accounts", account, "balance"] if account in self.balances:
                return 200, {"available": self.balances[account]}
            case "POST", ["payments"]:
                return 201, self.pay(json.loads(body))
            case _:
                return 404, {"code": "not-found"}

    def pay(self, order: dict[str, Any]) -> dict[str, Any]:
        """Pay once for each key."""
        key = str(order["key"])
        if key not in self.paid:
            amount = round(float(order["amount"]) * 100)
            self.balances[order["from"]] -= amount
            self.balances[order["to"]] += amount
            self.paid[key] = {"id": f"pay-{next(self.numbers)}", "state": "confirmed"}
        return self.paid[key]


@contextmanager
def serving(books: Books) -> Iterator[str]:
    """Serve the books and yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            good = books.may(self.command, self.path, self.headers, body)
            status, value = books.answer(self.command, self.path, self.headers, body) if good else (401, {"code": "no"})
            sent = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = serve

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
