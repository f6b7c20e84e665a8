"""How a verification step says no."""

from __future__ import annotations


class Refused(Exception):
    """A step's refusal: ``code`` is stable, ``summary`` one sentence for people."""

    def __init__(self, code: str, summary: str) -> None:
        self.code = code
        self.summary = summary
        super().__init__(f"{code}: {summary}")


def demand(holds: bool, code: str, summary: str) -> None:
    """Raise :class:`Refused` unless ``holds``."""
    if not holds:
        raise Refused(code, summary)
