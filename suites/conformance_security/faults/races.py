"""Faults that show only when requests meet."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "payments.refund-race",
        "Refunds are checked first and booked later",
        "退款先校验后记账，两步之间可被并发利用",
        "SEC-V10.race", "must not exceed the payment",
    ),
    fault(
        "consents.race",
        "The use of a consent is written behind and undoes its revocation",
        "同意的使用记录延迟写回，覆盖其撤销状态",
        "SEC-Z06.race", "must last",
    ),
    fault(
        "paycodes.race",
        "Payment codes are checked first and marked as used later",
        "付款码先查后改，可被并发重复使用",
        "SEC-V09.codes", "must be collected once",
    ),
)  # fmt: skip
