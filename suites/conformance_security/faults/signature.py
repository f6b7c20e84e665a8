"""Faults of request signatures and replay."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "signature.skipped",
        "Signatures are not verified",
        "未验证请求签名",
        "SEC-S01", "carries no signature", "SEC-S02", "SEC-S03", "SEC-S04", "SEC-S05", "SEC-S06", "SEC-S07", "SEC-S08",
        "SEC-S09", "SEC-S10.created", "SEC-S10.algorithm", "SEC-S10.several", "SEC-S11.range", "SEC-S11.encoding",
        "SEC-S11.user", "SEC-D11",
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
        "signature.method-uncovered",
        "The method is not covered by the signature",
        "请求方法未被签名覆盖",
        "SEC-S04", "its method was changed under the old signature",
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
        "SEC-S07", "no second effect is allowed", "SEC-S08",
    ),
    fault(
        "signature.replay-crash",
        "A nonce that was used before breaks the operation",
        "重复的随机数使操作崩溃",
        "SEC-S07", "must be accepted or refused cleanly", "SEC-S08",
    ),
    fault(
        "signature.window-day",
        "Signatures are accepted for a day",
        "签名在一天内均被接受",
        "SEC-S09", "its signature is",
    ),
    fault(
        "signature.components-optional",
        "Whatever a signature covers is enough",
        "签名覆盖任意组件均被接受",
        "SEC-S05", "its valid signature leaves out",
    ),
    fault(
        "signature.nonce-timed",
        "Nonces are remembered together with the time",
        "随机数与时间组合判重",
        "SEC-S08", "its nonce was used before, at another second",
    ),
    fault(
        "signature.created-lenient",
        "A signature without a proper creation time counts as made now",
        "缺少有效创建时间的签名被视为当前所作",
        "SEC-S10.created", "its signature is valid, but it",
    ),
    fault(
        "signature.algorithm-ignored",
        "The algorithm that a signature names is ignored",
        "忽略签名所声明的算法",
        "SEC-S10.algorithm", "its signature is valid, but its alg",
    ),
    fault(
        "signature.several-confused",
        "One of two signatures is read and the other verified",
        "读取两个签名之一却验证另一个",
        "SEC-S10.several", "neither of its two signatures",
    ),
    fault(
        "sm2.range-unchecked",
        "SM2 numbers are reduced instead of checked",
        "SM2 签名值取模而不检查范围",
        "SEC-S11.range", "its SM2 signature is (0, 0)",
    ),
    fault(
        "sm2.trailing-ignored",
        "Bytes behind an SM2 signature are ignored",
        "忽略 SM2 签名之后的多余字节",
        "SEC-S11.encoding", "with a byte behind it",
    ),
    fault(
        "sm2.user-id-ignored",
        "SM2 signatures under any user identity are accepted",
        "接受任意用户标识下的 SM2 签名",
        "SEC-S11.user", "under another user identity",
    ),
    fault(
        "sm2.curve-unchecked",
        "Public keys are registered that lie on no curve",
        "登记不在曲线上的公钥",
        "SEC-S11.curve", "does not lie on the SM2 curve",
    ),
    fault(
        "signature.response-unbound",
        "Answers are signed without their request",
        "应答签名未与请求绑定",
        "SEC-S12", "must be bound to its request",
    ),
    fault(
        "signature.response-unsigned",
        "Answers to signed requests are not signed",
        "对已签名请求的应答未签名",
        "SEC-S12", "so that it can be verified: it carries no signature",
    ),
    fault(
        "notices.unsigned",
        "Notices are not signed",
        "通知未签名",
        "SEC-S13", "it carries no signature",
    ),
    fault(
        "notices.body-uncovered",
        "The signature of a notice does not cover its body",
        "通知签名未覆盖正文",
        "SEC-S13", "does not cover content-digest",
    ),
    fault(
        "notices.undated",
        "Notices are signed with an old date",
        "通知签名使用过期时间",
        "SEC-S13", "its signature was made",
    ),
)  # fmt: skip
