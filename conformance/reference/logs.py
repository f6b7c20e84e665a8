"""The bank's access log, kept for the hook that exports it."""

from __future__ import annotations

from collections import deque
from typing import Any

from starlette.types import Scope

from conformance.reference.board import ShiftableClock

#: Lines kept; older ones are dropped.
_LINES_MAX = 20_000


class AccessLog:
    """Who asked for what, and how it ended. Nothing of a request's content is kept, unless a fault writes it down."""

    def __init__(self, clock: ShiftableClock) -> None:
        self._clock = clock
        self._lines: deque[tuple[float, str, str, str, str, int, int, str]] = deque(maxlen=_LINES_MAX)

    def add(self, scope: Scope, status: int, elapsed_us: int, body: str = "") -> None:
        """Add one request."""
        headers = dict(scope["headers"])
        check = headers.get(b"conformance-check", b"").decode("latin-1")[:80]
        principal = scope.get("state", {}).get("principal")
        who = principal.user if principal is not None else "-"
        now = self._clock.now().timestamp()
        self._lines.append((now, scope["method"], scope["path"], who, check, status, elapsed_us, body))

    def lines(self) -> list[dict[str, Any]]:
        """Return the kept lines, oldest first; ``at`` in milliseconds since 1970, ``elapsed_us`` in microseconds."""
        names = ("method", "path", "user", "check", "status", "elapsed_us")
        return [
            {
                "at": int(line[0] * 1000),
                **dict(zip(names, line[1:], strict=False)),
                **({"body": line[7]} if line[7] else {}),
            }
            for line in self._lines
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
