"""What a shop day is made of: operations at shares of one rate, each with limits of its own.

Refunds come in two streams: each of a payment of its own, and several at the same moment for one payment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.errors import ConfigError
from conformance_load.whole import whole

#: Streams by name: the operation of each.
OPERATIONS = {
    "pay": "payments.create",
    "read": "payments.read",
    "balance": "accounts.balance",
    "refund": "payments.refund",
    "refund_race": "payments.refund",
    "code": "codes.create",
    "code_pay": "codes.pay",
    "token": "token",
}
#: Shares of the rate in parts per thousand, and limits, for each stream; a profile may set each of them.
DEFAULTS: dict[str, int] = {
    "pay_permille": 400,
    "read_permille": 150,
    "balance_permille": 150,
    "refund_permille": 50,
    "refund_race_permille": 50,
    "code_permille": 50,
    "code_pay_permille": 100,
    "token_permille": 50,
    "pay_p99_ms_max": 1000,
    "read_p99_ms_max": 500,
    "balance_p99_ms_max": 500,
    "refund_p99_ms_max": 1000,
    "refund_race_p99_ms_max": 1000,
    "code_p99_ms_max": 1000,
    "code_pay_p99_ms_max": 1000,
    "token_p99_ms_max": 1000,
    **{f"{name}_error_permille_max": 10 for name in OPERATIONS},
    "stream_confirmed_permille_min": 950,
}


@dataclass(frozen=True, slots=True)
class Share:
    """One operation's part of the rate, and what it must meet.

    ``p99_ms_max`` limits the response time, ``error_permille_max`` requests without a proper answer, and
    ``confirmed_permille_min`` says how much of what was offered must be confirmed whatever the other streams do.
    """

    name: str
    operation: str
    permille: int
    p99_ms_max: int
    error_permille_max: int
    confirmed_permille_min: int

    def slo(self) -> dict[str, int]:
        """Return the limits, in the form used in reports."""
        return {
            "p99MsMax": self.p99_ms_max,
            "errorPermilleMax": self.error_permille_max,
            "confirmedPermilleMin": self.confirmed_permille_min,
        }

    def rate_of(self, total_per_s: int) -> int:
        """Return this stream's rate in a second, at least 1."""
        return max(1, total_per_s * self.permille // 1000)


def shares_of(parameters: Mapping[str, Any]) -> list[Share]:
    """Read the streams that have a share; raises ConfigError for a wrong value and for shares beyond the whole."""
    least = whole(parameters, "stream_confirmed_permille_min", DEFAULTS, 0)
    shares = [
        Share(
            name,
            operation,
            whole(parameters, f"{name}_permille", DEFAULTS, 1 if name == "pay" else 0),
            whole(parameters, f"{name}_p99_ms_max", DEFAULTS, 1),
            whole(parameters, f"{name}_error_permille_max", DEFAULTS, 0),
            least,
        )
        for name, operation in OPERATIONS.items()
    ]
    total = sum(share.permille for share in shares)
    if total > 1000:
        raise ConfigError(
            f"the shares of the streams make {total} parts per thousand",
            where="load.scenarios.shop-day",
            remedy="Lower some of the *_permille, so that together they are at most 1000.",
        )
    return [share for share in shares if share.permille]


def require_rates(shares: Sequence[Share], total_per_s: int, peak: int, shape: str, allowed_per_s: int) -> None:
    """Raise ConfigError where shares of the shape cannot be made, or all streams together exceed what is allowed.

    A share below one request in a second becomes one, so the streams may make more than the rate. ``peak``: by how much
    the shape multiplies rates.
    """
    if shape == "trace":
        raise ConfigError(
            "a trace has no rate of which each stream could have a share",
            where="load.shape",
            remedy="Use another shape for the shop day, under [parameters.load.scenarios.shop-day].",
        )
    together = peak * sum(share.rate_of(total_per_s) for share in shares)
    if together > allowed_per_s:
        raise ConfigError(
            f"the streams reach {together} per second together, but the candidate allows {allowed_per_s}",
            where="load.rate_per_s",
            remedy="Lower the rate in the profile, or raise [limits] load_per_second_max in candidate.toml.",
        )
