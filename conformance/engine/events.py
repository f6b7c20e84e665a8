"""Events: the engine emits them, reporters only listen. Each is one JSON line in ``events.jsonl``.

``run-started`` ``scenario-started`` ``progress`` ``scenario-finished`` ``scenario-failed`` ``scenario-interrupted``
``check-started`` ``check-resumed`` ``outcome`` ``attempt-failed`` ``run-finished``
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from conformance.engine.rundir import disk_error

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

#: Events that must survive a crash, because resuming relies on them.
_DURABLE = frozenset({"run-started", "outcome", "scenario-finished", "scenario-interrupted", "run-finished"})


class EventLog:
    """Appends events to a file and tells listeners. Progress is told but not kept."""

    def __init__(self, path: Path, listeners: tuple[Listener, ...] = ()) -> None:
        self._path = path
        self._listeners = listeners
        _mend(path)
        self._stream: BinaryIO = path.open("ab")

    def emit(self, event: Event) -> None:
        """Write and tell one event; raises HarnessError when the disk is full."""
        if event["event"] != "progress":
            self._write(event)
        for listener in self._listeners:
            listener(event)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _write(self, event: Event) -> None:
        try:
            self._stream.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            self._stream.flush()
            if event["event"] in _DURABLE:
                os.fsync(self._stream.fileno())
        except OSError as error:
            raise disk_error(self._path, error) from error


def _mend(path: Path) -> None:
    """Cut off a last line that a crash left unfinished, so that the next one starts on its own."""
    if not path.is_file():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(data.rfind(b"\n") + 1)
