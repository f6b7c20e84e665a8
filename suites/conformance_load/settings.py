"""Parameters of the payment load scenario: defaults, and what a profile may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from conformance.errors import ConfigError

#: Defaults, small enough for a laptop. Every value is an integer, so that plans stay canonical.
DEFAULTS: dict[str, int] = {
    "rate_per_s": 100,
    "duration_s": 8,
    "warmup_s": 1,
    "connections": 32,
    "accounts": 12,
    "amount_max": 10_00,
    "poisson": 0,
    "replay_every": 64,
    "altered_every": 120,
    "twin_every": 90,
    "cut_every": 150,
    "uncovered_every": 50,
    "drain_s": 5,
    "probes": 5,
    "p50_ms_max": 500,
    "p99_ms_max": 1000,
    "error_permille_max": 10,
    "confirmed_permille_min": 990,
    "recovery_s_max": 10,
    "recovered_ms_max": 300,
}
#: What calibration changes: long enough for every fault to strike several times, slow enough for a busy machine, and
#: limits that the slow faults break by far.
CALIBRATION: dict[str, int] = {
    "rate_per_s": 30,
    "duration_s": 4,
    "warmup_s": 0,
    "accounts": 6,
    "replay_every": 20,
    "altered_every": 48,
    "twin_every": 13,
    "cut_every": 40,
    "uncovered_every": 25,
    "p50_ms_max": 1000,
    "p99_ms_max": 3000,
    "recovered_ms_max": 600,
}
#: Values that may be zero; all others must be at least 1.
_MAY_BE_ZERO = frozenset(
    {
        "warmup_s",
        "poisson",
        "replay_every",
        "altered_every",
        "twin_every",
        "cut_every",
        "uncovered_every",
        "drain_s",
        "error_permille_max",
    }
)
#: All requests are made ready before the clock starts; this bounds the memory they take.
REQUESTS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's parameters.

    ``rate_per_s`` arrivals come for ``warmup_s + duration_s`` seconds over ``connections`` connections; the warm-up
    is reconciled but not measured. ``poisson`` 1: independent arrivals instead of even ones. One arrival in
    ``replay_every`` repeats an earlier payment with its key, one in ``altered_every`` uses an earlier key for another
    amount, one in ``twin_every`` is the one before it at the same moment, one in ``cut_every`` loses its connection
    after sending, one in ``uncovered_every`` payments comes from an empty account. ``drain_s`` after the last arrival,
    what has not been sent is given up. ``probes`` single payments are timed before and after the pressure.

    Limits: ``p50_ms_max`` and ``p99_ms_max`` on the response time, ``error_permille_max`` broken requests,
    ``confirmed_permille_min`` confirmed payments, and within ``recovery_s_max`` after the pressure a payment must
    again take at most ``recovered_ms_max``.
    """

    rate_per_s: int
    duration_s: int
    warmup_s: int
    connections: int
    accounts: int
    amount_max: int
    poisson: int
    replay_every: int
    altered_every: int
    twin_every: int
    cut_every: int
    uncovered_every: int
    drain_s: int
    probes: int
    p50_ms_max: int
    p99_ms_max: int
    error_permille_max: int
    confirmed_permille_min: int
    recovery_s_max: int
    recovered_ms_max: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any], rate_allowed_per_s: int) -> Settings:
        """Read parameters; raises ConfigError for a wrong one and for a rate beyond the candidate's limit."""
        values = {field.name: _integer(field.name, parameters) for field in fields(cls)}
        made = cls(**values)
        if made.rate_per_s > rate_allowed_per_s:
            raise ConfigError(
                f"rate_per_s is {made.rate_per_s}, but the candidate allows {rate_allowed_per_s}",
                where="load.rate_per_s",
                remedy="Lower the rate in the profile, or raise [limits] load_per_second_max in candidate.toml.",
            )
        if made.requests > REQUESTS_MAX:
            raise ConfigError(
                f"{made.requests} requests are more than the {REQUESTS_MAX} that fit into memory when made ahead",
                where="load.duration_s",
                remedy="Shorten the run or lower the rate.",
            )
        if made.accounts < 2:
            raise ConfigError(
                "a payment needs two accounts", where="load.accounts", remedy="Set accounts to 2 or more."
            )
        return made

    @property
    def requests(self) -> int:
        """How many arrivals are expected, about."""
        return self.rate_per_s * (self.duration_s + self.warmup_s)

    def slo(self) -> dict[str, int]:
        """Return the limits, in the form used in reports."""
        return {
            "p50MsMax": self.p50_ms_max,
            "p99MsMax": self.p99_ms_max,
            "errorPermilleMax": self.error_permille_max,
            "confirmedPermilleMin": self.confirmed_permille_min,
            "recoverySMax": self.recovery_s_max,
            "recoveredMsMax": self.recovered_ms_max,
        }


def _integer(name: str, parameters: Mapping[str, Any]) -> int:
    value = parameters.get(name, DEFAULTS[name])
    least = 0 if name in _MAY_BE_ZERO else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"{value!r} is not a whole number of {least} or more",
            where=f"load.{name}",
            remedy=f"Set it in the profile under [parameters.load]; the default is {DEFAULTS[name]}.",
        )
    return value
