"""The parent's end of the proxy that cuts connections: starts it before the candidate, steers it, and counts."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from conformance.errors import ConfigError, HarnessError
from conformance.sdk import CandidateFile
from conformance_load import proxy
from conformance_load.flow import Target

#: Seconds the proxy may take to end.
_END_S = 5


class ResetProxy:
    """A proxy in front of one target of the candidate; a context manager. ``counts`` are complete once it has ended."""

    def __init__(self, file: CandidateFile, target: Target, *, every: int, seed: int) -> None:
        """Refuse, with ConfigError, to stand before anything but the candidate's own addresses."""
        if (target.host, target.port) not in _own(file):
            raise ConfigError(
                f"{target.host}:{target.port} is not an address of the candidate",
                where="candidate.toml base_url, [endpoints]",
                remedy="Connections are cut only on the way to the candidate itself.",
            )
        self._target = target
        self._every = every
        self._seed = seed
        self._child: subprocess.Popen[str] | None = None
        #: Where connections are to go: the proxy's own address.
        self.address = ("127.0.0.1", 0)
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Start; raises HarnessError when the proxy does not come up."""
        host = socket.getaddrinfo(*self._target.address, type=socket.SOCK_STREAM)[0][4][0]
        skip = proxy.TLS_TURNS if self._target.tls else 0
        order = proxy.ProxyOrder(str(host), self._target.port, self._every, self._seed, skip)
        command = [sys.executable, "-I", str(proxy.__file__), json.dumps(asdict(order))]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = ("127.0.0.1", int(self._line()["port"]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the proxy and take its counts; connections through it are cut."""
        child, self._child = self._child, None
        if child is None:
            return
        try:
            said, _ = child.communicate(timeout=_END_S)
            self.counts = json.loads(said) if said else {}
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()

    def cut(self, on: bool) -> None:
        """Switch cutting on or off; raises HarnessError when the proxy is gone."""
        try:
            self._stdin().write("on\n" if on else "off\n")
            self._stdin().flush()
        except OSError as error:
            raise HarnessError(f"the proxy that cuts connections is gone: {error}", where="load") from error

    def _stdin(self) -> Any:
        if self._child is None or self._child.stdin is None:
            raise HarnessError("the proxy that cuts connections is not running", where="load")
        return self._child.stdin

    def _line(self) -> dict[str, Any]:
        assert self._child is not None  # noqa: S101 - started just now
        assert self._child.stdout is not None  # noqa: S101 - asked for
        line = self._child.stdout.readline()
        if not line:
            raise HarnessError("the proxy that cuts connections did not start", where="load")
        value: dict[str, Any] = json.loads(line)
        return value


def _own(file: CandidateFile) -> set[tuple[str, int]]:
    parts = [urlsplit(url) for url in (file.base_url, *file.endpoints.values()) if "://" in url]
    return {(item.hostname or "", item.port or (443 if item.scheme == "https" else 80)) for item in parts}
