"""Parameters of submitting to a ledger under load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance_load.whole import whole

DEFAULTS: dict[str, int] = {
    "final_p99_ms_max": 0,
    "final_error_permille_max": 10,
    "final_poll_ms": 50,
    "final_payers": 8,
}
#: Used where neither profile nor candidate say how soon a transaction must be final (milliseconds).
_FINAL_MS_MAX = 5_000
#: A transaction that takes this many times its limit is given up.
_GIVEN_UP_AFTER = 3


@dataclass(frozen=True, slots=True)
class Finality:
    """What transactions must meet, and how their finality is asked for.

    ``p99_ms_max`` from the intended submission to finality; 0 in the parameters stands for what the candidate declares
    under ``[declared.ledger] finality_ms_max``. Each transaction is asked for every ``poll_ms``, which is how finely
    finality is measured. ``payers`` accounts take turns, so that one's transactions seldom wait for each other.
    """

    p99_ms_max: int
    error_permille_max: int
    poll_ms: int
    payers: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any], declared: Mapping[str, Any]) -> Finality:
        """Read parameters, and what ``[declared.ledger]`` says; raises ConfigError for a wrong one."""
        limit = whole(parameters, "final_p99_ms_max", DEFAULTS, 0)
        return cls(
            limit or int(declared.get("finality_ms_max", _FINAL_MS_MAX)),
            whole(parameters, "final_error_permille_max", DEFAULTS, 0),
            whole(parameters, "final_poll_ms", DEFAULTS, 1),
            whole(parameters, "final_payers", DEFAULTS, 2),
        )

    @property
    def give_up_s(self) -> float:
        """How long one transaction is asked for, in seconds."""
        return _GIVEN_UP_AFTER * self.p99_ms_max / 1000

    def slo(self) -> dict[str, int]:
        """Return the limits, in the form used in reports."""
        return {"p99MsMax": self.p99_ms_max, "errorPermilleMax": self.error_permille_max}
