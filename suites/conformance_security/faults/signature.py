"""Faults of request signatures and replay."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "signature.skipped",
        "Signatures are not verified",
        "未验证请求签名",
        "SEC-S01", "carries no signature", "SEC-S02", "SEC-S03", "SEC-S04", "SEC-S06", "SEC-S07", "SEC-S09",
    ),
    fault(
        "signature.digest-unchecked",
        "The digest of the body is not recomputed",
        "未重新计算正文摘要",
        "SEC-S02", "under its old digest and signature",
    ),
    fault(
        "signature.digest-uncovered",
        "The digest is not covered by the signature",
        "摘要未被签名覆盖",
        "SEC-S03", "body and its digest were changed",
    ),
    fault(
        "signature.component-uncovered",
        "Method and query are not covered by the signature",
        "方法与查询参数未被签名覆盖",
        "SEC-S04", "was changed under the old signature",
    ),
    fault(
        "signature.keyid-unbound",
        "Any registered key signs for any client",
        "任意已注册密钥可代任意客户端签名",
        "SEC-S06", "signed by the key of another client",
    ),
    fault(
        "signature.nonce-off",
        "Nonces are not remembered",
        "未记录已使用的随机数",
        "SEC-S07", "no second effect is allowed",
    ),
    fault(
        "signature.window-day",
        "Signatures are accepted for a day",
        "签名在一天内均被接受",
        "SEC-S09", "its signature is",
    ),
)  # fmt: skip
