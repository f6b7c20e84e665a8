"""The parameters of a scenario, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from conformance.errors import ConfigError
from conformance.sdk import CandidateFile
from conformance_load.crew.calling import require_crew
from conformance_load.parameters import ALL, DEFAULTS
from conformance_load.schedule import peak_of_trace

#: What may be done to the candidate during the load; "" is nothing.
DISTURBANCES = ("", "kill", "pause", "slow-disk", "resets")
SHAPES = ("constant", "poisson", "ramp", "burst", "square", "trace")
#: Arrivals that one process holds; this bounds its memory to some gigabytes.
ARRIVALS_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """One scenario's parameters; :mod:`conformance_load.parameters` says what each means."""

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
        _require_allowed(made, rate_allowed_per_s)
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
        """The most arrivals that the shape, its warm-up included, has in any second; of a trace, those of its file.

        Independent arrivals (poisson) have no highest number: they are judged by their mean, from which a second
        strays by some multiples of its square root.
        """
        if self.shape == "trace":
            return peak_of_trace(Path(self.trace), self.duration_s, self.rate_per_s, self.warmup_s)
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
    if made.scaled_counts:
        raise ConfigError(
            "scaled_counts lets a part of what was asked for decide as the whole does, which only a calibration may",
            where="load.scaled_counts",
            remedy="Leave it at 0: a smaller run says what broke, and establishes no rate.",
        )
    require_crew(made.workers, made.bind, made.crew)


def require_memory(arrivals: int) -> None:
    """Raise ConfigError when one process cannot hold so many arrivals, each some hundred bytes."""
    if arrivals > ARRIVALS_MAX:
        raise ConfigError(
            f"{arrivals:,} arrivals are more than the {ARRIVALS_MAX:,} that one process holds in memory",
            where="load.duration_s",
            remedy="Shorten the run, lower the rate, or share it among workers.",
        )


def _require_known(made: Settings) -> None:
    if made.shape not in SHAPES:
        raise ConfigError(
            f"{made.shape!r} is no shape of load", where="load.shape", remedy=f"Use one of {', '.join(SHAPES)}."
        )
    if made.shape == "trace":
        _require_trace(made.trace)
    if made.ramp_from_permille > 1000:
        raise ConfigError(
            f"a ramp that begins at {made.ramp_from_permille} permille of its rate would begin above it",
            where="load.ramp_from_permille",
            remedy="Give 1000 or less: rate_per_s is the highest rate of a ramp.",
        )
    _require_disturbance(made)
    if made.shape == "burst" and made.burst_at_s + made.burst_s >= made.duration_s:
        raise ConfigError(
            f"a burst of {made.burst_s} s from {made.burst_at_s} s on leaves nothing of {made.duration_s} s to recover",
            where="load.burst_s",
            remedy="Lengthen duration_s, or begin the burst earlier.",
        )


def _require_allowed(made: Settings, allowed_per_s: int) -> None:
    if (peak := made.peak_per_s) > allowed_per_s:
        trace = made.shape == "trace"
        raise ConfigError(
            f"the load reaches {peak} per second, but the candidate allows {allowed_per_s}",
            where="load.trace" if trace else "load.rate_per_s",
            remedy=f"{'Replay a slower trace' if trace else 'Lower the rate in the profile'}, "
            "or raise [limits] load_per_second_max in candidate.toml.",
        )


def _require_trace(trace: str) -> None:
    if not trace:
        raise ConfigError(
            "a trace needs a file",
            where="load.trace",
            remedy="Name the file with one offset in microseconds per line, by its absolute path.",
        )
    # Load processes work in the run's directory, and workers on machines of their own.
    if not Path(trace).is_absolute():
        raise ConfigError(
            f"{trace!r} is not an absolute path",
            where="load.trace",
            remedy=f"Name it as {Path(trace).absolute()}, if that is the file.",
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
    least = 0 if ALL[name].zero else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"{value!r} is not a whole number of {least} or more",
            where=f"load.{name}",
            remedy=f"Set it in the profile under [parameters.load]; the default is {default}.",
        )
    return value
