"""What happened on one node, each record chained to the one before (JR/T 0184-2020 10.7, 13.11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance_ledger.reference.encoding import NO_PARENT, digest

FIELDS = ("number", "time", "actor", "action", "subject", "result", "detail", "previous")


class Events:
    """An append-only log; it survives the loss of the node's memory."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        self.records: list[dict[str, Any]] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, actor: str, action: str, subject: str, result: str, detail: str = "") -> None:
        """Add a record: who did what to which object, with what result (success, refused, failed)."""
        record: dict[str, Any] = {
            "number": len(self.records),
            "time": self._now_ms(),
            "actor": actor,
            "action": action,
            "subject": subject,
            "result": result,
            "detail": detail[:200],
            "previous": self.records[-1]["digest"] if self.records else NO_PARENT,
        }
        record["digest"] = digest("event/v1", (record[name] for name in FIELDS))
        self.records.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
