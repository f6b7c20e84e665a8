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
    ),
    fault(
        "headers.hsts-missing",
        "Strict-Transport-Security is not sent",
        "未发送 Strict-Transport-Security",
        "SEC-T12", "Strict-Transport-Security",
    ),
)  # fmt: skip
