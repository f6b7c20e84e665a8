"""Scope: where traffic may go, decided on addresses after resolution and before any packet."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.errors import ConfigError
from conformance.model.candidate import CandidateFile
from conformance.sdk.findings import Inconclusive

DEFAULT_PORTS = {"http": 80, "https": 443}

#: Resolves a host name and a port to addresses.
Resolver = Callable[[str, int], tuple[str, ...]]


class OutOfScope(Inconclusive):
    """Traffic to an address that the candidate file does not allow; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, blame="CONFIG")


class Unresolved(Exception):
    """A host name that has no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the resolved ``address``, and the name to send and to verify."""

    scheme: str
    host: str
    port: int
    address: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS.get(self.scheme) == self.port else f"{host}:{self.port}"


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host, in the system's order; raises Unresolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"{host} has no address: {error}") from error
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


class Boundary:
    """The allowed addresses of one candidate.

    Every name is resolved once and kept, so a name that later points elsewhere (DNS rebinding) changes nothing;
    connections go to the kept address. A foreign name is in scope only if it resolves to an allowed address.
    """

    def __init__(self, allowed: list[tuple[str, int]], resolver: Resolver = resolve) -> None:
        self._allowed = [(_bare(host), port) for host, port in allowed]
        self._resolver = resolver
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}
        #: By what stands before a URL's path, which alone decides.
        self._targets: dict[str, Target] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, candidate: CandidateFile, resolver: Resolver = resolve) -> Boundary:
        """Return the boundary that a candidate file draws: base URL, endpoints and ``scope.hosts``."""
        urls = [url for url in (candidate.base_url, *candidate.endpoints.values()) if url]
        return cls([*(_of_url(url) for url in urls), *(_of_pair(pair) for pair in candidate.scope.hosts)], resolver)

    def target(self, url: str) -> Target:
        """Return where a URL leads; raises OutOfScope before anything is sent, or Unresolved."""
        origin = _before_path(url)
        known = self._targets.get(origin)
        if known:
            return known
        with self._lock:
            target = self._admit(*_parts(url))
            self._targets[origin] = target
        return target

    def _admit(self, scheme: str, host: str, port: int) -> Target:
        addresses = self._resolve(host, port)
        if (host, port) in self._allowed:
            return Target(scheme, host, port, addresses[0])
        allowed = {(address, at) for name, at in self._allowed for address in self._addresses_of(name, at)}
        inside = [address for address in addresses if (address, port) in allowed]
        if not inside:
            raise OutOfScope(
                f"{host}:{port} is not in scope; add it to [scope] hosts in candidate.toml if it should be"
            )
        return Target(scheme, host, port, inside[0])

    def _addresses_of(self, host: str, port: int) -> tuple[str, ...]:
        try:
            return self._resolve(host, port)
        except Unresolved:
            return ()

    def _resolve(self, host: str, port: int) -> tuple[str, ...]:
        if (host, port) not in self._known:
            self._known[(host, port)] = self._resolver(host, port)
        return self._known[(host, port)]


def _before_path(url: str) -> str:
    """Return a URL up to the first slash behind its authority, or the whole of one without."""
    end = url.find("/", url.find("//") + 2)
    return url if end < 0 else url[:end]


def _of_url(url: str) -> tuple[str, int]:
    _, host, port = _parts(url)
    return host, port


def _of_pair(pair: str) -> tuple[str, int]:
    if "://" in pair:
        return _of_url(pair)
    host, _, port = pair.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"{pair!r} in [scope] hosts names no port", remedy='Write "host:port".')
    return host, int(port)


def _parts(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OutOfScope(f"{url!r} is not a URL: {error}") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise OutOfScope(f"{url!r} is not an http or https URL")
    return scheme, parts.hostname.lower(), port or DEFAULT_PORTS[scheme]


def _bare(host: str) -> str:
    return host.strip("[]").lower()
