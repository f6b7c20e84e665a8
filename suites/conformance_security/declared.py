"""What a candidate file declares for this suite, under ``[declared.security]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Candidate


def declared(candidate: Candidate, name: str, default: Any = None) -> Any:
    """Return a member of ``[declared.security]``, or ``default``."""
    section = candidate.declared.get("security", {})
    return section.get(name, default) if isinstance(section, Mapping) else default
