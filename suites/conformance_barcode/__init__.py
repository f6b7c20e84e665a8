"""The barcode suite: payment codes made, shown, read and paid so that another institution's app can do the same."""

from conformance.sdk import Suite, Text

SUITE = Suite(
    id="barcode",
    prefix="BAR",
    title=Text("Barcode payment interoperability", "条码支付互联互通"),
    version="0.1.0",
    package="conformance_barcode",
    checks=(
        "conformance_barcode.checks.generate",
        "conformance_barcode.checks.image",
        "conformance_barcode.checks.parse",
        "conformance_barcode.checks.interop",
        "conformance_barcode.checks.paycode",
        "conformance_barcode.checks.limits",
        "conformance_barcode.checks.money",
        "conformance_barcode.checks.settlement",
    ),
    reference="conformance_barcode.reference:PART",
    faults="conformance_barcode.faults:FAULTS",
    parameters={
        # Slowest answer to a hostile payload, in milliseconds.
        "hostile_response_ms_max": 1000,
        # Payment codes drawn to judge whether they can be guessed.
        "paycode_samples": 200,
        # Lifetime of a payment code, and how far either side of it is tried, in seconds.
        "paycode_lifetime_s": 60,
        "paycode_margin_s": 5,
        # What a customer may pay by static codes in a day, in minor units of CNY.
        "static_daily_limit": 500_00,
        # Weakest error correction and the part of it that a delivered picture must leave unused, in percent.
        "level_min": "M",
        "unused_correction_percent_min": 50,
        # Issuers of payment codes; empty means the table that ships with the suite (emv/issuers.toml).
        "issuers": {},
    },
)
