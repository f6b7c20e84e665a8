"""The product's clock, moved by the test environment where its owner lets us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.sdk import Candidate, Effect


def movable(candidate: Candidate) -> bool:
    """Tell whether the clock can be moved here: the hook is declared, and disrupting the product is in scope."""
    return "clock" in candidate.file.hooks and Effect.DISRUPTIVE.within(candidate.file.scope.ceiling())


@contextmanager
def moved(candidate: Candidate, seconds: int) -> Iterator[None]:
    """Move the product's clock ahead for the length of the block."""
    try:
        candidate.hook("clock", offset_s=seconds)
        yield
    finally:
        candidate.hook("clock", offset_s=0)
