"""Defects of the reference candidate that only a disturbance brings out: a kill, a pause, cut connections, a slow disk.

What each has done is counted beyond the candidate's death, so that the number found can be compared with it.
"""

from conformance.sdk import Fault, Text, Trip

_MISSING = "confirmed payments are missing"
_TWICE = "payments are booked more than once"
_HALF = "payments are booked on one account without the other"
_STUCK = "payments stay pending for good"
_SLOW = "payments were not served as before within"

FAULTS = (
    Fault(
        "load.ack-before-commit",
        Text("Every tenth payment is confirmed before it is booked", "每第十笔支付在记账之前就被确认"),
        (Trip("LOAD-F01", _MISSING),),
    ),
    Fault(
        "load.lost-on-crash",
        Text("A crash takes the last payments with it", "进程崩溃会丢失最后若干笔支付"),
        (Trip("LOAD-F01", _MISSING),),
    ),
    Fault(
        "load.doubled-on-restart",
        Text("After a crash the last payments are booked again", "崩溃重启后最后若干笔支付再次记账"),
        (Trip("LOAD-F01", _TWICE),),
    ),
    Fault(
        "load.half-on-crash",
        Text("After a crash the last payments lack their credit", "崩溃后最后若干笔支付缺少贷记"),
        (Trip("LOAD-F01", _HALF),),
    ),
    Fault(
        "load.keys-lost-on-crash",
        Text("After a crash no idempotency key is known any more", "崩溃后所有幂等键都被遗忘"),
        (Trip("LOAD-F01", _TWICE),),
    ),
    Fault(
        "load.cold-start",
        Text("After a crash every payment stays slow", "崩溃后每笔支付持续变慢"),
        (Trip("LOAD-F01", _SLOW),),
    ),
    Fault(
        "load.doubled-on-resume",
        Text("After a pause the payments under way are booked again", "暂停恢复后处理中的支付再次记账"),
        (Trip("LOAD-F02", _TWICE),),
    ),
    Fault(
        "load.no-resume",
        Text("After a pause every payment stays slow", "暂停恢复后每笔支付持续变慢"),
        (Trip("LOAD-F02", _SLOW),),
    ),
    Fault(
        "load.reset-doubled",
        Text("A payment whose connection was reset is made again", "连接被重置的支付再次被执行"),
        (Trip("LOAD-F03", _TWICE), Trip("LOAD-M02", "payments are on the statement more than once")),
        also=("LOAD-F01", "LOAD-F02", "LOAD-F04", "LOAD-M07"),
    ),
    Fault(
        "load.reset-stuck",
        Text("A payment whose connection was reset stays pending for good", "连接被重置的支付永远停留在处理中"),
        (Trip("LOAD-F03", _STUCK), Trip("LOAD-M18", "payments were still pending long after the load")),
        also=("LOAD-F01", "LOAD-F02", "LOAD-F04", "LOAD-M07"),
    ),
    Fault(
        "load.corrupt-when-slow",
        Text("On a slow disk every tenth payment is booked by half", "磁盘变慢时每第十笔支付只记一半"),
        (Trip("LOAD-F04", _HALF),),
    ),
    Fault(
        "load.no-heal",
        Text("After a slow disk every payment stays slow", "磁盘恢复后每笔支付持续变慢"),
        (Trip("LOAD-F04", _SLOW),),
    ),
)
