"""The parameters that payment scenarios have in common: their defaults and what they mean. Everything is an integer
or a word, so that plans stay canonical; the unit is the last part of a name.
"""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    """One parameter. ``zero``: whether 0 is allowed, where it switches something off."""

    name: str
    default: int | str
    meaning: str
    zero: bool = False


#: By what they are about, in the order in which people read them.
GROUPS: dict[str, tuple[Parameter, ...]] = {
    "The shape of the load": (
        Parameter("shape", "constant", "how arrivals come: constant, poisson, ramp, burst, square or trace"),
        Parameter("rate_per_s", 100, "arrivals in a second at the level of the shape; for a ramp, at its end"),
        Parameter("duration_s", 8, "measured seconds"),
        Parameter("warmup_s", 1, "seconds before, at the first rate of the shape; reconciled, not measured", True),
        Parameter("burst_factor", 10, "what a burst or the upper half of a square wave multiplies the rate by"),
        Parameter("burst_at_s", 2, "when the burst begins", True),
        Parameter("burst_s", 2, "how long the burst lasts"),
        Parameter("period_s", 4, "length of a square wave: the second half of each period is high"),
        Parameter("ramp_from_permille", 100, "where a ramp begins, as a share of the rate, at most 1000", True),
        Parameter("trace", "", "absolute path of a file with one offset in microseconds per line, for the shape trace"),
        Parameter("search_from_per_s", 10, "the lowest rate that the search for the highest tries"),
        Parameter("search_step_s", 5, "how long the search tries each rate"),
        Parameter("scale_permille", 1000, "multiplies rates and lengths; no rate is established then"),
    ),
    "How it is generated": (
        Parameter("connections", 32, "connections to each target"),
        Parameter("workers", "0", "so many local processes, or names of workers elsewhere; 0: this process alone"),
        Parameter("bind", "127.0.0.1:0", "where the master listens for workers elsewhere"),
        Parameter("crew", "", "file with the secret that master and workers elsewhere share"),
        Parameter("ui_port", 0, "loopback port of Locust's live page; 0: none", True),
        Parameter("prepare_s_max", 600, "seconds of CPU that making the requests ready may take"),
        Parameter("drain_s", 5, "so long after the last arrival, what has not been sent is given up", True),
    ),
    "The payments": (
        Parameter("accounts", 12, "funded accounts that pay each other"),
        Parameter("amount_max", 10_00, "largest amount, in minor units"),
        Parameter("replay_every", 64, "one arrival in so many repeats an earlier payment with its key; 0: none", True),
        Parameter("altered_every", 120, "one in so many uses an earlier key for another amount; 0: none", True),
        Parameter("twin_every", 90, "one in so many is the request before it, at the same moment; 0: none", True),
        Parameter("cut_every", 150, "one in so many loses its connection after sending; 0: none", True),
        Parameter("uncovered_every", 50, "one payment in so many comes from an empty account; 0: none", True),
        Parameter("sample_every_ms", 500, "how often one account's statement is read meanwhile; 0: never", True),
        Parameter("final_s_max", 15, "how long a payment may stay pending after the pressure"),
        Parameter("probes", 5, "single payments that are timed before and after the pressure"),
    ),
    "Limits": (
        Parameter("p50_ms_max", 500, "median of the response time, from the intended start"),
        Parameter("p99_ms_max", 1000, "99th percentile of the response time"),
        Parameter("longest_ms_max", 0, "every single payment; 0: no limit of its own", True),
        Parameter("error_permille_max", 10, "requests without a proper answer", True),
        Parameter("confirmed_permille_min", 990, "confirmed among the payments that were due"),
        Parameter("rate_per_s_min", 0, "the highest rate within the limits must reach this; 0: any", True),
        Parameter("recovery_s_max", 10, "so long after the pressure single payments are tried"),
        Parameter("recovered_ms_max", 300, "what a single payment may take then, and after a disturbance"),
        Parameter("burst_recovery_ms_max", 5000, "after a burst the limits must be met again within this"),
        Parameter("decay_permille_max", 2000, "the last quarter of a soak as a share of the first"),
        Parameter("decay_floor_ms", 250, "below this the last quarter of a soak is never too slow"),
        Parameter("abort_on_breach", 0, "1: the pressure ends as soon as a limit is broken beyond doubt", True),
        Parameter("abort_after_s", 5, "not before this", True),
    ),
    "Disturbances": (
        Parameter("disturbance", "", "what is done to the candidate: kill, pause, slow-disk or resets"),
        Parameter("disturb_at_s", 2, "when, after the warm-up"),
        Parameter("disturb_s", 2, "for how long"),
        Parameter("slow_disk_ms", 300, "what a slow disk adds to each commit"),
        Parameter("reset_every", 8, "the proxy cuts one request in so many"),
        Parameter("disturb_recovery_ms_max", 5000, "the offered rate must be carried again within this"),
    ),
    "For calibration": (
        Parameter("scaled_counts", 0, "1: what was scaled decides as if it had not been; for calibrations only", True),
    ),
}  # fmt: skip
ALL = {item.name: item for group in GROUPS.values() for item in group}
DEFAULTS: dict[str, int | str] = {name: item.default for name, item in ALL.items()}
