"""Faults of abuse, data and evidence."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "login.unlimited",
        "Passwords can be guessed without end",
        "口令可无限次猜测",
        "SEC-D01", "password guessing must be stopped",
    ),
    fault(
        "login.locked-everywhere",
        "Whoever guesses wrongly locks a user out of every client",
        "任何客户端猜错口令即可使该用户在所有客户端被锁定",
        "SEC-D01.elsewhere", "must still log in from another",
    ),
    fault(
        "login.user-enumerable",
        "Unknown users are told so",
        "登录时提示用户不存在",
        "SEC-D03", "must be answered alike", "SEC-D03.timing",
    ),
    fault(
        "login.timing-leak",
        "Passwords of unknown users are not hashed",
        "对不存在的用户不计算口令散列",
        "SEC-D03.timing", "must be answered in the same time",
    ),
    fault(
        "limiter.off",
        "Bursts are not throttled",
        "突发请求未被限流",
        "SEC-D02", "must be throttled",
    ),
    fault(
        "errors.debug",
        "Errors show stack and statement",
        "错误信息泄露堆栈与语句",
        "SEC-D04", "must not disclose internals", "SEC-D04.run", "SEC-Z08",
        "SEC-I10.answers",
    ),
    fault(
        "errors.statement-shown",
        "An amount that the database refuses is answered with the statement",
        "数据库拒绝的金额以语句回显",
        "SEC-D04.run", "no answer of the run may disclose internals",
        "SEC-V02",  # provokes it, and passes
    ),
    fault(
        "data.pan-unmasked",
        "Card numbers are shown in full",
        "卡号未脱敏",
        "SEC-D05", "card numbers must be masked", "SEC-D05.run", "SEC-I10.answers",
    ),
    fault(
        "data.identity-unmasked",
        "Identification numbers are shown in full",
        "身份证号未脱敏",
        "SEC-D05", "citizen identification numbers must be masked", "SEC-D05.run",
    ),
    fault(
        "data.phone-unmasked",
        "Phone numbers are shown in full",
        "手机号未脱敏",
        "SEC-D05", "phone numbers must be masked", "SEC-D05.run",
    ),
    fault(
        "data.mask-thin",
        "Card numbers are masked too little",
        "卡号脱敏位数不足",
        "SEC-D05", "card numbers must be masked", "SEC-D05.run", "SEC-I10.answers",
    ),
    fault(
        "data.pan-encoded",
        "A token is the card number, only compressed and encoded",
        "所谓令牌只是压缩并编码的卡号",
        "SEC-D05.run", "personal data must be masked in every answer of the run", "SEC-D05",
    ),
    fault(
        "data.error-echo",
        "Errors repeat what was sent",
        "错误信息回显所提交的个人信息",
        "SEC-D05.run", "personal data must be masked in every answer of the run", "SEC-D05", "SEC-D06", "SEC-D06.run",
    ),
    fault(
        "data.pan-in-address",
        "Card numbers stand in addresses",
        "卡号出现在地址中",
        "SEC-D07", "personal data must not stand in addresses", "SEC-D05",
    ),
    fault(
        "logs.body-logged",
        "Bodies of requests are written to the log",
        "请求体被写入日志",
        "SEC-D07", "personal data must not be logged",
    ),
    fault(
        "notices.body-leaks",
        "Notices tell with which card was paid",
        "通知中含付款人银行卡信息",
        "SEC-D07.notices", "personal data must not be sent in notices",
    ),
    fault(
        "data.cvv-returned",
        "The card verification code is returned",
        "返回卡验证码",
        "SEC-D06", "must never be returned", "SEC-D06.run",
    ),
    fault(
        "data.secret-encoded",
        "The card verification code is returned encoded",
        "以编码形式返回卡验证码",
        "SEC-D06.run", "must never be returned, in no answer of the run", "SEC-D06",
    ),
    fault(
        "headers.cacheable",
        "Balances may be cached",
        "余额应答可被缓存",
        "SEC-D08", "must not be stored by caches",
    ),
    fault(
        "cors.origin-reflected",
        "Any origin is let in",
        "任意来源均被允许",
        "SEC-D09", "a foreign origin must not be let in",
    ),
    fault(
        "cors.preflight-granted",
        "Every preflight is granted",
        "对任何预检请求均予放行",
        "SEC-D09.preflight", "the preflight of a foreign origin must not be granted",
    ),
    fault(
        "cors.authorization-open",
        "Pages of any origin may read the authorization endpoint",
        "任意来源的页面均可读取授权端点",
        "SEC-D09.authorization", "must let no other origin read it",
    ),
    fault(
        "audit.unchained",
        "Altered audit records are not noticed",
        "审计记录被篡改而不可察觉",
        "SEC-D10", "an altered audit record must be detected", "SEC-D10.deletion", "SEC-D10.signature",
    ),
    fault(
        "audit.unsigned",
        "Audit records carry no signature",
        "审计记录没有签名",
        "SEC-D10", "must name actor, time, hash and signature",
    ),
    fault(
        "audit.deletion-unseen",
        "Deleted audit records are not missed",
        "审计记录被删除而不可察觉",
        "SEC-D10.deletion", "a deleted audit record must be detected",
    ),
    fault(
        "audit.signature-unverified",
        "The signatures of audit records are not verified",
        "审计记录的签名未被校验",
        "SEC-D10.signature", "must be detected by its signature",
    ),
    fault(
        "audit.signature-dropped",
        "The audit notes only that a signature was valid",
        "审计仅记录验签通过",
        "SEC-D11", "must keep the client's signature",
    ),
    fault(
        "audit.content-dropped",
        "The audit keeps a signature, but not what it was made over",
        "审计保留签名却未保留被签内容",
        "SEC-D11", "must keep what was signed",
    ),
    fault(
        "routes.debug-open",
        "Debug and metrics pages are open",
        "调试与指标页面对外开放",
        "SEC-D12", "management pages must be closed to strangers",
    ),
    fault(
        "routes.map-open",
        "A framework's map of all routes is open",
        "框架自带的接口清单对外开放",
        "SEC-D12", "maps of all routes must be closed to strangers",
    ),
    fault(
        "cookies.insecure",
        "Session cookies carry no protection",
        "会话 Cookie 未设保护属性",
        "SEC-D13", "must be Secure, HttpOnly and SameSite",
    ),
)  # fmt: skip
