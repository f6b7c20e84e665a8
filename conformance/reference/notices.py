"""Notices: signed callbacks to addresses that may be called, and to no others (no server-side request forgery)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import ipaddress
import json
import logging
import queue
import secrets
import socket
import sqlite3
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.tokens import es256
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, user TEXT NOT NULL, url TEXT NOT NULL, created TEXT NOT NULL);
"""

#: Seconds a receiver may take.
_TIMEOUT_S = 2
#: Seconds that a notice is old already when it is sent, under fault notices.undated.
_STALE_S = 86_400
#: Notices waiting for delivery at most; further ones are dropped and logged.
_QUEUE_MAX = 1000

_log = logging.getLogger("conformance.reference.notices")
_Delivery = tuple[str, Mapping[str, Any]]


class Notices:
    """Delivers notices from one background thread."""

    def __init__(self, host: ReferenceHost) -> None:
        self._host = host
        self._queue: queue.Queue[_Delivery | None] = queue.Queue(_QUEUE_MAX)
        self._thread: threading.Thread | None = None
        self._subscribed = False

    def start(self) -> None:
        """Start delivering."""
        with self._host.db.reading() as connection:
            self._subscribed = connection.execute("SELECT 1 FROM notices LIMIT 1").fetchone() is not None
        self._queue = queue.Queue(_QUEUE_MAX)
        self._thread = threading.Thread(target=self._deliver_all, args=(self._queue,), name="notices", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is being delivered."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_TIMEOUT_S * 2)
            self._thread = None

    def subscribe(self, connection: sqlite3.Connection, user: str, url: str) -> str:
        """Store a subscription inside a transaction and return its id."""
        identifier = "not-" + secrets.token_hex(8)
        row = (identifier, user, url, self._host.clock.text())
        connection.execute("INSERT INTO notices VALUES (?,?,?,?)", row)
        self._subscribed = True
        return identifier

    def tell(self, kind: str, payment: Mapping[str, Any]) -> None:
        """Queue a notice for the subscriptions of both parties of a payment."""
        if not self._subscribed:
            return
        owners = [self._host.bank.owner(payment[side]) for side in ("debtor", "creditor")]
        with self._host.db.reading() as connection:
            rows = connection.execute("SELECT url FROM notices WHERE user IN (?,?)", owners).fetchall()
        for row in rows:
            self.send(
                row["url"], {"kind": kind, "payment": payment["id"], "state": payment["state"], **self._more(payment)}
            )

    def _more(self, payment: Mapping[str, Any]) -> dict[str, Any]:
        """Fault notices.body-leaks: who paid is told in full."""
        return {"payer": self._host.cards.of(payment["debtor"])} if self._host.faults.on("notices.body-leaks") else {}

    def send(self, url: str, notice: Mapping[str, Any]) -> None:
        """Queue one notice."""
        body = {"id": "evt-" + secrets.token_hex(8), "at": self._host.clock.text(), **notice}
        try:
            self._queue.put_nowait((url, body))
        except queue.Full:
            _log.warning("notice dropped: the queue is full")

    def require_callable(self, url: str) -> None:
        """Refuse an address that is not on the allow list of the environment, whatever way it is written."""
        if self._host.faults.on("ssrf.callback-unchecked"):
            return
        parts = _split(url)
        if parts.scheme not in ("http", "https") or parts.username or parts.password or parts.fragment:
            raise Problem(422, "invalid-url", "A callback must be a plain http or https URL.")
        if parts.netloc.lower() not in self._host.settings.callback_hosts:
            raise Problem(422, "forbidden-url", "This address may not be called.")

    def _deliver_all(self, waiting: queue.Queue[_Delivery | None]) -> None:
        while (delivery := waiting.get()) is not None:
            url, notice = delivery
            try:
                self._deliver(url, notice)
            except (OSError, ValueError, http.client.HTTPException) as error:
                _log.info("a notice was not delivered: %s", type(error).__name__)

    def _deliver(self, url: str, notice: Mapping[str, Any]) -> None:
        parts = _split(url)
        address = _loopback(parts.hostname or "")
        if address is None or parts.scheme not in ("http", "https"):
            return  # this environment sends nothing beyond the machine, not even when a fault would
        port = parts.port or (443 if parts.scheme == "https" else 80)
        factory = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = factory(address, port, timeout=_TIMEOUT_S)
        body = json.dumps(notice, sort_keys=True).encode()
        try:
            connection.request("POST", parts.path or "/", body, self._headers(url, body))
            response = connection.getresponse()
            response.read(1024)
        finally:
            connection.close()
        location = response.getheader("Location")
        if location and self._host.faults.on("ssrf.redirect-followed"):
            self._deliver(location, notice)

    def _headers(self, url: str, body: bytes) -> dict[str, str]:
        """Sign a notice with the bank's key (RFC 9421), so that the receiver can tell it from a forgery."""
        plain = {"Content-Type": "application/json", "User-Agent": "reference-bank"}
        if self._host.faults.on("notices.unsigned"):
            return plain
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        values = {"@method": "POST", "@target-uri": url, "content-digest": digest}
        if self._host.faults.on("notices.body-uncovered"):
            del values["content-digest"]
        age = _STALE_S if self._host.faults.on("notices.undated") else 0
        created, nonce = self._host.clock.epoch() - age, secrets.token_urlsafe(12)
        listed = " ".join(f'"{name}"' for name in values)
        parameters = f'({listed});created={created};keyid="{self._host.tokens.kid}";nonce="{nonce}"'
        lines = [*(f'"{name}": {value}' for name, value in values.items()), f'"@signature-params": {parameters}']
        value = base64.b64encode(es256(self._host.tokens.key(), "\n".join(lines).encode())).decode()
        signed = {"Content-Digest": digest, "Signature-Input": f"bank={parameters}", "Signature": f"bank=:{value}:"}
        return plain | signed


def routes(host: ReferenceHost) -> list[Route]:
    """Return the route of subscriptions."""

    async def subscribe(request: Request) -> Response:
        principal = host.authorize(request, scope="notices")
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("url",))
        url = strict.text(body, "url", max_length=512)
        host.notices.require_callable(url)
        identifier = await host.db.write(lambda connection: host.notices.subscribe(connection, principal.user, url))
        host.notices.send(url, {"kind": "subscribed", "subscription": identifier})
        return answer({"id": identifier, "url": url}, 201)

    return [Route("/notices", subscribe, methods=["POST"])]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Problem(422, "invalid-url", "The URL cannot be read.") from error
    return parts


def _loopback(host: str) -> str | None:
    """Return the loopback address that a host means in any spelling ("2130706433", "0x7f.1"), or None."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host)) if ":" not in host else host)
    except (OSError, ValueError):
        return None
    return str(address) if address.is_loopback else None
