"""Faults of the authorization server."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "oauth.id-token-accepted",
        "ID tokens are accepted as access tokens",
        "身份令牌被当作访问令牌接受",
        "SEC-J05", "an ID token stands in for an access token",
    ),
    fault(
        "oauth.dpop-binding-off",
        "Tokens work without the key they are bound to",
        "令牌无需其绑定的密钥即可使用",
        "SEC-J08", "a DPoP-bound token", "SEC-J09.replay", "SEC-J09.htm", "SEC-J09.htu", "SEC-J09.ath", "SEC-J09.iat",
    ),
    fault(
        "oauth.dpop-jkt-unchecked",
        "Codes work without the key that was asked for",
        "授权码未与请求指定的密钥绑定",
        "SEC-J08.code", "the code is bound to another key",
    ),
    fault(
        "oauth.dpop-signature-unchecked",
        "The signature of a DPoP proof is not verified",
        "未验证 DPoP 证明的签名",
        "SEC-J09.form", "the proof is signed by another key than it shows",
    ),
    fault(
        "oauth.dpop-nonce-unchecked",
        "Any nonce in a DPoP proof will do",
        "DPoP 证明中的随机数未经核对",
        "SEC-J09.nonce", "the nonce in the proof is not the server's",
    ),
    fault(
        "oauth.dpop-replay",
        "DPoP proofs are accepted again",
        "DPoP 证明可重放",
        "SEC-J09.replay", "the proof was used before",
    ),
    fault(
        "oauth.dpop-htu-unchecked",
        "The address in a DPoP proof is not compared",
        "未核对 DPoP 证明中的地址（htu）",
        "SEC-J09.htu", "(htu)",
    ),
    fault(
        "oauth.dpop-htm-unchecked",
        "The method in a DPoP proof is not compared",
        "未核对 DPoP 证明中的方法（htm）",
        "SEC-J09.htm", "(htm)",
    ),
    fault(
        "oauth.dpop-ath-unchecked",
        "The token hash in a DPoP proof is not compared",
        "未核对 DPoP 证明中的令牌摘要（ath）",
        "SEC-J09.ath", "(ath)",
    ),
    fault(
        "oauth.dpop-iat-unchecked",
        "The age of a DPoP proof is not checked",
        "未校验 DPoP 证明的签发时间（iat）",
        "SEC-J09.iat", "(iat)",
    ),
    fault(
        "oauth.mtls-binding-off",
        "Certificate-bound tokens work without their certificate",
        "证书绑定令牌无需对应证书即可使用",
        "SEC-J10", "a certificate-bound token comes",
    ),
    fault(
        "oauth.par-unauthenticated",
        "Anybody may push authorization requests",
        "推送授权请求无需客户端认证",
        "SEC-J11.authentication", "without client authentication",
    ),
    fault(
        "oauth.pkce-optional",
        "PKCE may be left out",
        "可不使用 PKCE",
        "SEC-J11.pkce", "the request has no code_challenge",
    ),
    fault(
        "oauth.pkce-plain",
        "PKCE may be plain",
        "PKCE 可使用 plain 方式",
        "SEC-J11.method", "code_challenge_method is",
    ),
    fault(
        "oauth.redirect-optional",
        "Pushed requests need no redirect address",
        "推送请求可不含回调地址",
        "SEC-J11.redirect", "the request has no redirect_uri",
    ),
    fault(
        "oauth.metadata-issuer",
        "The metadata names another issuer",
        "元数据中的签发方不符",
        "SEC-J11.metadata", "must name the issuer that clients know",
    ),
    fault(
        "oauth.par-optional",
        "Authorization requests need not be pushed",
        "授权请求可不经推送",
        "SEC-J12.pushed", "was not pushed",
    ),
    fault(
        "oauth.request-uri-unbound",
        "A pushed request serves any client",
        "推送请求可被其他客户端使用",
        "SEC-J12.bound", "belongs to another client",
    ),
    fault(
        "oauth.code-reusable",
        "Authorization codes work again",
        "授权码可重复使用",
        "SEC-J13.reuse", "the code was redeemed",
    ),
    fault(
        "oauth.code-client-unbound",
        "Any client may redeem a code",
        "任意客户端均可兑换授权码",
        "SEC-J13.client", "issued to another client",
    ),
    fault(
        "oauth.verifier-unchecked",
        "The PKCE verifier is not compared",
        "未核对 PKCE 校验值",
        "SEC-J13.verifier", "code_verifier",
    ),
    fault(
        "oauth.code-long-lived",
        "Authorization codes live for a quarter of an hour",
        "授权码有效期长达十五分钟",
        "SEC-J13.age", "s old",
    ),
    fault(
        "oauth.assertion-aud-loose",
        "Client assertions may be for several audiences",
        "客户端断言可使用多个受众",
        "SEC-J14.audience", "although its audience is",
    ),
    fault(
        "oauth.assertion-key-unchecked",
        "Client assertions are not verified",
        "未验证客户端断言的签名",
        "SEC-J14.key", "a stranger's key signed for a client",
    ),
    fault(
        "oauth.assertion-replay",
        "Client assertions are accepted again",
        "客户端断言可重放",
        "SEC-J14.replay", "the client assertion was used before",
    ),
    fault(
        "oauth.assertion-iat-unchecked",
        "Only nbf of a client assertion is checked",
        "仅检查客户端断言的 nbf，不检查 iat",
        "SEC-J14.clock", "iat alone is 90 s ahead",
    ),
    fault(
        "oauth.password-grant",
        "The password grant is offered",
        "仍提供密码授权",
        "SEC-J15.password", "the password grant",
    ),
    fault(
        "oauth.implicit",
        "Tokens are sent through the browser",
        "令牌经由浏览器传递",
        "SEC-J15.implicit", "response_type is",
    ),
    fault(
        "oauth.redirect-unregistered",
        "Codes are sent to any address",
        "授权码可发往任意地址",
        "SEC-J15.redirect", "the redirect address is not registered",
    ),
    fault(
        "oauth.jar-unbounded",
        "Request objects need no bounds in time",
        "请求对象没有时间限制",
        "SEC-J16.bounds", "a request object is accepted although it",
    ),
    fault(
        "oauth.jar-none",
        "Unsigned request objects are accepted",
        "接受未签名的请求对象",
        "SEC-J16.signature", "although it is not signed",
    ),
    fault(
        "oauth.jar-aud-unchecked",
        "Request objects for other servers are accepted",
        "接受面向其他服务器的请求对象",
        "SEC-J16.audience", "the audience of the request object is another server",
    ),
    fault(
        "oauth.jar-optional",
        "Clients that must sign their requests need not",
        "必须签名的客户端可不签名请求",
        "SEC-J16.required", "must sign its requests",
    ),
    fault(
        "oauth.scope-escalation",
        "Any scope that is asked for is granted",
        "请求的权限范围一律授予",
        "SEC-J18", "no scope beyond the registered ones",
    ),
    fault(
        "oauth.refresh-client-unbound",
        "Any client may use a refresh token",
        "任意客户端均可使用刷新令牌",
        "SEC-J19.client", "issued to another client",
    ),
    fault(
        "oauth.refresh-rotated",
        "Refresh tokens work once",
        "刷新令牌仅可使用一次（轮换）",
        "SEC-J19.rotation", "must work again",
    ),
    fault(
        "oauth.iss-missing",
        "Authorization responses do not name their issuer",
        "授权响应未标明签发方",
        "SEC-J20.issuer", "must name its issuer",
    ),
    fault(
        "oauth.refusal-ignored",
        "A user who declines has consented",
        "用户拒绝授权仍签发授权码",
        "SEC-J20.refusal", "the user declined",
    ),
    fault(
        "oauth.private-key-published",
        "The authorization server's key set shows the private key",
        "授权服务器的密钥集公布了私钥",
        "SEC-J21", "must not publish private members",
    ),
    fault(
        "keys.rotation-ignored",
        "A retired signing key is still trusted",
        "停用的签名密钥仍被信任",
        "SEC-J22", "was retired",
    ),
)  # fmt: skip
