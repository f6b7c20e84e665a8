"""The reference bank as a process: ``python -m conformance.reference.serve --directory DIR [--fault F]…``.

Prints one JSON line when it is ready. Ends when its standard input, if a pipe, is closed: it dies with its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
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
from conformance.reference.parts import load_parts
from conformance.sdk.reference import Listener

#: Sockets handed over a restart, as JSON {name: file descriptor}.
_SOCKETS_VARIABLE = "CONFORMANCE_DEMO_SOCKETS"
#: Ports beside those of listeners. The second asks for client certificates and is otherwise the same as the first.
_MAIN, _MUTUAL, _CONTROL = "", "mtls", "control"
_LOOPBACK = "127.0.0.1"
#: Threads give way to each other after this many seconds: commits must not wait for a busy event loop.
_SWITCH_S = 0.0005
#: Cut connections are closed within this time, in seconds, so that a client sees it before the next request.
_ABORT_S = 0.01


class QuietServer(uvicorn.Server):
    """A server among several in one process: signals belong to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@dataclass
class Sockets:
    """Listening sockets by name; they survive a restart, so that ports stay and clients merely wait."""

    held: dict[str, socket.socket] = field(default_factory=dict)

    @classmethod
    def inherited(cls) -> Sockets:
        """Return the sockets that an earlier life of this process handed over."""
        handed = json.loads(os.environ.get(_SOCKETS_VARIABLE, "{}"))
        return cls({name: socket.socket(fileno=number) for name, number in handed.items()})

    def get(self, name: str) -> socket.socket:
        """Return the socket of a name, bound to a free loopback port the first time."""
        if name not in self.held:
            # Named as TCP, or asyncio would leave small answers waiting for acknowledgements (Nagle's algorithm).
            bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((_LOOPBACK, 0))
            self.held[name] = bound
        return self.held[name]

    def port(self, name: str) -> int:
        """Return the port of a name."""
        return int(self.get(name).getsockname()[1])

    def hand_over(self) -> str:
        """Make all sockets survive ``exec`` and return them as JSON."""
        for held in self.held.values():
            held.set_inheritable(True)
        return json.dumps({name: held.fileno() for name, held in self.held.items()})


