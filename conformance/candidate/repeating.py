"""Operations made of several calls, repeated: what the first calls kept is kept for each idempotency key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance.sdk.answers import Answer


@dataclass(slots=True)
class _Repeat:
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[str, Any] | None = None


class Repeats:
    """Makes first calls once for each key, however many threads ask at the same moment.

    A repeated operation repeats its last call alone: a second invoice would be another payment, not a replay.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], _Repeat] = {}
        self._lock = threading.Lock()

    def kept(self, operation: str, key: str, make: Callable[[], dict[str, Any] | Answer]) -> dict[str, Any] | Answer:
        """Return what the first calls kept under a key, or why they were not accepted; "" is no key."""
        if not key:
            return make()
        with self._lock:
            repeat = self._made.setdefault((operation, key), _Repeat())
        with repeat.lock:
            if repeat.kept is None:
                made = make()
                if not isinstance(made, dict):
                    return made
                repeat.kept = made
        return repeat.kept
