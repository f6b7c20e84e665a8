"""Faults of authorization and consent."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "accounts.owner-unchecked",
        "Accounts are shown to any customer",
        "账户可被任意客户查看",
        "SEC-Z01", "of another customer", "SEC-Z02", "SEC-Z08", "SEC-Z08.timing", "SEC-Z02.document",
        "SEC-Z04", "SEC-Z04.grantor",
    ),
    fault(
        "payments.list-unfiltered",
        "The payments of any account are listed to any customer",
        "任意客户均可查询任意账户的付款列表",
        "SEC-Z01", "payments.list names an account of another customer", "SEC-Z02.document",
    ),
    fault(
        "payments.debtor-unchecked",
        "Any customer's account can be debited",
        "可从任意客户账户扣款",
        "SEC-Z02", "belongs to another customer", "SEC-Z02.document",
    ),
    fault(
        "payments.cancel-unchecked",
        "Any customer can cancel any payment",
        "任意客户均可撤销他人的付款",
        "SEC-Z02", "to be cancelled belongs to another customer", "SEC-Z02.document",
    ),
    fault(
        "admin.role-unchecked",
        "Staff operations are open to customers",
        "客户可调用管理类操作",
        "SEC-Z03", "not for customers", "SEC-I10.answers", "SEC-Z03.writes", "SEC-Z03.reader",
    ),
    fault(
        "supervisor.freeze-open",
        "Customers can freeze and unfreeze accounts",
        "客户可冻结与解冻账户",
        "SEC-Z03.writes", "not for customers", "SEC-I10.answers",
    ),
    fault(
        "tokens.scope-unchecked",
        "Tokens that may only read can pay",
        "只读令牌可发起付款",
        "SEC-Z03.reader", "its credentials may read, and not pay",
    ),
    fault(
        "consents.scope-unchecked",
        "A consent opens more than it says",
        "用户同意的范围未被校验",
        "SEC-Z04", "consent",
    ),
    fault(
        "consents.full-object",
        "A consented read shows the whole account",
        "经同意的读取返回完整账户对象",
        "SEC-Z05", "more than the consented fields",
    ),
    fault(
        "consents.holder-shown",
        "A consented read shows the account's holder deep in another member",
        "经同意的读取在其他字段的深层返回账户持有人",
        "SEC-Z05", "must not show more than the consented fields",
    ),
    fault(
        "consents.revocation-cached",
        "A revoked consent keeps working",
        "已撤销的同意仍然有效",
        "SEC-Z06", "the refusal of a revoked consent did not happen", "SEC-Z06.race",
    ),
    fault(
        "routes.statement-open",
        "The statement needs no credentials",
        "对账单接口无需认证",
        "SEC-Z07", "accounts.statement without credentials",
        "SEC-Z01", "SEC-Z04", "SEC-Z07.document", "SEC-Z02.document", "SEC-I10.drawn",
    ),
    fault(
        "accounts.existence-leaked",
        "Foreign accounts are told apart from absent ones",
        "可区分他人账户与不存在的账户",
        "SEC-Z08", "must be answered alike",
    ),
    fault(
        "accounts.existence-timed",
        "Foreign accounts are refused later than absent ones",
        "他人账户比不存在的账户更晚被拒绝",
        "SEC-Z08.timing", "must be refused in the same time",
    ),
    fault(
        "accounts.mass-assignment",
        "Members of the request are copied into the object",
        "请求字段被直接复制到对象",
        "SEC-Z09", "must not decide",
        "SEC-I10", "SEC-I10.drawn", "SEC-I06.document",
    ),
    fault(
        "payments.member-booked",
        "A member of the request changes what is booked and is shown nowhere",
        "请求中的多余字段改变记账金额却不显示",
        "SEC-Z09", "must not decide how much money moves",
        "SEC-I10", "SEC-I10.drawn",
    ),
    fault(
        "payments.created-assigned",
        "The request may say when the payment was made",
        "请求可指定付款的创建时间",
        "SEC-Z09", "must not decide when the payment was made",
        "SEC-I10", "SEC-I10.drawn",
    ),
    fault(
        "factors.unbound",
        "A second factor fits any payment, again and again",
        "第二因素未与交易绑定且可重复使用",
        "SEC-Z10", "second factor",
        "SEC-Z10.confirmed",
    ),
    fault(
        "factors.amount-at-most",
        "A second factor fits every payment of at most its amount",
        "第二因素可用于不超过其金额的任意付款",
        "SEC-Z10", "was given for a larger amount",
    ),
    fault(
        "factors.unconfirmed",
        "Nobody looks whether a second factor was confirmed",
        "未校验第二因素是否已确认",
        "SEC-Z10.confirmed", "was begun and never confirmed",
    ),
    fault(
        "factors.any-code",
        "Any code confirms a second factor",
        "任意验证码均可确认第二因素",
        "SEC-Z10.confirmed", "is not the one that was handed out",
    ),
    fault(
        "factors.wrong-code-kept",
        "A wrong code is refused, and the second factor counts as confirmed all the same",
        "错误验证码虽被拒绝，第二因素仍被视为已确认",
        "SEC-Z10.confirmed", "was tried with a wrong code",
    ),
    fault(
        "factors.owner-unchecked",
        "A second factor of any customer fits",
        "可使用任意客户的第二因素",
        "SEC-Z10.owner", "was confirmed by another customer",
    ),
    fault(
        "routes.write-open",
        "An operation that writes was forgotten when credentials were asked for",
        "某个写操作遗漏了认证",
        "SEC-Z07.document", "DELETE /consents/{consent} without credentials",
    ),
    fault(
        "consents.owner-unchecked",
        "Any customer can read and revoke any consent",
        "任何客户均可查看并撤销他人的同意",
        "SEC-Z02.document", "/consents/{consent} on a thing of another customer",
    ),
    fault(
        "routes.undocumented",
        "An operator's view is live beside the documented paths",
        "文档之外存在在线的运维接口",
        "SEC-D12.document", "what is not documented must not be served",
    ),
)  # fmt: skip
