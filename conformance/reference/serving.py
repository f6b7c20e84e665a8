"""The bank's own process: its servers, from the moment it is born until it is stopped or killed.

It ends when its standard input, if a pipe, is closed: it dies with whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from conformance.reference import demo, inspected, tls
from conformance.reference.app import application
from conformance.reference.control import Control
from conformance.reference.framing import protocol_with
from conformance.reference.host import ReferenceHost, Settings
from conformance.reference.keys import Seed
from conformance.reference.logs import AccessLog
from conformance.reference.order import CONTROL, LOOPBACK, Order, reusable
from conformance.reference.sessions import known_passwords
from conformance.reference.users import users_of
from conformance.sdk.reference import Listener, ReferencePart

#: Ports beside those of listeners. The second asks for client certificates and is otherwise the same as the first.
_MAIN, _MUTUAL = "", "mtls"
#: Threads give way to each other after this many seconds: commits must not wait for a busy event loop.
_SWITCH_S = 0.0005


class QuietServer(uvicorn.Server):
    """A server among several in one process: signals belong to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@dataclass
class Sockets:
    """Listening sockets by name, on the ports of an earlier life where there was one."""

    ports: Mapping[str, int]
    held: dict[str, socket.socket] = field(default_factory=dict)

    def get(self, name: str) -> socket.socket:
        """Return the socket of a name, bound to its port, or to a free loopback port the first time."""
        if name not in self.held:
            self.held[name] = reusable(self.ports.get(name, 0))
        return self.held[name]

    def port(self, name: str) -> int:
        """Return the port of a name."""
        return int(self.get(name).getsockname()[1])

    def all_ports(self) -> dict[str, int]:
        """Return every port by name."""
        return {name: self.port(name) for name in self.held}


