"""Faults of consents: who gives them, to whom, for what, and for how long."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "consents.grantor-unchecked",
        "Consents are granted on other customers' accounts",
        "可对他人账户授予同意",
        "SEC-Z04.grantor", "who did not consent",
    ),
    fault(
        "consents.grantee-unchecked",
        "A consent serves whoever knows its number",
        "知悉同意编号的任何一方均可使用",
        "SEC-Z04.grantee", "given to another party",
    ),
    fault(
        "consents.transfer-unchecked",
        "Any consent on an account pays from it, even one that only reads",
        "只读的同意也可从该账户发起付款",
        "SEC-Z04", "does not allow a transfer",
    ),
    fault(
        "consents.widened",
        "Every consent is recorded with all permissions",
        "同意被记录为全部权限",
        "SEC-Z05.granted", "must not be wider", "SEC-Z04", "SEC-Z05",
    ),
    fault(
        "consents.expiry-unchecked",
        "An expired consent keeps working",
        "已过期的同意仍然有效",
        "SEC-Z06.expiry", "has expired",
    ),
)  # fmt: skip
