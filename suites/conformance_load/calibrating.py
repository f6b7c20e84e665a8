"""What calibration changes of the parameters."""

from __future__ import annotations

from typing import Any

from conformance_load.shares import OPERATIONS as STREAMS

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
    "cut_every": 23,
    "uncovered_every": 25,
    "sample_every_ms": 100,
    "final_s_max": 2,
    "p50_ms_max": 1000,
    "p99_ms_max": 3000,
    "recovered_ms_max": 600,
    "scaled_counts": 1,
    "scenarios": {
        "payments-burst": {"rate_per_s": 12, "duration_s": 8, "burst_at_s": 1, "burst_s": 1, "p99_ms_max": 650},
        "payments-ramp": {"rate_per_s": 80, "duration_s": 7},
        "payments-limit": {"rate_per_s": 40, "search_from_per_s": 20, "search_step_s": 2},
        "payments-soak": {"duration_s": 8, "decay_floor_ms": 700},
        **{
            f"payments-{name}": {"duration_s": 5, "disturb_at_s": 1, "disturb_s": 1, "disturb_recovery_ms_max": 2000}
            # Answers lost shortly before a kill, and not asked for again until after it, show whether keys outlive it.
            | ({"cut_every": 6, "replay_every": 0} if name == "killed" else {})
            | {"sample_every_ms": 0}
            for name in ("killed", "paused", "reset", "slow-disk")
        },
        **{
            f"target-{name}": {"rate_per_s": 30, "duration_s": 3, "burst_s": 1, "burst_at_s": 1, "burst_factor": 2}
            | {"p99_ms_max": 1500, "p50_ms_max": 1000}
            | ({"longest_ms_max": 2000} if name in ("sct-inst", "pix", "upi") else {})
            | ({"rate_per_s": 60, "connections": 16} if name == "upi" else {})
            for name in ("mojaloop", "tips", "sct-inst", "pix", "upi", "netsunion")
        },
        # Few connections for each of many streams; limits that the slow faults break by far.
        "shop-day": {"rate_per_s": 60, "connections": 16, **{f"{name}_p99_ms_max": 3000 for name in STREAMS}},
        "ledger-final": {"rate_per_s": 8, "final_p99_ms_max": 3000},
    },
}
