"""The faults seeded in the reference bank, the checks they must trip, and the words those checks must say."""

from __future__ import annotations

from conformance.sdk import Fault, Text, Trip


def _fault(identifier: str, en: str, zh: str, check: str, says: str, *also: str) -> Fault:
    """Return a fault that trips one check; ``also`` are checks that may fail beside it."""
    return Fault(identifier, Text(en, zh), (Trip(check, says),), also)


_MONEY = (
    _fault(
        "payments.negative-accepted",
        "Negative amounts are booked",
        "负金额被记账",
        "SEC-V01", "is no payment",
    ),
    _fault(
        "payments.overflow-accepted",
        "Large amounts wrap at 32 bits",
        "大额金额按 32 位回绕",
        "SEC-V02", "never wrapped",
    ),
    _fault(
        "payments.fraction-rounded",
        "Fractions of the minor unit are rounded",
        "最小货币单位以下的小数被舍入",
        "SEC-V03", "must not be rounded",
    ),
    _fault(
        "payments.amount-coerced",
        "Amounts of another JSON type are converted",
        "类型不符的金额被强制转换",
        "SEC-V04", "must not be converted",
    ),
    _fault(
        "payments.currency-unchecked",
        "The currency of a payment is ignored",
        "付款币种未被校验",
        "SEC-V05", "is not that of the accounts",
    ),
    _fault(
        "payments.replay-accepted",
        "A repeated idempotency key pays again",
        "重复的幂等键再次付款",
        "SEC-V06", "must pay nothing again", "SEC-V07", "SEC-V08",
    ),
    _fault(
        "payments.key-body-unbound",
        "An idempotency key is not bound to its request",
        "幂等键未与请求内容绑定",
        "SEC-V07", "was used for another amount",
    ),
    _fault(
        "payments.key-race",
        "Simultaneous requests under one key all pay",
        "同一幂等键的并发请求均被付款",
        "SEC-V08", "must be one payment",
    ),
    _fault(
        "payments.lost-update",
        "Simultaneous payments overwrite each other's balance",
        "并发付款相互覆盖余额",
        "SEC-V09", "the sum of both accounts must be conserved",
    ),
    _fault(
        "payments.refund-unbounded",
        "Refunds may exceed the payment",
        "退款可超过原付款金额",
        "SEC-V10", "exceed",
    ),
    _fault(
        "payments.illegal-transition",
        "Finished payments can be cancelled and refunded",
        "已终结的付款仍可撤销或退款",
        "SEC-V11", "cannot be",
    ),
)  # fmt: skip

_AUTHORIZATION = (
    _fault(
        "accounts.owner-unchecked",
        "Accounts are shown to any customer",
        "账户可被任意客户查看",
        "SEC-Z01", "of another customer", "SEC-Z02", "SEC-Z08",
    ),
    _fault(
        "payments.debtor-unchecked",
        "Any customer's account can be debited",
        "可从任意客户账户扣款",
        "SEC-Z02", "belongs to another customer",
    ),
    _fault(
        "admin.role-unchecked",
        "Staff operations are open to customers",
        "客户可调用管理类操作",
        "SEC-Z03", "not for customers",
    ),
    _fault(
        "consents.scope-unchecked",
        "A consent opens more than it says",
        "用户同意的范围未被校验",
        "SEC-Z04", "consent",
    ),
    _fault(
        "consents.full-object",
        "A consented read shows the whole account",
        "经同意的读取返回完整账户对象",
        "SEC-Z05", "more than the consented fields",
    ),
    _fault(
        "consents.revocation-cached",
        "A revoked consent keeps working",
        "已撤销的同意仍然有效",
        "SEC-Z06", "the refusal of a revoked consent did not happen",
    ),
    _fault(
        "routes.statement-open",
        "The statement needs no credentials",
        "对账单接口无需认证",
        "SEC-Z07", "accounts.statement without credentials", "SEC-Z01", "SEC-Z04",
    ),
    _fault(
        "accounts.existence-leaked",
        "Foreign accounts are told apart from absent ones",
        "可区分他人账户与不存在的账户",
        "SEC-Z08", "must be answered alike",
    ),
    _fault(
        "accounts.mass-assignment",
        "Members of the request are copied into the object",
        "请求字段被直接复制到对象",
        "SEC-Z09", "must not decide",
    ),
    _fault(
        "factors.unbound",
        "A second factor fits any payment, again and again",
        "第二因素未与交易绑定且可重复使用",
        "SEC-Z10", "second factor",
    ),
)  # fmt: skip

_TOKENS = (
    _fault(
        "tokens.none-accepted",
        "Unsigned tokens are accepted",
        "接受无签名的令牌",
        "SEC-J01", "an unsigned token",
    ),
    _fault(
        "tokens.algorithm-confused",
        "The public key is taken as an HMAC secret",
        "公钥被当作 HMAC 密钥",
        "SEC-J02", "signed with HS256 under the public key",
    ),
    _fault(
        "tokens.expiry-unchecked",
        "Expired tokens are accepted",
        "接受过期令牌",
        "SEC-J04.expiry", "the token expired",
    ),
    _fault(
        "tokens.audience-unchecked",
        "Tokens for another service are accepted",
        "接受签发给其他服务的令牌",
        "SEC-J04.audience", "opens another service",
    ),
    _fault(
        "tokens.revocation-ignored",
        "Revoked tokens keep working",
        "已撤销令牌仍然有效",
        "SEC-J06", "the refusal of a revoked token did not happen",
    ),
    _fault(
        "keys.private-published",
        "The key set shows the private key",
        "密钥集公布了私钥",
        "SEC-J07", "must not publish private members",
    ),
    _fault(
        "tokens.query-accepted",
        "Tokens are read from the query string",
        "从查询参数读取令牌",
        "SEC-J17", "stands in the query string",
    ),
)  # fmt: skip

