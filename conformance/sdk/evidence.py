"""Evidence: what a check leaves behind for the report besides its recorded exchanges."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any


class Evidence:
    """Notes of one check, and values that are unique to it.

    ``run`` and ``check`` make :meth:`unique` reproducible within a run and different between runs.
    """

    def __init__(self, run: str, check: str, attempt: int = 1) -> None:
        self._seed = f"{run}/{check}/{attempt}"
        self._counter = itertools.count()
        #: Label and text, in the order of :meth:`note`.
        self.notes: list[tuple[str, str]] = []

    def note(self, label: str, value: Any) -> None:
        """Keep a computed fact (text, or anything JSON can hold) under ``label``; never put secrets here."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        self.notes.append((label, text[:4000]))

    def unique(self, prefix: str = "id") -> str:
        """Return an identifier that no other check, run or call makes: for idempotency keys and references."""
        number = next(self._counter)
        digest = hashlib.sha256(f"{self._seed}/{prefix}/{number}".encode()).hexdigest()
        return f"{prefix}-{digest[:20]}"
