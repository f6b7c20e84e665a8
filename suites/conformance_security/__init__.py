"""The security suite: what a payment API does with requests that no honest client sends."""

from __future__ import annotations

from conformance.sdk import Suite, Text

SUITE = Suite(
    id="security",
    prefix="SEC",
    title=Text("Security of payment interfaces", "支付接口安全"),
    version="0.1.0",
    package="conformance_security",
    checks=(
        "conformance_security.checks.transport",
        "conformance_security.checks.certificates",
        "conformance_security.checks.mutual",
        "conformance_security.checks.transport_suites",
        "conformance_security.checks.transport_early",
        "conformance_security.checks.transport_tlcp",
        "conformance_security.checks.signature",
        "conformance_security.checks.signature_forged",
        "conformance_security.checks.signature_answers",
        "conformance_security.checks.token_keys",
        "conformance_security.checks.tokens",
        "conformance_security.checks.oauth_binding",
        "conformance_security.checks.oauth_accepted",
        "conformance_security.checks.oauth_codes",
        "conformance_security.checks.oauth_requests",
        "conformance_security.checks.oauth_pushed",
        "conformance_security.checks.oauth_answers",
        "conformance_security.checks.oauth_keys",
        "conformance_security.checks.authorization",
        "conformance_security.checks.roles",
        "conformance_security.checks.existence",
        "conformance_security.checks.consent",
        "conformance_security.checks.money",
        "conformance_security.checks.concurrency",
        "conformance_security.checks.input",
        "conformance_security.checks.pages",
        "conformance_security.checks.callbacks",
        "conformance_security.checks.injection",
        "conformance_security.checks.framing",
        "conformance_security.checks.contract",
        "conformance_security.checks.contract_access",
        "conformance_security.checks.abuse",
        "conformance_security.checks.audit",
        "conformance_security.checks.disclosure",
        "conformance_security.checks.origins",
        "conformance_security.checks.login",
        "conformance_security.checks.limits",
        "conformance_security.checks.proof",
        "conformance_security.checks.privacy",
    ),
    reference="conformance_security.reference:PART",
    faults="conformance_security.faults:FAULTS",
    observer="conformance_security.privacy.observed:observe",
    probes=(
        "accounts.list",
        "accounts.read",
        "accounts.balance",
        "accounts.statement",
        "accounts.card",
        "payments.list",
        "payments.read",
        "payments.cancel",
        "supervisor.transactions",
        "supervisor.alarms",
        "supervisor.statistics",
    ),
    parameters={
        # Classes of data by JR/T 0171, as conformance_security/privacy/classes.py explains.
        "data_classes": {
            "C3": {"shown": "never", "kinds": ["cvv", "pin", "password", "track"]},
            "C2": {
                "shown": "masked",
                "kinds": ["card", "identity", "phone"],
                "masks": {"card": "6+4", "identity": "6+4", "phone": "3+4"},
            },
            "C1": {"shown": "owner", "kinds": ["opened", "branch"]},
        },
        # Requests at most that a check draws from the OpenAPI document, and the seed they are drawn with.
        "openapi_cases_max": 300,
        "openapi_seed": 20,
        # Whether access tokens must be bound to a key or a certificate, as FAPI 2.0 demands; bearer tokens then fail.
        "bound_tokens_required": False,
        # How often each race is run; all rounds must end alike.
        "race_rounds": 3,
        # What calibration uses instead: everything happens there a hundred times.
        "calibration": {"race_rounds": 1, "openapi_cases_max": 200, "oversized_s_max": 2},
        # Seconds after which a revoked token or consent must have stopped working.
        "revocation_s_max": 2,
        # Most items that one page may hold.
        "page_items_max": 200,
        # Seconds within which a body of 5 MB must be refused, its sending included.
        "oversized_s_max": 5,
        # Wrong passwords after which guessing must have been stopped.
        "login_attempts_max": 10,
        # Shortest acceptable Strict-Transport-Security max-age, in seconds (one year).
        "hsts_s_min": 31_536_000,
        # Days that must be left of a certificate that lives longer than three times as long.
        "certificate_days_min": 30,
        # Minor units above which a transfer needs a second factor, where the candidate file states no other.
        "factor_threshold": 50_000_00,
    },
)