_SIGNATURE = (
    _fault(
        "signature.skipped",
        "Signatures are not verified",
        "未验证请求签名",
        "SEC-S01", "carries no signature", "SEC-S02", "SEC-S03", "SEC-S04", "SEC-S06", "SEC-S07", "SEC-S09",
    ),
    _fault(
        "signature.digest-unchecked",
        "The digest of the body is not recomputed",
        "未重新计算正文摘要",
        "SEC-S02", "under its old digest and signature",
    ),
    _fault(
        "signature.digest-uncovered",
        "The digest is not covered by the signature",
        "摘要未被签名覆盖",
        "SEC-S03", "body and its digest were changed",
    ),
    _fault(
        "signature.component-uncovered",
        "Method and query are not covered by the signature",
        "方法与查询参数未被签名覆盖",
        "SEC-S04", "was changed under the old signature",
    ),
    _fault(
        "signature.keyid-unbound",
        "Any registered key signs for any client",
        "任意已注册密钥可代任意客户端签名",
        "SEC-S06", "signed by the key of another client",
    ),
    _fault(
        "signature.nonce-off",
        "Nonces are not remembered",
        "未记录已使用的随机数",
        "SEC-S07", "no second effect is allowed",
    ),
    _fault(
        "signature.window-day",
        "Signatures are accepted for a day",
        "签名在一天内均被接受",
        "SEC-S09", "its signature is",
    ),
)  # fmt: skip

_TRANSPORT_AND_INPUT = (
    _fault(
        "tls.legacy-protocol",
        "TLS 1.0 and 1.1 are negotiated",
        "可协商 TLS 1.0 与 1.1",
        "SEC-T01", "must be refused, but the server answered with a ServerHello",
    ),
    _fault(
        "headers.hsts-missing",
        "Strict-Transport-Security is not sent",
        "未发送 Strict-Transport-Security",
        "SEC-T12", "Strict-Transport-Security",
    ),
    _fault(
        "input.deep-json-crash",
        "Deeply nested JSON crashes the parser",
        "嵌套过深的 JSON 使解析器崩溃",
        "SEC-I02", "levels deep",
    ),
    _fault(
        "input.duplicate-keys",
        "The last of repeated members wins",
        "重复字段取最后一个",
        "SEC-I03", "names the amount twice",
    ),
    _fault(
        "input.invalid-utf8",
        "Broken bytes are replaced and accepted",
        "非法字节被替换后接受",
        "SEC-I04", "the reference holds",
    ),
    _fault(
        "input.content-type-sniffed",
        "JSON is accepted under any media type",
        "任意媒体类型均按 JSON 接受",
        "SEC-I05", "JSON was sent",
    ),
    _fault(
        "input.method-override",
        "A header changes the method",
        "请求头可改变方法",
        "SEC-I06", "must be ignored",
    ),
    _fault(
        "ssrf.callback-unchecked",
        "Callbacks inside the network are called",
        "可向内部网络发起回调",
        "SEC-I08", "inside the product's own network",
    ),
    _fault(
        "input.page-size-unbounded",
        "Page sizes are passed to the database",
        "分页大小未加限制",
        "SEC-I09", "must be refused or capped",
    ),
)  # fmt: skip

_ABUSE = (
    _fault(
        "login.unlimited",
        "Passwords can be guessed without end",
        "口令可无限次猜测",
        "SEC-D01", "password guessing must be stopped",
    ),
    _fault(
        "limiter.off",
        "Bursts are not throttled",
        "突发请求未被限流",
        "SEC-D02", "must be throttled",
    ),
    _fault(
        "errors.debug",
        "Errors show stack and statement",
        "错误信息泄露堆栈与语句",
        "SEC-D04", "must not disclose internals", "SEC-Z08",
    ),
    _fault(
        "data.pan-unmasked",
        "Card numbers are shown in full",
        "卡号未脱敏",
        "SEC-D05", "card numbers must be masked",
    ),
    _fault(
        "data.cvv-returned",
        "The card verification code is returned",
        "返回卡验证码",
        "SEC-D06", "must never be returned",
    ),
    _fault(
        "headers.cacheable",
        "Balances may be cached",
        "余额应答可被缓存",
        "SEC-D08", "must not be stored by caches",
    ),
    _fault(
        "cors.origin-reflected",
        "Any origin is let in",
        "任意来源均被允许",
        "SEC-D09", "a foreign origin must not be let in",
    ),
    _fault(
        "audit.unchained",
        "Altered audit records are not noticed",
        "审计记录被篡改而不可察觉",
        "SEC-D10", "must be detected",
    ),
    _fault(
        "routes.debug-open",
        "Debug and metrics pages are open",
        "调试与指标页面对外开放",
        "SEC-D12", "must be closed to strangers",
    ),
    _fault(
        "cookies.insecure",
        "Session cookies carry no protection",
        "会话 Cookie 未设保护属性",
        "SEC-D13", "must be Secure, HttpOnly and SameSite",
    ),
)  # fmt: skip

#: Every fault of the core bank that a security check must detect.
FAULTS: tuple[Fault, ...] = (*_MONEY, *_AUTHORIZATION, *_TOKENS, *_SIGNATURE, *_TRANSPORT_AND_INPUT, *_ABUSE)
