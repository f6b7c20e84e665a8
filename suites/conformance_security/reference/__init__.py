"""The security suite's part of the reference candidate: what the bank itself has no use for, but its checks need.

Nothing here imports the suite's oracle code: a bug shared by the two would hide itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.routing import Route

from conformance.sdk import Host, Listener, ReferencePart, SecretsPart, UsersPart
from conformance_security.reference.doors import Doors
from conformance_security.reference.oauth import OAuthPart
from conformance_security.reference.tlcp import TlcpPart
from conformance_security.reference.tls_front import TlsFront

#: The parts of the part, each implementing :class:`conformance.sdk.ReferencePart`.
PARTS: tuple[ReferencePart, ...] = (TlsFront(), Doors(), TlcpPart(), OAuthPart())


class SecurityPart:
    """Implements :class:`conformance.sdk.ReferencePart` by what its parts contribute."""

    def __init__(self, parts: Sequence[ReferencePart]) -> None:
        self._parts = tuple(parts)
        self.schema = "\n".join(part.schema for part in parts)

    def routes(self, host: Host) -> Sequence[Route]:
        """Return the routes of all parts on the main port."""
        return [route for part in self._parts for route in part.routes(host)]

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return the further ports of all parts."""
        return [listener for part in self._parts for listener in part.listeners(host)]

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return the hooks of all parts."""
        return {name: hook for part in self._parts for name, hook in part.hooks(host).items()}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Return ``[declared.security]`` as all parts fill it; tables that two parts fill are joined."""
        merged: dict[str, Any] = {}
        for part in self._parts:
            for name, value in part.declared(host).items():
                known = merged.get(name)
                merged[name] = {**known, **value} if isinstance(known, dict) else value
        return {"security": merged} if merged else {}

    def users(self, host: Host) -> Mapping[str, Mapping[str, Any]]:
        """Return the further callers of all parts that have some."""
        having = (part for part in self._parts if isinstance(part, UsersPart))
        return {name: user for part in having for name, user in part.users(host).items()}

    def secrets(self, host: Host) -> Mapping[str, str]:
        """Return the secrets that the declarations of all parts name."""
        having = (part for part in self._parts if isinstance(part, SecretsPart))
        return {name: value for part in having for name, value in part.secrets(host).items()}

    def supports(self) -> Sequence[str]:
        """Return the capabilities of all parts."""
        return [name for part in self._parts for name in part.supports()]

    def start(self, host: Host) -> None:
        """Start all parts."""
        for part in self._parts:
            part.start(host)

    def stop(self) -> None:
        """Stop all parts, the last first."""
        for part in reversed(self._parts):
            part.stop()


PART = SecurityPart(PARTS)
