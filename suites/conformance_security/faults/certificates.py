"""Faults of certificates: the server's own, and what is made of those of clients."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "certificate.self-signed",
        "The server's certificate is self-signed",
        "服务器使用自签名证书",
        "SEC-T07", "must verify against the given root",
    ),
    fault(
        "certificate.intermediate-missing",
        "The intermediate certificate is not sent",
        "未发送中间证书",
        "SEC-T07", "must verify against the given root: unable to get local issuer certificate",
    ),
    fault(
        "certificate.other-host",
        "The certificate names another host",
        "证书属于其他主机",
        "SEC-T08", "in its subject alternative names",
    ),
    fault(
        "certificate.common-name-only",
        "The certificate names the host only in its common name",
        "证书仅在通用名中写主机名",
        "SEC-T08", "in its subject alternative names",
    ),
    fault(
        "certificate.expired",
        "The certificate has expired",
        "证书已过期",
        "SEC-T09", "has expired",
    ),
    fault(
        "certificate.future",
        "The certificate is not valid yet",
        "证书尚未生效",
        "SEC-T09", "is not valid yet",
    ),
    fault(
        "certificate.nearly-expired",
        "The certificate is about to expire",
        "证书临近到期",
        "SEC-T19", "is about to expire",
    ),
    fault(
        "certificate.client-purpose",
        "The certificate is for clients, not for servers",
        "证书用途为客户端认证而非服务器认证",
        "SEC-T10", "must be for server authentication",
    ),
    fault(
        "certificate.rsa-1024",
        "The certificate has an RSA key of 1024 bits",
        "证书使用 1024 位 RSA 密钥",
        "SEC-T10", "an RSA key of 1024 bits",
    ),
    fault(
        "certificate.sha1",
        "The certificate is signed with SHA-1",
        "证书以 SHA-1 签名",
        "SEC-T10", "a signature with SHA1",
    ),
    fault(
        "certificate.staple-revoked",
        "The stapled OCSP response says revoked",
        "装订的 OCSP 响应为已吊销",
        "SEC-T11", "says that the certificate is revoked",
    ),
    fault(
        "certificate.staple-stale",
        "The stapled OCSP response is past its next update",
        "装订的 OCSP 响应已过期",
        "SEC-T11", "is stale",
    ),
    fault(
        "certificate.staple-forged",
        "The stapled OCSP response is signed by somebody else",
        "装订的 OCSP 响应由他人签名",
        "SEC-T11", "is not signed by the issuer",
    ),
    fault(
        "mtls.certificate-optional",
        "Nobody asks whether there was a client certificate",
        "不检查是否提供客户端证书",
        "SEC-T14.missing", "no client certificate must be refused",
        "SEC-Z07.document",
    ),
    fault(
        "mtls.optional-no-ca",
        "Client certificates of any authority are accepted",
        "接受任意机构签发的客户端证书",
        "SEC-T14.unknown", "of an unknown authority must be refused",
    ),
    fault(
        "mtls.crl-ignored",
        "The revocation list for client certificates is not looked at",
        "不检查客户端证书吊销列表",
        "SEC-T15.revoked", "a revoked client certificate must be refused",
    ),
    fault(
        "mtls.expiry-ignored",
        "The validity of client certificates is not looked at",
        "不检查客户端证书有效期",
        "SEC-T15.expired", "an expired client certificate must be refused",
    ),
    fault(
        "mtls.header-trusted",
        "A client certificate in a header is trusted",
        "信任请求头中的客户端证书",
        "SEC-T16", "only stands in X-Client-Cert",
    ),
)  # fmt: skip
