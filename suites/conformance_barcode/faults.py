"""Defects that can be switched on in the reference candidate, and the words with which a check must find each."""

from __future__ import annotations

from conformance.sdk import Fault, Text, Trip

#: Checks that read back what was generated: a broken payload shows in any of them.
_GENERATE = tuple(f"BAR-{number:02d}" for number in range(1, 13))


def _fault(identifier: str, en: str, zh: str, check: str, says: str, *also: str) -> Fault:
    return Fault(identifier, Text(en, zh), (Trip(check, says),), tuple(item for item in also if item != check))


_MADE = (
    _fault("codes.static-zero", "static codes carry an amount of zero", "静态码携带零金额",
           "BAR-01", "must not carry object 54", "BAR-61"),
    _fault("codes.amount-float", "amounts pass through binary fractions", "金额经浮点运算",
           "BAR-02", "must be the order's", "BAR-08", "BAR-61"),
    _fault("codes.cached", "codes are cached by merchant and amount", "按商户和金额缓存条码",
           "BAR-03", "must not share one code", "BAR-09"),
    _fault("codes.amount-unchecked", "amounts are not checked before they are written", "写入前不校验金额",
           "BAR-04", "not an amount a code can carry", "BAR-08"),
    _fault("codes.name-overlong", "names are written at any length", "名称不限长度写入",
           "BAR-05", "longer than 25 characters"),
    _fault("codes.crc-low-bytes", "the CRC covers low bytes of UTF-16 units", "CRC按UTF-16低字节计算",
           "BAR-06", "must cover the UTF-8 bytes"),
    _fault("codes.length-units", "lengths count UTF-16 units", "长度按UTF-16单元计数",
           "BAR-07", "must count as one"),
    _fault("codes.exponent-ignored", "every currency has two decimals", "所有币种均按两位小数",
           "BAR-08", "without decimals", "BAR-04"),
    _fault("codes.crc-zero-dropped", "leading zeros of the CRC are dropped", "CRC丢弃前导零",
           "BAR-09", "with leading zeros", *_GENERATE, "BAR-61", "BAR-23", "BAR-45", "BAR-46", "BAR-49", "BAR-53"),
    _fault("codes.fee-orphan", "a fixed fee is left behind", "残留固定手续费",
           "BAR-10", "as its mode says"),
    _fault("codes.personal-data", "the buyer's telephone is in the code", "条码包含买家手机号",
           "BAR-11", "gives a telephone away"),
    _fault("codes.oversize", "over-long orders are spread over templates", "超长订单号分散写入模板",
           "BAR-12", "longer than 512 characters"),
    _fault("codes.country-lower-case", "the country is written in lower case", "国家代码小写",
           "BAR-61", "breaks its format", "BAR-23"),
)  # fmt: skip

# BAR-13 asks a second reader where one is installed, and that one does not forgive what the first one does.
_SHOWN = (
    _fault("pictures.wrong-text", "the picture holds another text", "图像内容与条码不符",
           "BAR-13", "holds another text", "BAR-17"),
    _fault("pictures.shortest-mode", "the encoder chooses the mode", "由编码库选择模式",
           "BAR-14", "in byte mode"),
    _fault("pictures.no-margin", "the picture has no margin", "图像无静区",
           "BAR-15", "quiet zone is too narrow", "BAR-13", "BAR-17"),
    _fault("pictures.level-low", "error correction is L", "纠错等级为L",
           "BAR-16", "too weak", "BAR-17"),
    _fault("pictures.tiny-modules", "modules are one pixel wide", "模块仅一个像素",
           "BAR-17", "cannot be read when", "BAR-13", "BAR-15"),
    _fault("pictures.inverted", "the picture is light on dark", "图像反色",
           "BAR-18", "is inverted", "BAR-13", "BAR-17"),
    _fault("pictures.logo-large", "a logo covers too much", "标志遮挡过大",
           "BAR-19", "used its error correction up", "BAR-13", "BAR-14", "BAR-17"),
)  # fmt: skip

