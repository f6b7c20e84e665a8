"""What a master and its workers say to each other. Plain data, small enough for one message each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conformance.sdk import Account

#: Types of Locust messages. From the master: join a scenario, make a wave ready, begin it, end it early, go home.
ENLIST, LOAD, GO, ABORT, DISMISS = "crew-enlist", "crew-load", "crew-go", "crew-abort", "crew-dismiss"
#: Both ways: what is your clock?
CLOCK = "crew-clock"
#: From a worker: ready, how far, a limit is broken beyond doubt, what I measured, what went wrong.
ENLISTED, READY, PROGRESS, BROKEN, SHARE, FAILED = (
    "crew-enlisted",
    "crew-ready",
    "crew-progress",
    "crew-broken",
    "crew-share",
    "crew-failed",
)


@dataclass(frozen=True, slots=True)
class Enlistment:
    """What a worker must know of a scenario: its number from 1 among ``workers``, the accounts, and how payments are
    named. ``candidate``: digest of the candidate file, which must be the master's. ``capacity``: payments of its own.
    """

    scenario: str
    worker: int
    workers: int
    mark: str
    candidate: str
    capacity: int
    seed: int
    accounts: tuple[Account, ...]
    parameters: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "accounts": [asdict(item) for item in self.accounts]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Enlistment:
        """Read what :meth:`as_json` returned."""
        accounts = tuple(Account(**item) for item in value["accounts"])
        return cls(**{**value, "accounts": accounts, "parameters": dict(value["parameters"])})
