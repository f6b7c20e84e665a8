"""Renderings: everything people and tools look at, made from the signed report statement alone.

A rendering is a module, registered under the entry point group ``conformance.reports``, that follows
:class:`Rendering`. It never decides anything: the statement is the authority, and the same statement with the same
evidence always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

#: A report statement: the in-toto statement whose predicate has the schema ``conformance/report/v1``.
Statement = Mapping[str, Any]

#: Gives the redacted record of one exchange by its sequence number; None, or a LookupError, where there is none.
EvidenceReader = Callable[[int], Mapping[str, Any] | None]


class Rendering(Protocol):
    """What the core expects of a rendering module."""

    #: The name people ask for it by, as in ``conformance report --format NAME``.
    NAME: str
    #: What it writes, relative to the directory it is given; a folder ends with a slash.
    FILES: tuple[str, ...]

    def render(self, statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
        """Write the rendering into ``directory`` and return the paths of the files written."""
        ...


__all__ = ["EvidenceReader", "Rendering", "Statement"]
