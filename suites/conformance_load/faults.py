"""Defects of the reference candidate that show under load, each with the check that must find it.

The counted ones strike every tenth payment whose reference begins with ``load``, so that the number found can be
compared with the number made.
"""

from conformance.sdk import Fault, Text, Trip
from conformance_load import faults_disturbed, faults_endpoints, faults_shapes

_MISSING = "confirmed payments are missing from the statement"
_TWICE = "payments are on the statement more than once"
#: Whatever is wrong with every tenth payment is wrong with those of a disturbed load, too.
DISTURBED = ("LOAD-F01", "LOAD-F02", "LOAD-F03", "LOAD-F04")
_ANOTHER = "repeated requests were answered with another payment"

FAULTS = (
    Fault(
        "load.lost",
        Text("Every tenth payment is confirmed and never booked", "每第十笔支付被确认但从未记账"),
        (Trip("LOAD-M01", _MISSING),),
        also=("LOAD-M07", *DISTURBED),
    ),
    Fault(
        "load.doubled",
        Text("Every tenth payment is booked twice", "每第十笔支付被重复记账"),
        (Trip("LOAD-M02", _TWICE), Trip("LOAD-M07", "accounts do not hold what the confirmed payments leave them")),
        also=DISTURBED,
    ),
    Fault(
        "load.ghost",
        Text("Every tenth payment brings an entry that nobody asked for", "每第十笔支付附带一条无人发起的记账"),
        (Trip("LOAD-M03", "belong to no payment that was sent"),),
        also=("LOAD-M07", "LOAD-M08", *DISTURBED),
    ),
    Fault(
        "load.rejected-booked",
        Text("Every tenth payment is refused and booked nevertheless", "每第十笔支付被拒绝但仍然记账"),
        (Trip("LOAD-M04", "refused payments were booked nevertheless"),),
        also=("LOAD-M07", "LOAD-S01", "LOAD-S05", *DISTURBED),
    ),
    Fault(
        "load.wrong-amount",
        Text("Every tenth payment is booked with another amount", "每第十笔支付按错误金额记账"),
        (Trip("LOAD-M05", "payments were booked with another amount"),),
        also=("LOAD-M07", *DISTURBED),
    ),
    Fault(
        "load.half-booked",
        Text("Every tenth payment debits without crediting", "每第十笔支付只借记不贷记"),
        (
            Trip("LOAD-M06", "payments were booked on one account without the other"),
            Trip("LOAD-M08", "the total over all accounts moved by"),
        ),
        also=("LOAD-M07", *DISTURBED),
    ),
    Fault(
        "load.statement-behind",
        Text("The statement shows new entries only when read again", "明细在再次查询时才显示新记账"),
        (Trip("LOAD-M09", "the statement changed between two readings"),),
        also=("LOAD-M14", *DISTURBED),
    ),
    Fault(
        "load.statement-reordered",
        Text(
            "Every tenth confirmed entry is left out of the first reading of the statement that should show it",
            "每第十条已确认的记账在首次应显示的明细查询中缺失",
        ),
        (Trip("LOAD-M14", "statements read during the load were not in order"),),
        also=("LOAD-M09", *DISTURBED),
    ),
    Fault(
        "load.replay-doubled",
        Text("A repeated request is a new payment", "重复请求被当作新的支付"),
        (Trip("LOAD-M10", _ANOTHER), Trip("LOAD-M02", _TWICE)),
        also=("LOAD-M05", "LOAD-M07", "LOAD-M15", "LOAD-M17", *DISTURBED),
    ),
    Fault(
        "load.replay-refused",
        Text(
            "A repeated request is refused as known, and the list of payments does not show the first",
            "重复请求因已受理而被拒绝，且支付列表不显示首笔支付",
        ),
        (
            Trip("LOAD-M11", "repeated requests of confirmed payments were refused"),
            Trip("LOAD-M12", "payments with a lost answer stay undecided"),
        ),
        also=("LOAD-M07", *DISTURBED),
    ),
    Fault(
        "load.replay-failed",
        Text("A known key is answered with a server error", "已知幂等键返回服务器错误"),
        (Trip("LOAD-M11", "repeated requests of confirmed payments were answered with a server error"),),
        # Repetitions are more than one in a hundred requests, and one of each pair at the same moment fails.
        also=("LOAD-S01", "LOAD-S04", *DISTURBED),
    ),
    Fault(
        "load.key-body-unbound",
        Text("A known key is answered whatever it is asked for", "已知幂等键无论请求内容如何都返回成功"),
        (Trip("LOAD-M15", "requests with a known key and another amount were accepted"),),
    ),
    Fault(
        "load.cover-unchecked",
        Text("Payments from an empty account are accepted", "接受余额为零账户的支付"),
        (Trip("LOAD-M13", "payments from an empty account were accepted"),),
    ),
    Fault(
        "load.slow",
        Text("Every tenth payment takes far longer", "每第十笔支付明显变慢"),
        (
            Trip("LOAD-S02", "the 99th percentile of the response time is"),
            Trip("LOAD-T01", "the figures of Mojaloop are missed"),
            Trip("LOAD-T02", "the figures of TIPS are missed"),
            Trip("LOAD-T03", "the time limit of SCT Inst is missed"),
            Trip("LOAD-T04", "the time limits of Pix are missed"),
            Trip("LOAD-T05", "the figures of UPI are missed"),
            Trip("LOAD-T06", "the published peak of NetsUnion is missed"),
        ),
        also=("LOAD-S03", "LOAD-S06", *DISTURBED),
    ),
    Fault(
        "load.slow-all",
        Text("Every payment takes long", "每笔支付都很慢"),
        (
            Trip("LOAD-S03", "the median of the response time is"),
            Trip("LOAD-P02", "the highest rate within the limits is 0 per second"),
        ),
        also=("LOAD-S02", "LOAD-S06", *DISTURBED),
    ),
    Fault(
        "load.errors",
        Text("Every tenth payment ends in a server error", "每第十笔支付返回服务器错误"),
        (
            Trip("LOAD-S04", "requests got no proper answer"),
            Trip("LOAD-S01", "payments were confirmed at"),
        ),
        also=DISTURBED,
    ),
    Fault(
        "load.answered-twice",
        Text("Every tenth payment is answered twice on its connection", "每第十笔支付在同一连接上收到两个应答"),
        (Trip("LOAD-S04", "answers came that nobody had asked for"),),
        # Where both answers arrive as one piece, the payment has no proper answer.
        also=("LOAD-S01", *DISTURBED),
    ),
    Fault(
        "load.refused",
        Text("Every tenth correct payment is refused", "每第十笔正确的支付被拒绝"),
        (Trip("LOAD-S05", "correct payments were refused under load"),),
        also=("LOAD-S01", *DISTURBED),
    ),
    Fault(
        "load.no-recovery",
        Text("After many payments the product stays slow", "大量支付之后产品持续变慢"),
        (
            Trip("LOAD-S06", "single payments were not back below"),
            Trip("LOAD-P01", "was not carried again within"),
        ),
        also=("LOAD-S02", "LOAD-S03", *DISTURBED),
    ),
    Fault(
        "load.duplicate-race",
        Text("Two equal requests at the same moment are both booked", "同一时刻的两个相同请求都被记账"),
        (
            Trip("LOAD-M17", "pairs of equal requests at the same moment made two payments"),
            Trip("LOAD-M02", _TWICE),
        ),
        also=("LOAD-M07", "LOAD-M10", *DISTURBED),
    ),
    Fault(
        "load.lost-update",
        Text("Payments at the same moment overwrite each other's balance", "同一时刻的支付互相覆盖余额"),
        (
            Trip("LOAD-M07", "accounts do not hold what the confirmed payments leave them"),
            Trip("LOAD-M08", "the total over all accounts moved by"),
        ),
        also=DISTURBED,
    ),
    Fault(
        "load.stuck-pending",
        Text("Every tenth payment stays pending for good", "每第十笔支付永远停留在处理中"),
        (Trip("LOAD-M18", "payments were still pending long after the load"),),
        also=DISTURBED,
    ),
    Fault(
        "load.wrong-rounding",
        Text("Every tenth payment is booked in whole yuan", "每第十笔支付按整元记账"),
        (Trip("LOAD-M05", "payments were booked with another amount"),),
        also=("LOAD-M07", *DISTURBED),
    ),
    *faults_shapes.FAULTS,
    *faults_disturbed.FAULTS,
    *faults_endpoints.FAULTS,
)
