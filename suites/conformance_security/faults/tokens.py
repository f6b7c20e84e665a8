"""Faults of tokens."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "tokens.none-accepted",
        "Unsigned tokens are accepted",
        "接受无签名的令牌",
        "SEC-J01", "an unsigned token",
    ),
    fault(
        "tokens.algorithm-confused",
        "The public key is taken as an HMAC secret",
        "公钥被当作 HMAC 密钥",
        "SEC-J02", "signed with HS256 under the public key",
    ),
    fault(
        "tokens.expiry-unchecked",
        "Expired tokens are accepted",
        "接受过期令牌",
        "SEC-J04.expiry", "the token expired",
    ),
    fault(
        "tokens.audience-unchecked",
        "Tokens for another service are accepted",
        "接受签发给其他服务的令牌",
        "SEC-J04.audience", "opens another service",
    ),
    fault(
        "tokens.begin-unchecked",
        "Tokens are accepted before they are valid",
        "接受尚未生效的令牌",
        "SEC-J04.begin", "the token is valid only from",
    ),
    fault(
        "tokens.issuer-unchecked",
        "Tokens that name another issuer are accepted",
        "接受标明其他签发者的令牌",
        "SEC-J04.issuer", "the token names the issuer",
    ),
    fault(
        "tokens.revocation-ignored",
        "Revoked tokens keep working",
        "已撤销令牌仍然有效",
        "SEC-J06", "the refusal of a revoked token did not happen",
    ),
    fault(
        "keys.private-published",
        "The key set shows the private key",
        "密钥集公布了私钥",
        "SEC-J07", "must not publish private members",
    ),
    fault(
        "tokens.query-accepted",
        "Tokens are read from the query string",
        "从查询参数读取令牌",
        "SEC-J17", "stands in the query string",
    ),
    fault(
        "tokens.jwk-trusted",
        "A key or certificate in the token's own header is trusted",
        "信任令牌头中自带的密钥或证书",
        "SEC-J03.embedded", "signed by the key in its own header",
    ),
    fault(
        "tokens.jku-followed",
        "Keys are fetched from where the token's own header says",
        "从令牌头指定的地址获取密钥",
        "SEC-J03.fetched", "a token whose header points to the attacker's",
    ),
    fault(
        "tokens.kid-path",
        "The key id of a token is a path to a file",
        "令牌的 kid 被当作文件路径",
        "SEC-J03.kid", "whose kid leads to",
    ),
)  # fmt: skip
