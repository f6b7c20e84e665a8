"""Faults of money and state."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "payments.negative-accepted",
        "Negative amounts are booked",
        "负金额被记账",
        "SEC-V01", "is no payment",
        "SEC-I10",
    ),
    fault(
        "payments.overflow-accepted",
        "Large amounts wrap at 32 bits",
        "大额金额按 32 位回绕",
        "SEC-V02", "never wrapped",
        "SEC-I10",
    ),
    fault(
        "payments.fraction-rounded",
        "Fractions of the minor unit are rounded",
        "最小货币单位以下的小数被舍入",
        "SEC-V03", "must not be rounded",
    ),
    fault(
        "payments.amount-coerced",
        "Amounts of another JSON type are converted",
        "类型不符的金额被强制转换",
        "SEC-V04", "must not be converted",
        "SEC-I10",
    ),
    fault(
        "payments.currency-unchecked",
        "The currency of a payment is ignored",
        "付款币种未被校验",
        "SEC-V05", "is not that of the accounts",
        "SEC-I10",
    ),
    fault(
        "payments.replay-accepted",
        "A repeated idempotency key pays again",
        "重复的幂等键再次付款",
        "SEC-V06", "must pay nothing again", "SEC-V07", "SEC-V08",
    ),
    fault(
        "payments.key-body-unbound",
        "An idempotency key is not bound to its request",
        "幂等键未与请求内容绑定",
        "SEC-V07", "was used for another amount",
    ),
    fault(
        "payments.key-race",
        "Simultaneous requests under one key all pay",
        "同一幂等键的并发请求均被付款",
        "SEC-V08", "must be one payment",
    ),
    fault(
        "payments.lost-update",
        "Simultaneous payments overwrite each other's balance",
        "并发付款相互覆盖余额",
        "SEC-V09", "the sum of both accounts must be conserved",
    ),
    fault(
        "payments.refund-unbounded",
        "Refunds may exceed the payment",
        "退款可超过原付款金额",
        "SEC-V10", "exceed", "SEC-V10.race",
    ),
    fault(
        "payments.refunds-not-summed",
        "Each refund is compared with the payment, and not their sum",
        "仅将每笔退款与原付款比较，未累计",
        "SEC-V10", "exceed", "SEC-V10.race",
    ),
    fault(
        "payments.illegal-transition",
        "Finished payments can be cancelled and refunded",
        "已终结的付款仍可撤销或退款",
        "SEC-V11", "cannot be",
        "SEC-V10.race",
    ),
    fault(
        "limits.daily-unchecked",
        "Each payment is compared with the daily limit alone",
        "日限额只与单笔付款比较",
        "SEC-V12", "which is its daily limit", "SEC-V12.race",
    ),
    fault(
        "limits.race-silent",
        "Payments that lose the race for the daily limit are booked and answered as refused",
        "超出日限额的并发付款被记账却答复为拒绝",
        "SEC-V12.race", "must not be booked, whatever was answered",
    ),
    fault(
        "limits.race-crash",
        "Payments that lose the race for the daily limit crash",
        "超出日限额的并发付款使服务出错",
        "SEC-V12.race", "must be refused cleanly",
    ),
    fault(
        "limits.daily-race",
        "The day's total is added up before the booking",
        "日累计额在记账前读取",
        "SEC-V12.race", "must not exceed the daily limit together",
    ),
)  # fmt: skip
