"""Defects of the reference candidate in single operations, which show while payments pour in."""

from conformance.sdk import Fault, Text, Trip

#: A stream that is too slow is starved as well.
_STARVED = ("LOAD-P03",)

FAULTS = (
    Fault(
        "load.slow-reads",
        Text("Under load every third payment query takes far longer", "负载下每第三次支付查询明显变慢"),
        (Trip("LOAD-E01", "the 99th percentile of payments.read is"),),
        also=_STARVED,
    ),
    Fault(
        "load.refund-race",
        Text("Refunds at the same moment each see what was left before", "同一时刻的退款各自看到退款前的剩余额度"),
        (Trip("LOAD-M16", "payments gave back more than was paid"),),
    ),
    Fault(
        "load.slow-refunds",
        Text("Under load every third refund takes far longer", "负载下每第三笔退款明显变慢"),
        (Trip("LOAD-E02", "the 99th percentile of payments.refund is"),),
        also=_STARVED,
    ),
    Fault(
        "load.slow-balances",
        Text("Under load every third balance query takes far longer", "负载下每第三次余额查询明显变慢"),
        (Trip("LOAD-E03", "the 99th percentile of accounts.balance is"),),
        also=_STARVED,
    ),
    Fault(
        "load.slow-codes",
        Text("Under load every third payment code takes far longer to make", "负载下每第三个收款码的生成明显变慢"),
        (Trip("LOAD-E04", "the 99th percentile of codes.create is"),),
        also=_STARVED,
    ),
    Fault(
        "load.slow-code-pays",
        Text("Under load every third payment by code takes far longer", "负载下每第三笔扫码支付明显变慢"),
        (Trip("LOAD-E05", "the 99th percentile of codes.pay is"),),
        also=_STARVED,
    ),
    Fault(
        "load.slow-tokens",
        Text("Under load every third token takes far longer to issue", "负载下每第三个令牌的签发明显变慢"),
        (Trip("LOAD-E06", "the 99th percentile of token is"),),
        also=_STARVED,
    ),
    Fault(
        "load.refunds-lost",
        Text("Every tenth refund is confirmed and never booked", "每第十笔退款被确认但从未记账"),
        (Trip("LOAD-E02", "accounts do not hold what the confirmed requests of payments.refund"),),
    ),
    Fault(
        "load.code-pays-lost",
        Text("Every tenth payment by code is confirmed and never booked", "每第十笔扫码支付被确认但从未记账"),
        (Trip("LOAD-E05", "accounts do not hold what the confirmed requests of codes.pay"),),
    ),
    Fault(
        "load.slow-finality",
        Text("The more transactions wait, the longer a block takes", "等待的交易越多，出块越慢"),
        (Trip("LOAD-E07", "the 99th percentile of ledger.submit to finality is"),),
    ),
    Fault(
        "load.starved-stream",
        Text(
            "Payments come first: balances wait for a pause and are turned away", "支付优先：余额查询等待间歇直至被拒"
        ),
        (Trip("LOAD-P03", "of accounts.balance were confirmed"),),
        also=("LOAD-E03",),
    ),
)
