"""Servers to measure against: nginx for rate, and one of our own that holds each request and stalls on time.

    python servers.py HOLD_MS STALL_MS EVERY_MS

The second form is the holding server itself: it prints its port, and on SIGTERM the stalls that it made, as JSON.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance_load.reactor.clock import now_ns, timer_file

#: A JSON answer of 204 bytes, as a payment's.
ANSWER = json.dumps(
    {"id": "pay-0123456789", "state": "accepted", "amount": 1234, "currency": "CNY", "note": ""}, separators=(",", ":")
).replace('"note":""', '"note":"' + "x" * 121 + '"')
#: The last part of a wait is spent looking at the clock: waking takes longer than this.
SPIN_NS = 60_000
_CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/json;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{secure} ssl backlog=4096;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem; ssl_protocols TLSv1.3;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """Where it listens, and the authority of its certificate."""

    plain: int
    secure: int
    authority: str


@contextlib.contextmanager
def nginx(folder: Path, core: int, urgent: bool) -> Iterator[Nginx | None]:
    """Run nginx with one worker on a core; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    certificate(folder)
    plain, secure = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, plain=plain, secure=secure, answer=ANSWER))
    process = subprocess.Popen([program, "-c", str(configuration)], preexec_fn=pinned(core, urgent))
    try:
        wait_for(plain)
        yield Nginx(plain, secure, str(folder / "server.pem"))
    finally:
        process.terminate()
        process.wait()


@dataclass
class Holding:
    """The holding server; ``stalls`` are known after it has ended: start and end on the clock of all processes."""

    port: int
    stalls: list[tuple[int, int]]


@contextlib.contextmanager
def holding(core: int, hold_ms: int, stall_ms: int = 0, every_ms: int = 1) -> Iterator[Holding]:
    """Run the holding server on a core."""
    command = [sys.executable, __file__, str(hold_ms), str(stall_ms), str(every_ms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=pinned(core, urgent=True))
    output: Any = process.stdout
    made = Holding(int(output.readline()), [])
    try:
        yield made
    finally:
        process.terminate()
        made.stalls = [(start, end) for start, end in json.loads(output.readline())]
        process.wait()


def pinned(core: int, urgent: bool = False) -> Any:
    """Return what keeps a process that is about to start on one core; ``urgent`` before all others, where allowed.

    On a machine that others use too, waiting for their time slices would be measured in place of the tools.
    """

    def prepare() -> None:
        os.sched_setaffinity(0, {core})
        if urgent:
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

    return prepare


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nobody listens on port {port}")


def certificate(folder: Path) -> None:
    """Write a certificate for this machine with its key: its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)


class HoldingServer:
    """Answers every request a fixed time after it came; stands still for a while, again and again."""

    def __init__(self, hold_ns: int, stall_ns: int, every_ns: int) -> None:
        self._hold_ns, self._stall_ns, self._every_ns = hold_ns, stall_ns, every_ns
        self._answer = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s" % (
            len(ANSWER),
            ANSWER.encode(),
        )
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        timer = timer_file()
        if timer is None:
            raise RuntimeError("this system has no timerfd")
        self._timer = timer
        self._epoll.register(timer.file, select.EPOLLIN | select.EPOLLET)
        self._connections: dict[int, socket.socket] = {}
        self._due: deque[tuple[int, socket.socket]] = deque()
        self.stalls: list[tuple[int, int]] = []
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Serve until stopped."""
        next_stall = now_ns() + self._every_ns // 2 if self._stall_ns else 1 << 62
        while True:
            now = now_ns()
            if now >= next_stall:
                time.sleep(self._stall_ns / 1e9)
                self.stalls.append((now, now_ns()))
                next_stall += self._every_ns
            while self._due and self._due[0][0] <= now_ns():
                with contextlib.suppress(OSError):
                    self._due.popleft()[1].send(self._answer)
            for file, _ in self._poll(min(self._due[0][0] if self._due else 1 << 62, next_stall)):
                self._take(file)

    def _poll(self, until_ns: int) -> list[tuple[int, int]]:
        wait_ns = until_ns - now_ns()
        if wait_ns < 2 * SPIN_NS:
            return self._epoll.poll(0, 256)
        self._timer.set(until_ns - SPIN_NS)
        return self._epoll.poll(0.5, 256)

    def _take(self, file: int) -> None:
        connection = self._connections.get(file)
        if connection is not None:
            data = b""
            with contextlib.suppress(OSError):
                data = connection.recv(8192)
            if data:
                self._due.append((now_ns() + self._hold_ns, connection))
            else:
                self._connections.pop(file).close()
        elif file == self._listener.fileno():
            with contextlib.suppress(BlockingIOError):
                made, _ = self._listener.accept()
                made.setblocking(False)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections[made.fileno()] = made
                self._epoll.register(made, select.EPOLLIN)


def main() -> None:
    """Be the holding server."""
    hold_ms, stall_ms, every_ms = map(int, sys.argv[1:])
    server = HoldingServer(hold_ms * 1_000_000, stall_ms * 1_000_000, every_ms * 1_000_000)

    def end(_signal: int, _frame: Any) -> None:
        print(json.dumps(server.stalls), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    print(server.port, flush=True)
    server.run()


if __name__ == "__main__":
    main()
