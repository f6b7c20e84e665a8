"""The parts of suites that the bank hosts, found through their entry points."""

from __future__ import annotations

from collections.abc import Sequence

from conformance import plugins
from conformance.sdk.reference import ReferencePart


def load_parts(only: Sequence[str] | None) -> list[ReferencePart]:
    """Return the reference parts of the installed suites, or of those named in ``only``."""
    loaded = plugins.load_suites(only=list(only) if only is not None else None)
    parts = (suite.reference() for suite in loaded)
    return [part for part in parts if part is not None]
