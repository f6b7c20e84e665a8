"""Whether a measurement may be believed at all: the third verdict, INVALID.

A load generator that was itself the limit has measured itself. Then neither a pass nor a failure may follow: the
checks that read the measurement become inconclusive, and say what to change.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Above this many samples the 99.9th percentile means something; below, the 99th is judged.
_SAMPLES_FOR_P999 = 10_000
#: Share of the schedule that must have been sent, in parts per thousand.
SENT_PERMILLE_MIN = 999
#: Share of one core above which the generator was busy with itself, in parts per thousand.
CPU_PERMILLE_MAX = 850
#: By how much a start that several generators agreed on may be missed, in microseconds.
START_LATE_US_MAX = 10_000


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """What the generator knows of itself. Times in microseconds.

    ``lag_*``: how late arrivals were taken from the schedule; a wait for a busy connection is the product's doing and
    is charged to the response time instead. ``cpu_permille``: of one core, in the second in which it used most.
    ``service_mean_us``: the product's own time per request. ``aborted``: why the pressure ended early, for a limit
    that was broken for certain; the schedule need not be met then. ``late_us``: by how much an agreed start was
    missed; ``own_failures``: what failed for want of something on the generator's side, ``own_failure`` one of them.
    """

    scheduled: int
    sent: int
    rate_per_s: int
    connections: int
    cpu_permille: int
    lag_p99_us: int
    lag_p999_us: int
    lag_samples: int
    service_mean_us: int
    slo_p99_us: int
    aborted: str = ""
    late_us: int = 0
    own_failures: int = 0
    own_failure: str = ""


def invalidities(facts: GeneratorFacts) -> list[str]:
    """Return why the measurement says nothing about the product; empty when it is valid."""
    return [*_schedule_missed(facts), *own_limits(facts)]


def _schedule_missed(facts: GeneratorFacts) -> list[str]:
    if facts.scheduled == 0:
        return ["nothing was scheduled in the measured time: lengthen it, or give a trace whose times begin near 0"]
    if facts.sent * 1000 >= facts.scheduled * SENT_PERMILLE_MIN or facts.aborted or _product_too_slow(facts):
        return []
    needed = facts.rate_per_s * facts.service_mean_us // 1_000_000 + 1
    return [
        f"only {facts.sent} of {facts.scheduled} scheduled requests were sent over {facts.connections} "
        f"connections; at this service time about {2 * needed} are needed: raise connections"
    ]


def own_limits(facts: GeneratorFacts) -> list[str]:
    """Return which limits of the generator itself were reached, whatever became of the schedule."""
    reasons = []
    lag_name, lag_us = _judged_lag(facts)
    if lag_us * 10 > facts.slo_p99_us:
        reasons.append(
            f"the generator itself was late: lag {lag_name} {lag_us} µs before any wait for a connection, more than a "
            f"tenth of the limit of {facts.slo_p99_us} µs: lower the rate or give it a core of its own"
        )
    if facts.cpu_permille > CPU_PERMILLE_MAX:
        reasons.append(
            f"the generator used {facts.cpu_permille / 10:.1f} % of its core in one second: lower the rate or add "
            "workers"
        )
    if facts.late_us > START_LATE_US_MAX:
        reasons.append(
            f"a generator missed the agreed start by {facts.late_us // 1000} ms and began with a backlog of its own: "
            "lower connections, or bring it nearer to the product"
        )
    if facts.own_failures:
        reasons.append(
            f"{facts.own_failures} attempts to send failed on the generator's own side ({facts.own_failure}): raise "
            "its limit of open files or its range of ports, see to its name service, or add workers"
        )
    return reasons


def _product_too_slow(facts: GeneratorFacts) -> bool:
    """Tell whether the product's own time exceeds the limit, so that more connections would not have helped."""
    return facts.service_mean_us > facts.slo_p99_us


def _judged_lag(facts: GeneratorFacts) -> tuple[str, int]:
    if facts.lag_samples >= _SAMPLES_FOR_P999:
        return "p99.9", facts.lag_p999_us
    return "p99", facts.lag_p99_us
