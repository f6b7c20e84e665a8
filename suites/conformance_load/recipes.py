"""The scenarios of the suite: which there are, what each needs of a candidate, and its own parameters.

Everything here is data, so that listing the suite imports nothing that presses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.sdk import Scenario, Text
from conformance_load.finality import DEFAULTS as FINALITY
from conformance_load.parameters import DEFAULTS
from conformance_load.shares import DEFAULTS as STREAMS

MODULE = "conformance_load.scenario"

#: What reconciliation needs, whatever the shape of the load.
_MONEY = ("payments.create", "accounts.statement", "accounts.balance")


def _payments(identifier: str, title: Text, **parameters: Any) -> Scenario:
    return Scenario(f"payments-{identifier}", title, MODULE, _MONEY, parameters)


def _target(identifier: str, name: str, more: tuple[str, ...] = (), **parameters: Any) -> Scenario:
    title = Text(f"Payments at the published figures of {name}", f"按 {name} 公布指标的支付请求")
    return Scenario(f"target-{identifier}", title, MODULE, (*_MONEY, *more), parameters)


SCENARIOS = (
    _payments("create", Text("Payments at a fixed arrival rate", "恒定到达率的支付请求")),
    _payments("poisson", Text("Payments of independent payers", "相互独立的付款人随机到达的支付请求"), shape="poisson"),
    _payments(
        "burst",
        Text("A tenfold burst of payments, and what follows", "十倍突发的支付请求及其后的恢复"),
        shape="burst", rate_per_s=20, duration_s=10, burst_at_s=3, burst_s=2, burst_factor=10,
    ),
    _payments(
        "ramp",
        Text("A slow ramp of payments", "缓慢爬升的支付请求"),
        shape="ramp", rate_per_s=200, duration_s=10, ramp_from_permille=50,
    ),
    _payments(
        "limit",
        Text("The highest rate of payments within the limits", "满足限值的最高支付速率"),
        rate_per_s=400, search_from_per_s=50, search_step_s=2, warmup_s=0, connections=64,
        replay_every=0, altered_every=0, cut_every=0, uncovered_every=0,
    ),
    Scenario(
        "shop-day",
        Text("A shop day: every operation at its share of one rate", "商户的一天：各类业务按比例混合"),
        MODULE, _MONEY, {"connections": 16, **STREAMS},
    ),
    Scenario(
        "ledger-final",
        Text("From submission to finality on a ledger", "账本交易从提交到最终确认"),
        MODULE, ("ledger.submit", "ledger.receipt"), {"rate_per_s": 10, **FINALITY},
    ),
    _payments("soak", Text("Payments for a long time", "长时间持续的支付请求"), rate_per_s=50, duration_s=16),
    _payments(
        "killed",
        Text("Payments while the product is killed and started again", "支付期间进程被杀并重启"),
        disturbance="kill", duration_s=12, sample_every_ms=0, cut_every=15,
    ),
    _payments(
        "paused",
        Text("Payments while the product is paused", "支付期间系统被暂停"),
        disturbance="pause", duration_s=12, sample_every_ms=0, connections=64,
    ),
    _payments(
        "reset",
        Text("Payments over connections that are reset", "支付期间连接被重置"),
        disturbance="resets", duration_s=12, sample_every_ms=0, cut_every=0,
    ),
    _payments(
        "slow-disk",
        Text("Payments while the disk is slow", "支付期间磁盘变慢"),
        disturbance="slow-disk", duration_s=12, sample_every_ms=0, connections=64,
    ),
    # Published figures, whole: a profile or --scale makes them smaller, and the report says so. Where no median was
    # published, the limit of the median is that of the 99th percentile.
    _target("mojaloop", "Mojaloop", rate_per_s=1000, duration_s=3600, p50_ms_max=1000, p99_ms_max=1000),
    _target(
        "tips", "TIPS", shape="burst", rate_per_s=500, burst_factor=4, duration_s=3600, burst_at_s=1200, burst_s=600,
        p50_ms_max=5000, p99_ms_max=5000,
    ),
    # The schemes publish a time, and no rate: rate and length are this project's.
    _target(
        "sct-inst", "SCT Inst", rate_per_s=100, duration_s=600, p50_ms_max=10_000, p99_ms_max=10_000,
        longest_ms_max=10_000,
    ),
    _target(
        "pix", "Pix", rate_per_s=100, duration_s=600, p50_ms_max=6000, p99_ms_max=10_000, longest_ms_max=10_000,
    ),
    # The mean of a whole day, kept for a minute: every payment is asked about once, so half of the requests are
    # queries, and the one process that presses them makes them ahead, and has room for no more than a minute of them.
    _target(
        "upi", "UPI", ("payments.read",), rate_per_s=16_360, duration_s=60,
        p50_ms_max=15_000, p99_ms_max=15_000, longest_ms_max=15_000,
        pay_permille=500, read_permille=500, pay_p99_ms_max=15_000, read_p99_ms_max=10_000,
        **{f"{name}_permille": 0 for name in ("balance", "refund", "refund_race", "code", "code_pay", "token")},
    ),
    # A peak of which every single payment was confirmed.
    _target("netsunion", "NetsUnion", rate_per_s=92_000, duration_s=60, p50_ms_max=1000, confirmed_permille_min=1000),
)  # fmt: skip


def scenario(identifier: str) -> Scenario:
    """Return a scenario of this suite by its id."""
    return next(item for item in SCENARIOS if item.id == identifier)


def parameters_of(identifier: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scenario's own parameters under those that were given."""
    return {**scenario(identifier).parameters, **given}


@dataclass(frozen=True, slots=True)
class Published:
    """What a target claims, whatever the parameters of a run are: payments in a second, on average and at the peak, for
    how long, how many in all, and the laxest limits by their names in the measurement. A ``longestMsMax`` of 0: none.
    """

    rate_per_s: int
    peak_per_s: int
    duration_s: int
    payments: int
    limits: Mapping[str, int]
    confirmed_permille_min: int


def published(identifier: str) -> Published:
    """Return what a target scenario claims."""
    own = {**DEFAULTS, **scenario(identifier).parameters}
    rate, length = own["rate_per_s"] * own.get("pay_permille", 1000) // 1000, own["duration_s"]
    bursts = own["shape"] == "burst"
    peak = rate * own["burst_factor"] if bursts else rate
    limits = {"p50MsMax": "p50_ms_max", "p99MsMax": "p99_ms_max", "longestMsMax": "longest_ms_max"}
    return Published(
        rate_per_s=rate,
        peak_per_s=peak,
        duration_s=length,
        payments=rate * length + (peak - rate) * (own["burst_s"] if bursts else 0),
        limits={name: own[parameter] for name, parameter in limits.items()},
        confirmed_permille_min=own["confirmed_permille_min"],
    )
