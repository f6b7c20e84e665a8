"""Parameters of the load scenarios: defaults, and what a profile may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from conformance.errors import ConfigError
from conformance.sdk import CandidateFile
from conformance_load.crew.calling import require_crew
from conformance_load.shares import OPERATIONS as STREAMS

#: Defaults, small enough for a laptop. Every value is an integer or a word, so that plans stay canonical.
DEFAULTS: dict[str, int | str] = {
    "shape": "constant",
    "trace": "",
    "rate_per_s": 100,
    "scale_permille": 1000,
    "duration_s": 8,
    "warmup_s": 1,
    "burst_factor": 10,
    "burst_at_s": 2,
    "burst_s": 2,
    "period_s": 4,
    "ramp_from_permille": 100,
    "search_from_per_s": 10,
    "search_step_s": 5,
    "connections": 32,
    "accounts": 12,
    "amount_max": 10_00,
    "replay_every": 64,
    "altered_every": 120,
    "twin_every": 90,
    "cut_every": 150,
    "uncovered_every": 50,
    "prepare_s_max": 600,
    "sample_every_ms": 500,
    "drain_s": 5,
    "final_s_max": 15,
    "probes": 5,
    "p50_ms_max": 500,
    "p99_ms_max": 1000,
    "error_permille_max": 10,
    "confirmed_permille_min": 990,
    "rate_per_s_min": 0,
    "abort_on_breach": 0,
    "abort_after_s": 5,
    "recovery_s_max": 10,
    "recovered_ms_max": 300,
    "burst_recovery_ms_max": 5000,
    "decay_permille_max": 2000,
    "decay_floor_ms": 250,
    "longest_ms_max": 0,
    "scaled_counts": 0,
    "workers": "0",
    "bind": "127.0.0.1:0",
    "crew": "",
    "ui_port": 0,
    "disturbance": "",
    "disturb_at_s": 2,
    "disturb_s": 2,
    "slow_disk_ms": 300,
    "reset_every": 8,
    "disturb_recovery_ms_max": 5000,
}
#: What calibration changes: long enough for every fault to strike several times, slow enough for a busy machine, and
#: limits that the slow faults break by far.
CALIBRATION: dict[str, Any] = {
    "rate_per_s": 30,
    "duration_s": 4,
    "warmup_s": 0,
    "accounts": 6,
    "replay_every": 20,
    "altered_every": 48,
    "twin_every": 13,
    "cut_every": 40,
    "uncovered_every": 25,
    "sample_every_ms": 100,
    "final_s_max": 2,
    "p50_ms_max": 1000,
    "p99_ms_max": 3000,
    "recovered_ms_max": 600,
    "scaled_counts": 1,
    "scenarios": {
        "payments-burst": {"rate_per_s": 12, "duration_s": 8, "burst_at_s": 1, "burst_s": 1, "p99_ms_max": 650},
        "payments-ramp": {"rate_per_s": 80},
        "payments-limit": {"rate_per_s": 40, "search_from_per_s": 20, "search_step_s": 2},
        "payments-soak": {"duration_s": 8},
        **{
            f"payments-{name}": {"duration_s": 5, "disturb_at_s": 1, "disturb_s": 1, "disturb_recovery_ms_max": 2000}
            | {"cut_every": 15 if name == "killed" else 40, "sample_every_ms": 0}
            for name in ("killed", "paused", "reset", "slow-disk")
        },
        **{
            f"target-{name}": {"rate_per_s": 30, "duration_s": 3, "burst_s": 1, "burst_at_s": 1, "burst_factor": 2}
            | {"p99_ms_max": 1500, "p50_ms_max": 1000}
            | ({"longest_ms_max": 2000} if name in ("sct-inst", "pix", "upi") else {})
            for name in ("mojaloop", "tips", "sct-inst", "pix", "upi", "netsunion")
        },
        # Few connections for each of many streams; limits that the slow faults break by far.
        "shop-day": {"rate_per_s": 60, "connections": 16, **{f"{name}_p99_ms_max": 3000 for name in STREAMS}},
        "ledger-final": {"rate_per_s": 8, "final_p99_ms_max": 3000},
    },
}
#: What may be done to the candidate during the load; "" is nothing.
DISTURBANCES = ("", "kill", "pause", "slow-disk", "resets")
SHAPES = ("constant", "poisson", "ramp", "burst", "square", "trace")
#: Values that may be zero; all others must be at least 1.
_MAY_BE_ZERO = frozenset(
    {
        "warmup_s",
        "burst_at_s",
        "ramp_from_permille",
        "replay_every",
        "altered_every",
        "twin_every",
        "cut_every",
        "uncovered_every",
        "sample_every_ms",
        "drain_s",
        "error_permille_max",
        "rate_per_s_min",
        "abort_on_breach",
        "abort_after_s",
        "longest_ms_max",
        "scaled_counts",
        "ui_port",
    }
)
#: All requests are made ready before the clock starts; this bounds the memory they take.
REQUESTS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Settings:
    """One scenario's parameters.

    ``shape``: how arrivals come (:data:`SHAPES`), ``rate_per_s`` in a second at its level (for a ramp, at its end),
    for ``duration_s`` after ``warmup_s`` at the level with which the shape begins; the warm-up is reconciled but not
    measured. A burst multiplies the rate by ``burst_factor`` from ``burst_at_s`` on for ``burst_s``; a square wave does
    so in the second half of every ``period_s``; a ramp begins at ``ramp_from_permille`` of the rate; a trace replays
    the file ``trace``. ``scale_permille`` multiplies rates and lengths, so that a large target can be tried on a small
    machine; reports say so. A search begins at ``search_from_per_s`` and tries each rate for ``search_step_s``.

    One arrival in ``replay_every`` repeats an earlier payment with its key, one in ``altered_every`` uses an earlier
    key for another amount, one in ``twin_every`` is the request before it at the same moment, one in ``cut_every``
    loses its connection after sending, one in ``uncovered_every`` payments comes from an empty account. Making the
    requests ready may take ``prepare_s_max`` seconds of CPU. During the pressure one account's statement is read every
    ``sample_every_ms`` (0: never). ``drain_s`` after the last arrival, what has not been sent is given up; from then on
    a payment may stay pending for ``final_s_max``. ``probes`` single payments are timed before and after the pressure.

    Limits: ``p50_ms_max`` and ``p99_ms_max`` on the response time, ``error_permille_max`` broken requests,
    ``confirmed_permille_min`` confirmed payments, ``rate_per_s_min`` confirmed in a second (0: no limit of its own);
    within ``recovery_s_max`` after the pressure a payment must again take at most ``recovered_ms_max``;
    ``burst_recovery_ms_max`` after a burst the limits must be met again; in a soak the last quarter may take
    ``decay_permille_max`` of the first, unless it stays below ``decay_floor_ms``; ``longest_ms_max`` bounds every
    single payment (0: nothing does). ``scaled_counts`` 1: what was scaled decides as if it had not been, for
    calibration. With ``abort_on_breach`` the pressure ends as soon as a limit is broken beyond doubt, not before
    ``abort_after_s``.

    ``workers``: how many local processes generate the load ("0": this one), or names of workers elsewhere, who find
    the master at ``bind`` and share the secret in the file ``crew``. ``ui_port`` shows Locust's live page on loopback
    (0: nowhere).
    """

    shape: str
    trace: str
    rate_per_s: int
    scale_permille: int
    duration_s: int
    warmup_s: int
    burst_factor: int
    burst_at_s: int
    burst_s: int
    period_s: int
    ramp_from_permille: int
    search_from_per_s: int
    search_step_s: int
    connections: int
    accounts: int
    amount_max: int
    replay_every: int
    altered_every: int
    twin_every: int
    cut_every: int
    uncovered_every: int
    prepare_s_max: int
    sample_every_ms: int
    drain_s: int
    final_s_max: int
    probes: int
    p50_ms_max: int
    p99_ms_max: int
    error_permille_max: int
    confirmed_permille_min: int
    rate_per_s_min: int
    abort_on_breach: int
    abort_after_s: int
    recovery_s_max: int
    recovered_ms_max: int
    burst_recovery_ms_max: int
    decay_permille_max: int
    decay_floor_ms: int
    longest_ms_max: int
    scaled_counts: int
    workers: str
    bind: str
    crew: str
    ui_port: int
    disturbance: str
    disturb_at_s: int
    disturb_s: int
    slow_disk_ms: int
    reset_every: int
    disturb_recovery_ms_max: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any], rate_allowed_per_s: int) -> Settings:
        """Read parameters and scale them; raises ConfigError for a wrong one and for a rate beyond what is allowed."""
        values: dict[str, Any] = {field.name: _value(field.name, parameters) for field in fields(cls)}
        made = cls(**values)
        _require_known(made)
        made = made.scaled()
        if made.peak_per_s > rate_allowed_per_s:
            raise ConfigError(
                f"the load reaches {made.peak_per_s} per second, but the candidate allows {rate_allowed_per_s}",
                where="load.rate_per_s",
                remedy="Lower the rate in the profile, or raise [limits] load_per_second_max in candidate.toml.",
            )
        if made.accounts < 2:
            raise ConfigError(
                "a payment needs two accounts", where="load.accounts", remedy="Set accounts to 2 or more."
            )
        return made

    def scaled(self) -> Settings:
        """Return these settings with rates and lengths multiplied by ``scale_permille``, none of them below 1."""
        if self.scale_permille == 1000:
            return self
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("rate_per_s", "duration_s", "burst_s", "burst_at_s", "rate_per_s_min"):
            if values[name]:
                values[name] = max(1, values[name] * self.scale_permille // 1000)
        # A shape shorter than this shows nothing.
        values["duration_s"] = max(values["duration_s"], min(3, self.duration_s))
        return Settings(**values)

    @property
    def peak_per_s(self) -> int:
        """The highest rate that the shape reaches."""
        return self.rate_per_s * (self.burst_factor if self.shape in ("burst", "square") else 1)

    @property
    def length_s(self) -> int:
        """From the epoch to the last arrival."""
        return self.warmup_s + self.duration_s

    def slo(self) -> dict[str, int]:
        """Return the limits, in the form used in reports."""
        return {
            "p50MsMax": self.p50_ms_max,
            "p99MsMax": self.p99_ms_max,
            "errorPermilleMax": self.error_permille_max,
            "confirmedPermilleMin": self.confirmed_permille_min,
            "recoverySMax": self.recovery_s_max,
            "recoveredMsMax": self.recovered_ms_max,
            **({"ratePerSecondMin": self.rate_per_s_min} if self.rate_per_s_min else {}),
            **({"longestMsMax": self.longest_ms_max} if self.longest_ms_max else {}),
        }


def check_parameters(parameters: Mapping[str, Any], candidate: CandidateFile) -> None:
    """Raise ConfigError for parameters that no scenario can run with, before anything is sent."""
    made = Settings.of(parameters, candidate.limits.load_per_second_max)
    require_crew(made.workers, made.bind, made.crew)


def require_memory(requests: int) -> None:
    """Raise ConfigError when more requests would be made ahead than fit into memory."""
    if requests > REQUESTS_MAX:
        raise ConfigError(
            f"{requests} requests are more than the {REQUESTS_MAX} that fit into memory when made ahead",
            where="load.duration_s",
            remedy="Shorten the run or lower the rate.",
        )


def _require_known(made: Settings) -> None:
    if made.shape not in SHAPES:
        raise ConfigError(
            f"{made.shape!r} is no shape of load", where="load.shape", remedy=f"Use one of {', '.join(SHAPES)}."
        )
    if made.shape == "trace" and not made.trace:
        raise ConfigError(
            "a trace needs a file",
            where="load.trace",
            remedy="Name the file with one offset in microseconds per line, seen from the working directory.",
        )
    _require_disturbance(made)
    if made.shape == "burst" and made.burst_at_s + made.burst_s >= made.duration_s:
        raise ConfigError(
            f"a burst of {made.burst_s} s from {made.burst_at_s} s on leaves nothing of {made.duration_s} s to recover",
            where="load.burst_s",
            remedy="Lengthen duration_s, or begin the burst earlier.",
        )


def _require_disturbance(made: Settings) -> None:
    if made.disturbance not in DISTURBANCES:
        raise ConfigError(
            f"{made.disturbance!r} is no disturbance",
            where="load.disturbance",
            remedy=f"Use one of {', '.join(DISTURBANCES[1:])}, or leave it empty.",
        )
    if made.disturbance and made.disturb_at_s + made.disturb_s + 1 >= made.duration_s:
        raise ConfigError(
            f"a disturbance of {made.disturb_s} s from {made.disturb_at_s} s on leaves nothing of "
            f"{made.duration_s} s to recover",
            where="load.disturb_s",
            remedy="Lengthen duration_s, or begin the disturbance earlier.",
        )


def _value(name: str, parameters: Mapping[str, Any]) -> int | str:
    default = DEFAULTS[name]
    value = parameters.get(name, default)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ConfigError(
                f"{value!r} is not a word",
                where=f"load.{name}",
                remedy=f"Set it in the profile under [parameters.load]; the default is {default!r}.",
            )
        return value
    least = 0 if name in _MAY_BE_ZERO else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"{value!r} is not a whole number of {least} or more",
            where=f"load.{name}",
            remedy=f"Set it in the profile under [parameters.load]; the default is {default}.",
        )
    return value
