"""Faults of transport."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "tls.legacy-protocol",
        "TLS 1.0 and 1.1 are negotiated",
        "可协商 TLS 1.0 与 1.1",
        "SEC-T01", "must be refused, but the server answered with a ServerHello",
        "SEC-T05",
    ),
    fault(
        "tls.ssl2",
        "SSL 2.0 is negotiated",
        "可协商 SSL 2.0",
        "SEC-T01.ssl2", "SSL 2.0 must be refused, but the server answered with a ServerHello",
    ),
    fault(
        "tls.only-old",
        "Nothing newer than TLS 1.0 is spoken",
        "仅支持 TLS 1.0",
        "SEC-T02", "must negotiate TLS 1.2 or TLS 1.3",
        "SEC-T01", "SEC-T04", "SEC-T05",
    ),
    fault(
        "tls.no-newest",
        "TLS 1.3 is not spoken",
        "不支持 TLS 1.3",
        "SEC-T18", "should be answered in TLS 1.3",
    ),
    fault(
        "tls.null-suites",
        "Suites without encryption are negotiated",
        "可协商不加密的套件",
        "SEC-T03", "the class NULL must be refused",
    ),
    fault(
        "tls.anonymous-suites",
        "Suites without authentication are negotiated",
        "可协商匿名套件",
        "SEC-T03", "the class anonymous must be refused",
    ),
    fault(
        "tls.export-suites",
        "Export suites are negotiated",
        "可协商出口级套件",
        "SEC-T03", "the class export must be refused",
    ),
    fault(
        "tls.rc4-suites",
        "Suites with RC4 are negotiated",
        "可协商 RC4 套件",
        "SEC-T03", "the class RC4 must be refused",
    ),
    fault(
        "tls.3des-suites",
        "Suites with 3DES are negotiated",
        "可协商 3DES 套件",
        "SEC-T03", "the class 3DES and DES must be refused",
    ),
    fault(
        "tls.static-rsa",
        "Key exchange by static RSA is negotiated",
        "可协商静态 RSA 密钥交换",
        "SEC-T04", "key exchange by static RSA must be refused",
    ),
    fault(
        "tls.static-dh",
        "Key exchange by static Diffie-Hellman is negotiated",
        "可协商静态 DH 密钥交换",
        "SEC-T04", "key exchange by static (EC)DH must be refused",
    ),
    fault(
        "tls.cbc",
        "Suites in CBC mode are negotiated",
        "可协商 CBC 模式套件",
        "SEC-T05", "in CBC mode must be refused",
    ),
    fault(
        "tls.dh1024",
        "DHE uses a 1024-bit group",
        "DHE 使用 1024 位群",
        "SEC-T06", "must have at least 2048 bits",
    ),
    fault(
        "tls.no-renegotiation-info",
        "renegotiation_info is not echoed",
        "未回应 renegotiation_info",
        "SEC-T13.renegotiation", "must echo renegotiation_info",
    ),
    fault(
        "tls.compression",
        "TLS compression is switched on",
        "开启了 TLS 压缩",
        "SEC-T13.compression", "compression must be off",
    ),
    fault(
        "tls.early-data",
        "Payments are accepted as TLS 1.3 early data",
        "接受以 TLS 1.3 早期数据发送的付款",
        "SEC-T13.early-data", "sent as early data must be refused",
    ),
    fault(
        "tlcp.version",
        "A TLCP hello is answered as TLS 1.2",
        "以 TLS 1.2 应答 TLCP 握手",
        "SEC-T17.version", "must be answered in version 0x0101",
    ),
    fault(
        "tlcp.single-certificate",
        "One TLCP certificate serves both purposes",
        "TLCP 以一张证书兼作签名与加密",
        "SEC-T17.certificates", "must present two certificates",
    ),
    fault(
        "tlcp.key-usage-swapped",
        "The usages of the two TLCP certificates are swapped",
        "TLCP 两张证书的密钥用途颠倒",
        "SEC-T17.certificates", "the first certificate must be for signatures alone",
    ),
    fault(
        "tlcp.chain-broken",
        "The TLCP encryption certificate was issued by a stranger",
        "TLCP 加密证书由陌生机构签发",
        "SEC-T17.chain", "must verify by SM2 up to the declared root",
    ),
    fault(
        "tlcp.key-exchange-unbound",
        "The TLCP key exchange is signed without the client's random",
        "TLCP 密钥交换的签名未覆盖客户端随机数",
        "SEC-T17.proof", "must be signed over both randoms",
    ),
    fault(
        "tls.plain-served",
        "The TLS port serves plain HTTP as well",
        "TLS 端口同时提供明文 HTTP 服务",
        "SEC-T12.plain", "never served: at the TLS port",
    ),
    fault(
        "http.plain-served",
        "Plain HTTP is served instead of redirected",
        "明文 HTTP 被直接受理而未重定向",
        "SEC-T12.plain", "never served: at the plain port",
    ),
    fault(
        "headers.hsts-missing",
        "Strict-Transport-Security is not sent",
        "未发送 Strict-Transport-Security",
        "SEC-T12", "Strict-Transport-Security",
    ),
)  # fmt: skip