def free_port() -> int:
    """Return a loopback port that was free a moment ago, for a receiver of callbacks."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Process:
    """Everything that lives in this process."""

    def __init__(self, options: argparse.Namespace, seed: Seed) -> None:
        self._options = options
        self._seed = seed
        self._directory: Path = options.directory.resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._ca = tls.make_certificates(self._directory)
        self._context = tls.server_context(self._directory)
        self._mutual = tls.MutualTls(self._directory)
        self._sockets = Sockets.inherited()
        self._servers: list[QuietServer] = []
        self._raw: list[asyncio.Server] = []
        self._host, self._listeners = self._build()
        self._log = AccessLog(self._host.clock)

    def _build(self) -> tuple[ReferenceHost, list[Listener]]:
        """Make the host; listeners need the host and the host their ports, so the URLs are filled in as they come."""
        urls = {name: f"https://{_LOOPBACK}:{self._sockets.port(name)}" for name in (_MAIN, _MUTUAL)}
        callback = f"{_LOOPBACK}:{self._options.callback_port or free_port()}"
        self._options.callback_port = int(callback.rpartition(":")[2])
        settings = Settings(self._directory, urls, (callback,))
        host = ReferenceHost(settings, self._seed, self._options.fault, load_parts(self._options.only_plugins))
        listeners = [listener for part in host.parts for listener in part.listeners(host)]
        port = inspected.InspectedPort(self._directory / inspected.ENDPOINT, host.faults)
        listeners.append(Listener(inspected.ENDPOINT, port, raw=True))
        for listener in listeners:
            scheme = "https" if listener.tls else "http"
            urls[listener.name] = f"{scheme}://{_LOOPBACK}:{self._sockets.port(listener.name)}"
        return host, listeners

    async def run(self) -> None:
        """Serve until told to stop."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        self._watch_parent(loop, stopped)
        self._host.start()
        self._apply_faults()
        tasks = await self._serve_all()
        self._announce()
        await stopped.wait()
        self._host.stop()
        for raw in self._raw:
            raw.close()
        for server in self._servers:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*tasks)
        self._host.db.close()

    async def _serve_all(self) -> list[asyncio.Task[None]]:
        control = Control(self._host, self._log, self._apply_faults, self._halt, self._restart)
        product = application(self._host, self._log)
        apps: list[tuple[str, ASGIApp, ssl.SSLContext | None]] = [
            (_MAIN, product, self._context),
            (_MUTUAL, product, self._mutual.context),
            (_CONTROL, control.application(self._seed.password("control")), None),
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
        # The server closes what it is given; the original stays open for a restart.
        return asyncio.create_task(server.serve(sockets=[self._sockets.get(name).dup()]))

    async def _serve_raw(self, listeners: list[Listener]) -> None:
        for listener in listeners:
            server = await asyncio.start_server(listener.app, sock=self._sockets.get(listener.name).dup())
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
        control = f"http://{_LOOPBACK}:{self._sockets.port(_CONTROL)}"
        path = self._directory / "candidate.toml"
        demo.write_toml(path, demo.candidate_document(self._host, control, self._ca))
        if _SOCKETS_VARIABLE in os.environ:
            return  # after a restart whoever waits has had the line
        ready: dict[str, Any] = {"ready": True, "base_url": self._host.url(), "control": control}
        ready |= {"candidate": str(path), "ca": str(self._ca), "pid": os.getpid()}
        # Whoever gave the seed can make the bank's secrets of it, but not those of parts it has not loaded.
        ready["environment"] = demo.part_secrets(self._host)
        if demo.SEED_VARIABLE not in os.environ:
            ready["environment"] |= demo.environment(self._seed)
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()

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

    async def _halt(self) -> None:
        """Answer nobody any more, as a crash would: connections are cut, work in flight is lost."""
        for raw in self._raw:
            raw.close()
        for server in self._servers:
            if server.config.ssl is None:
                continue
            for listening in server.servers:
                listening.close()
            for connection in list(server.server_state.connections):
                transport = getattr(connection, "transport", None)
                if transport is not None:
                    transport.abort()
        await asyncio.sleep(_ABORT_S)

    def _restart(self) -> None:
        """Become a new process at once: nothing is flushed, nothing is closed in order; only the disk remains."""
        os.environ[_SOCKETS_VARIABLE] = self._sockets.hand_over()
        os.environ[demo.SEED_VARIABLE] = self._seed.secret.hex()
        arguments = ["--directory", str(self._directory), "--callback-port", str(self._options.callback_port)]
        for fault in self._host.faults.active():
            arguments += ["--fault", fault]
        if self._options.only_plugins is not None:
            arguments += ["--only-plugins", ",".join(self._options.only_plugins)]
        os.execv(sys.executable, [sys.executable, "-m", "conformance.reference.serve", *arguments])  # noqa: S606


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="conformance.reference.serve", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where database, certificates and log live")
    parser.add_argument("--fault", action="append", default=[], help="a fault to switch on (repeatable)")
    parser.add_argument("--only-plugins", type=_names, default=None, help="names of suites, separated by commas")
    parser.add_argument("--callback-port", type=int, default=0, help="the loopback port that may be called back")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def main() -> None:
    """Run the bank."""
    options = parse(sys.argv[1:])
    options.directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=options.directory / "reference.log", level=logging.WARNING)
    sys.setswitchinterval(_SWITCH_S)
    given = os.environ.get(demo.SEED_VARIABLE)
    asyncio.run(Process(options, Seed(bytes.fromhex(given) if given else secrets.token_bytes(32))).run())


if __name__ == "__main__":
    main()
