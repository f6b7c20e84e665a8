"""Measurements of load scenarios made by formula: a burst, a search, a killed product with streams, a void one.

They hold every member that a measurement may have; taking members away is for the tests.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def latency(median_us: int, count: int, spread: float = 0.55) -> dict[str, Any]:
    """Return a distribution that grows with the logarithm of 1/(1 - share)."""

    def at(share: float) -> int:
        return round(median_us * math.exp(spread * (math.log10(1 / (1 - share)) - math.log10(2)) * 2))

    edges = [0.0, *(1 - 10 ** (-index / 8) for index in range(1, 30))]
    buckets = []
    for low, high in itertools.pairwise(edges):
        number = round(count * high) - round(count * low)
        if number:
            buckets.append([at(low), at(high), number])
    found: dict[str, Any] = {name: at(share) for name, share in SHARES.items()}
    intervals = {"p50": [at(0.48), at(0.52)], "p90": [at(0.885), at(0.913)], "p99": [at(0.985), at(0.993)]}
    return found | {
        "max": max(at(0.999), at(1 - 1 / count)),
        "count": count,
        "intervals": intervals,
        "buckets": buckets,
    }


def latencies(median_us: int, count: int, lag_us: int = 90) -> dict[str, Any]:
    """Return the three distributions of a measurement."""
    return {
        "response": latency(median_us, count),
        "service": latency(median_us * 4 // 5, count, 0.4),
        "lag": latency(lag_us, count, 0.35),
    }


def seconds(offered: list[int], confirmed: list[int], p99_us: list[int], broken: list[int]) -> list[dict[str, int]]:
    """Return a timeline whose last second comes after the end of what was offered."""
    rows = zip([*offered, 0], [*offered, 0], confirmed, p99_us, broken, strict=True)
    return [
        {
            "s": s, "offered": due, "sent": sent, "confirmed": done, "replayed": due // 64,
            "refused": due // 50, "broken": bad, "p99Us": p99, "lagP99Us": 90 + 7 * (s % 5) if p99 else 0,
        }
        for s, (due, sent, done, p99, bad) in enumerate(rows)
    ]  # fmt: skip


def books(sent: int, booked: int, rejected: int, **wrong: int) -> dict[str, Any]:
    """Return a reconciliation."""
    zero = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "stuck", "accountsOff")
    return {
        "sent": sent,
        "acknowledged": booked,
        "rejected": rejected,
        "unknown": 0,
        "booked": booked,
        **dict.fromkeys(zero, 0),
        "totalDrift": 0,
        "examples": {},
        "balanced": not wrong,
        "fold": {"expected": "ab" * 32, "shown": "ab" * 32, "bucketsOff": 0},
        **wrong,
    }


SLO = {
    "p50MsMax": 100, "p99MsMax": 500, "errorPermilleMax": 10, "confirmedPermilleMin": 990, "recoverySMax": 10,
    "recoveredMsMax": 300,
}  # fmt: skip


def burst() -> dict[str, Any]:
    """Return a tenfold burst, scaled to a hundredth of its target, that passes."""
    offered = [20, 20, 20, 200, 200, 20, 20, 20, 20, 20]
    return {
        "scenario": "payments-burst",
        "offered": {
            "ratePerSecond": 20, "peakPerSecond": 200, "durationS": 10, "warmupS": 1, "connections": 32,
            "arrivals": "burst", "scalePermille": 10, "scheduled": 560, "due": 540,
        },
        "sent": 560,
        "confirmed": 540,
        "counts": {
            "confirmed": 540, "replayed": 8, "expected": 11, "refused": 0, "denied": 0, "broken": 0, "cut": 1,
            "unsent": 0,
        },
        "latencyUs": latencies(4200, 559),
        "timeline": seconds(
            offered, [20, 19, 20, 171, 190, 60, 20, 20, 20, 20, 0],
            [9000, 8000, 9400, 61000, 182000, 96000, 11000, 9000, 8700, 9100, 0], [0] * 11,
        ),
        "slo": SLO | {"ratePerSecondMin": 15},
        "marks": [{"atMs": 4000, "endMs": 6000, "kind": "burst", "label": "10 times the rate for 2 s"}],
        "recovery": {"beforeUs": 2100, "afterUs": 2300, "recoveredMs": 12},
        "reconciliation": books(600, 580, 20),
        "statement": {"stable": True, "entriesFirst": 580, "entriesSecond": 580},
        "burst": {"fromS": 3, "endS": 5, "limitMs": 5000, "recoveredMs": 2000},
        "twins": {"made": 4, "same": 1, "different": 0, "refused": 3, "neither": 0, "broken": 0},
        "replays": {"made": 8, "same": 8, "different": 0, "refused": 0},
        "altered": {"made": 3, "accepted": 0},
        "uncovered": {"made": 8, "accepted": 0},
        "decisions": {"unknown": 1, "undecided": 0},
        "generator": {"cpuPermille": 212, "ownLagP99Us": 121, "ownLagMaxUs": 804, "startedAtMs": 1767323045000},
        "aborted": "",
        "validity": "valid",
        "reasons": [],
    }  # fmt: skip


def killed() -> dict[str, Any]:
    """Return a product that was killed under four streams and lost three payments."""
    found = burst()
    offered = [100] * 12
    found |= {
        "scenario": "shop-day",
        "offered": {
            "ratePerSecond": 100, "peakPerSecond": 100, "durationS": 12, "warmupS": 2, "connections": 64,
            "arrivals": "poisson", "scalePermille": 1000, "scheduled": 1200, "due": 1150,
        },
        "sent": 1200,
        "confirmed": 902,
        "latencyUs": latencies(9100, 1200),
        "timeline": seconds(
            offered, [97, 98, 97, 40, 0, 22, 95, 98, 97, 98, 97, 96, 30],
            [12000, 12400, 11000, 240000, 0, 2100000, 800000, 12600, 12000, 13000, 11800, 12000, 35000],
            [0, 0, 0, 55, 98, 70, 2, 0, 0, 0, 0, 0, 0],
        ),
        "counts": {
            "confirmed": 902, "replayed": 18, "expected": 20, "refused": 0, "denied": 2, "broken": 225, "cut": 8,
            "unsent": 25,
        },
        "slo": SLO,
        "marks": [
            {"atMs": 5400, "endMs": 7200, "kind": "kill", "label": "kill -9, restarted after 1 s"},
            {"atMs": 10000, "endMs": 10000, "kind": "resets", "label": "a tenth of the connections"},
            {"atMs": 12500, "endMs": 14000, "kind": "slow-disk", "label": "50 ms per write"},
        ],
        "burst": {},
        "soak": {"firstUs": 12000, "lastUs": 11800, "decayPermilleMax": 2000, "decayFloorMs": 250},
        "ramp": {"cliff": {"s": 3, "offered": 100, "answered": 42, "p99Us": 240000}},
        "disturbance": {
            "kind": "kill", "times": 1, "recoveredMs": 2400, "resumed": False, "recoveryMsMax": 5000, "resets": {},
            "failure": "",
        },
        "sampling": {
            "readings": 40, "unread": 0, "entries": 900, "missing": 2, "early": 0, "inserted": 0, "vanished": 0,
            "swapped": 0, "examples": {"missing": ["load-17"]},
        },
        "streams": [
            {
                "name": "create", "operation": "payments.create", "ratePerSecond": 60, "scheduled": 720, "sent": 720,
                "confirmed": 560, "counts": {"broken": 130, "unsent": 10}, "latencyUs": latencies(9800, 720),
                "slo": {"p99MsMax": 40, "errorPermilleMax": 10},
            },
            {
                "name": "query", "operation": "payments.read", "ratePerSecond": 30, "scheduled": 360, "sent": 360,
                "confirmed": 330, "counts": {"broken": 3}, "latencyUs": latencies(2100, 360),
                "slo": {"p99MsMax": 100, "errorPermilleMax": 10}, "absent": "",
                "money": {
                    "confirmed": 330, "refused": 2, "unknown": 3, "undecided": 0, "accounts": 4, "moved": 3300,
                    "accountsOff": 1, "totalDrift": 0, "unread": "",
                },
            },
            {
                "name": "token", "operation": "tokens.issue", "ratePerSecond": 10, "scheduled": 0, "sent": 0,
                "confirmed": 0, "counts": {}, "latencyUs": {}, "slo": {}, "absent": "no token endpoint is declared",
            },
        ],
        "recovery": {"beforeUs": 2100, "afterUs": 410000, "recoveredMs": None},
        "reconciliation": books(1180, 1157, 20, lost=3, accountsOff=5)
        | {"examples": {"lost": ["load-17", "load-170", "load-171", "load-180"]}},
        "statement": {"stable": False, "entriesFirst": 1157, "entriesSecond": 1159},
        "replays": {"made": 20, "same": 18, "different": 0, "refused": 2},
        "generator": found["generator"] | {
            "workers": [
                {"name": "worker-1", "sent": 600, "cpuPermille": 212, "lost": "", "clockOffsetUs": 40,
                 "clockErrorUs": 9},
                {"name": "worker-2", "sent": 600, "lost": "it closed its connection", "clockOffsetUs": -112},
            ],
            "prepared": {"requests": 1200, "cpuUsPerRequest": 26, "cpuS": 1, "how": "ES256"},
        },
    }  # fmt: skip
    return found


def searched() -> dict[str, Any]:
    """Return a search whose sixth trial was limited by the generator."""
    rates = [(50, True), (100, True), (200, True), (400, False), (300, True), (350, False)]
    trials = [{"ratePerSecond": rate, "met": met, "reasons": []} for rate, met in rates]
    trials.append({"ratePerSecond": 325, "met": False, "reasons": ["the generator used 91.0 % of its core"]})
    found = burst()
    found |= {
        "scenario": "payments-limit",
        "offered": {"ratePerSecond": 300, "durationS": 2, "warmupS": 0, "connections": 64, "arrivals": "constant"},
        "sent": 600,
        "confirmed": 600,
        "counts": {"confirmed": 600},
        "timeline": [
            {key: value for key, value in row.items() if key != "lagP99Us"}
            for row in seconds([300, 300], [299, 300, 1], [21000, 24000, 9000], [0, 0, 0])
        ],
        "latencyUs": latencies(5400, 12_000),
        "slo": {"p99MsMax": 500},
        "search": {"best": 300, "failed": 350, "highest": 400, "exact": False, "trials": trials},
        "marks": [],
        "burst": {},
        "reconciliation": books(3450, 3450, 0),
    }
    return found


def void() -> dict[str, Any]:
    """Return a measurement that says nothing: the generator was the limit."""
    found = burst()
    return found | {
        "scenario": "payments-create",
        "validity": "invalid",
        "reasons": [
            "the generator itself was late: lag p99 162000 µs with a connection free, more than a tenth of the limit "
            "of 500000 µs: lower the rate or give it a core of its own",
            "the generator used 97.4 % of its core: lower the rate or add workers",
        ],
        "latencyUs": latencies(48000, 559, lag_us=21000),
        "marks": [],
    }


def all_samples() -> list[dict[str, Any]]:
    """Return the four."""
    return [burst(), killed(), searched(), void()]