def free_port() -> int:
    """Return a loopback port that was free a moment ago, for a receiver of callbacks."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Process:
    """Everything that lives in this process."""

    def __init__(self, order: Order, parts: Sequence[ReferencePart], announce: Callable[[str], None]) -> None:
        self._order = order
        self._announce_line = announce
        self._seed = Seed(bytes.fromhex(order.seed))
        self._directory = order.directory
        self._ca = tls.make_certificates(self._directory)
        self._context = tls.server_context(self._directory)
        self._mutual = tls.MutualTls(self._directory)
        self._sockets = Sockets(order.ports)
        self._servers: list[QuietServer] = []
        self._raw: list[asyncio.Server] = []
        self._callback_port = order.callback_port or free_port()
        self._host, self._listeners = self._build(parts)
        self._log = AccessLog(self._host.clock)

    def _build(self, parts: Sequence[ReferencePart]) -> tuple[ReferenceHost, list[Listener]]:
        """Make the host; listeners need the host and the host their ports, so the URLs are filled in as they come."""
        urls = {name: f"https://{LOOPBACK}:{self._sockets.port(name)}" for name in (_MAIN, _MUTUAL)}
        settings = Settings(self._directory, urls, (f"{LOOPBACK}:{self._callback_port}",))
        host = ReferenceHost(settings, self._seed, self._order.faults, parts)
        listeners = [listener for part in host.parts for listener in part.listeners(host)]
        port = inspected.InspectedPort(self._directory / inspected.ENDPOINT, host.faults)
        listeners.append(Listener(inspected.ENDPOINT, port, raw=True))
        for listener in listeners:
            scheme = "https" if listener.tls else "http"
            urls[listener.name] = f"{scheme}://{LOOPBACK}:{self._sockets.port(listener.name)}"
        return host, listeners

    async def run(self) -> None:
        """Serve until told to stop."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        loop.add_signal_handler(signal.SIGCONT, self._host.mishaps.resumed)
        self._watch_parent(loop, stopped)
        if not (again := bool(self._order.ports)):
            self._host.switch(self._order.faults)  # a first life knows nothing of what was in this directory
        self._host.mishaps.born(again=again)
        self._host.start()
        self._apply_faults()
        tasks = await self._serve_all()
        self._announce()
        await stopped.wait()
        await self._host.mishaps.stopping()
        self._host.stop()
        for raw in self._raw:
            raw.close()
        for server in self._servers:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*tasks)
        self._host.db.close()

    async def _serve_all(self) -> list[asyncio.Task[None]]:
        control = Control(self._host, self._log, self._apply_faults)
        product = application(self._host, self._log)
        apps: list[tuple[str, ASGIApp, ssl.SSLContext | None]] = [
            (_MAIN, product, self._context),
            (_MUTUAL, product, self._mutual.context),
            (CONTROL, control.application(self._seed.password("control")), None),
        ]
        for listener in self._listeners:
            if not listener.raw:
                apps.append((listener.name, listener.app, self._context if listener.tls else None))
        tasks = [self._serve(name, app, context) for name, app, context in apps]
        await self._serve_raw([listener for listener in self._listeners if listener.raw])
        while not all(server.started for server in self._servers):
            await asyncio.sleep(0.005)
        return tasks

    def _serve(self, name: str, app: ASGIApp, context: ssl.SSLContext | None) -> asyncio.Task[None]:
        config = uvicorn.Config(
            app, http=protocol_with(self._host.faults), ws="none", loop="asyncio", lifespan="off", log_config=None,
            access_log=False,
            server_header=False, proxy_headers=False, backlog=2048, timeout_keep_alive=60, timeout_graceful_shutdown=1,
        )  # fmt: skip
        config.load()
        config.ssl = context
        server = QuietServer(config)
        self._servers.append(server)
        return asyncio.create_task(server.serve(sockets=[self._sockets.get(name)]))

    async def _serve_raw(self, listeners: list[Listener]) -> None:
        for listener in listeners:
            server = await asyncio.start_server(listener.app, sock=self._sockets.get(listener.name))
            self._raw.append(server)

    def _apply_faults(self) -> None:
        """Change what lives outside the host: the TLS contexts of the ports."""
        on = self._host.faults.on
        self._mutual.set(
            any_authority=on("mtls.optional-no-ca"),
            ignores_revocation=on("mtls.crl-ignored"),
            ignores_expiry=on("mtls.expiry-ignored"),
        )
        if on("tls.legacy-protocol"):
            tls.weaken(self._context)
        else:
            tls.harden(self._context)
        newest = ssl.TLSVersion.TLSv1_2 if on("tls.no-newest") else ssl.TLSVersion.MAXIMUM_SUPPORTED
        self._context.maximum_version = newest

    def _announce(self) -> None:
        ports = self._sockets.all_ports()
        ready: dict[str, Any] = {"ports": ports, "callback_port": self._callback_port}
        if not self._order.ports:  # in its first life; later ones find everything written
            path = self._directory / "candidate.toml"
            demo.write_toml(path, demo.candidate_document(self._host, self._order.control, self._ca))
            ready |= {"base_url": self._host.url(), "candidate": str(path), "ca": str(self._ca)}
            ready |= {"environment": demo.part_secrets(self._host), "secrets": demo.environment(self._seed)}
            ready["control_token"] = self._seed.password("control")
        self._announce_line(json.dumps(ready))

    def _watch_parent(self, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
        """Stop when the parent closes the pipe, by dying for example."""
        mode = os.fstat(0).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return

        def readable() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                stopped.set()

        loop.add_reader(0, readable)


def warm(order: Order) -> None:
    """Derive what is dear and follows from the seed alone, so that banks born later in this process need not."""
    seed = Seed(bytes.fromhex(order.seed))
    known_passwords(seed, users_of(seed).names())


def live(order: Order, parts: Sequence[ReferencePart], announce: Callable[[str], None]) -> None:
    """Run the bank until it is stopped; ``announce`` is given one line of JSON when it is ready."""
    logging.basicConfig(filename=order.directory / "reference.log", level=logging.WARNING)
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(Process(order, parts, announce).run())