_READ = (
    _fault("parse.over-strict", "amounts without decimals are refused", "拒绝无小数的金额",
           "BAR-20", "refused or read wrongly", "BAR-33"),
    _fault("parse.crc-only", "only frame and CRC are checked", "只检查框架与CRC",
           "BAR-21", "invalid codes are accepted"),
    _fault("parse.crc-unchecked", "the CRC is not compared", "不比对CRC",
           "BAR-22", "the CRC did not", "BAR-21"),
    _fault("orders.payload-trusted", "the code decides the amount", "以码中金额为准",
           "BAR-23", "less than its order"),
    _fault("parse.unknown-refused", "unknown objects are refused", "拒绝未知对象",
           "BAR-24", "must be ignored", "BAR-20", "BAR-33"),
    _fault("parse.primitive-parsed", "primitive accounts are parsed as templates", "将基本型账户按模板解析",
           "BAR-25", "is primitive", "BAR-20"),
    _fault("parse.positional", "the currency must come before the country", "要求币种先于国家",
           "BAR-26", "in another order", "BAR-20", "BAR-33"),
    _fault("parse.crash", "a very long payload breaks the parser", "超长内容使解析器崩溃",
           "BAR-27", "must be refused cleanly"),
    _fault("parse.host-loose", "the host is searched anywhere in the address", "在地址任意位置查找域名",
           "BAR-28", "not an address of the issuer", "BAR-21"),
    _fault("issuers.prefix-stale", "the prefix table is old", "前缀表过期",
           "BAR-30", "must be known", "BAR-20"),
    _fault("issuers.length-unchecked", "lengths of payment codes are not checked", "不检查付款码长度",
           "BAR-31", "does not have", "BAR-21"),
    _fault("parse.strict-only", "no scheme is granted its departures", "不允许任何方案偏离",
           "BAR-33", "known schemes are refused", "BAR-21"),
    _fault("parse.cpm-lenient", "card data of consumer codes is not checked", "不检查用户码中的卡数据",
           "BAR-44", "neither 57 nor 5A", "BAR-21"),
)  # fmt: skip

_PAID = (
    _fault("paycodes.counter", "payment codes count upwards", "付款码顺序递增",
           "BAR-36", "follow a pattern"),
    _fault("paycodes.lifetime-unchecked", "the age of payment codes is not checked", "不检查付款码有效期",
           "BAR-37", "s old"),
    _fault("paycodes.race", "payment codes are checked first and marked later", "付款码先查后改",
           "BAR-39", "exactly once"),
    _fault("orders.retry-charged", "a repeated collection debits again", "重复提交再次扣款",
           "BAR-40", "must debit once"),
    _fault("orders.last-write-wins", "an order can be collected again with another amount", "同一订单可改金额再收",
           "BAR-41", "taken by another amount"),
    _fault("paycodes.revived", "a failed payment leaves its code alive", "支付失败后付款码仍有效",
           "BAR-42", "used, though in vain"),
    _fault("paycodes.refresh-keeps-old", "refreshing leaves the old code alive", "刷新后旧码仍有效",
           "BAR-43", "was replaced"),
    _fault("limits.per-payment", "the daily limit counts each payment alone", "日限额仅按单笔计算",
           "BAR-45", "nothing is left", "BAR-46"),
    _fault("limits.race", "the daily limit is read before rivals have booked", "日限额检查存在竞态",
           "BAR-46", "exceed the daily limit"),
    _fault("orders.client-amount", "the request decides amount and currency", "以请求金额为准",
           "BAR-49", "than the order's amount", "BAR-23"),
    _fault("refunds.per-call", "refunds are compared one by one", "退款逐笔比较",
           "BAR-50", "50 more are too many", "BAR-51"),
    _fault("refunds.race", "refunds in parallel do not see one another", "并发退款互不可见",
           "BAR-51", "refunded in full once"),
    _fault("refunds.currency-unchecked", "the currency of a refund is ignored", "忽略退款币种",
           "BAR-52", "was paid in CNY"),
    _fault("orders.revoked-and-paid", "a revoked order keeps the money", "撤销订单不退款",
           "BAR-53", "either paid or revoked"),
    _fault("bills.refund-missing", "bills leave refunds out", "账单遗漏退款",
           "BAR-59", "every refund of the day"),
)  # fmt: skip

FAULTS: tuple[Fault, ...] = (*_MADE, *_SHOWN, *_READ, *_PAID)
