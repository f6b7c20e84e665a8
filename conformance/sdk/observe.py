"""Observers: code of a suite that sees every exchange of a run, whichever suite's check made it.

A check that asks for ``observed`` gets its suite's observer, and runs after all checks that do not. An observer sees
messages before redaction: it must keep nothing of them that may not be printed, and it must be quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conformance.model.candidate import CandidateFile
from conformance.sdk.context import Params
from conformance.sdk.drivers import Sighting


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an observer knows before its first exchange.

    ``secrets`` gives the secret values of the candidate file that are known by now. ``earlier`` is how many exchanges
    checks of earlier processes of the run had made before this one began: they are not shown again.
    """

    run: str
    file: CandidateFile
    parameters: Params
    secrets: Callable[[], frozenset[str]]
    earlier: int = 0


class Observer(Protocol):
    """Made by the factory that ``Suite.observer`` names; one for each check process."""

    def see(self, seq: int, check: str, sighting: Sighting) -> None:
        """Take note of exchange ``seq`` of the journal, made by ``check``. Never called twice at once."""
        ...


#: What ``Suite.observer`` names.
ObserverFactory = Callable[[Outlook], Observer]
