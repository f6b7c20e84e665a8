"""Why evidence cannot be read."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import HarnessError


class EvidenceDamaged(HarnessError):
    """A segment, leaf file or stored body is not what the journal wrote. ``code`` is a stable reason code."""

    def __init__(self, code: str, summary: str, file: Path) -> None:
        self.code = code
        super().__init__(
            summary,
            where=str(file),
            remedy="Copy the evidence again from where it was written; what is damaged cannot be repaired.",
        )
