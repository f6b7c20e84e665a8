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
        "limiter.off",
        "Bursts are not throttled",
        "突发请求未被限流",
        "SEC-D02", "must be throttled",
    ),
    fault(
        "errors.debug",
        "Errors show stack and statement",
        "错误信息泄露堆栈与语句",
        "SEC-D04", "must not disclose internals", "SEC-Z08",
    ),
    fault(
        "data.pan-unmasked",
        "Card numbers are shown in full",
        "卡号未脱敏",
        "SEC-D05", "card numbers must be masked",
    ),
    fault(
        "data.cvv-returned",
        "The card verification code is returned",
        "返回卡验证码",
        "SEC-D06", "must never be returned",
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
        "audit.unchained",
        "Altered audit records are not noticed",
        "审计记录被篡改而不可察觉",
        "SEC-D10", "must be detected",
    ),
    fault(
        "routes.debug-open",
        "Debug and metrics pages are open",
        "调试与指标页面对外开放",
        "SEC-D12", "must be closed to strangers",
    ),
    fault(
        "cookies.insecure",
        "Session cookies carry no protection",
        "会话 Cookie 未设保护属性",
        "SEC-D13", "must be Secure, HttpOnly and SameSite",
    ),
)  # fmt: skip
