"""The ledger suite: distributed ledgers for finance, after JR/T 0184-2020 and JR/T 0193-2020."""

from conformance.sdk import Suite, Text

SUITE = Suite(
    id="ledger",
    prefix="LED",
    title=Text("Distributed ledger for finance", "金融分布式账本"),
    version="0.1.0",
    package="conformance_ledger",
    checks=(
        "conformance_ledger.checks.records",
        "conformance_ledger.checks.transfers",
        "conformance_ledger.checks.cryptography",
        "conformance_ledger.checks.supervision",
        "conformance_ledger.checks.consensus",
        "conformance_ledger.checks.history",
    ),
    reference="conformance_ledger.reference:PART",
    faults="conformance_ledger.faults:FAULTS",
    calibration_workers=4,
    parameters={
        #: How long a check waits for finality or for a node to catch up (seconds).
        "patience_s": 10,
        #: How many of the last blocks are read and recomputed, and how many commits have their signatures verified.
        "blocks_max": 20,
        "commits_max": 5,
        #: How many control transactions must become final before "not committed" is believed.
        "control_blocks": 2,
        #: how long a check watches that nothing happens (milliseconds).
        "hold_ms": 1_500,
        #: Used where the candidate file declares no limit of its own (milliseconds).
        "finality_ms_max": 5_000,
        "clock_skew_ms_max": 10_000,
        "finality_samples": 5,
        #: How soon a stopped node must be noticed (seconds).
        "alarm_s": 5,
        #: How many signatures are compared for repeated secret numbers.
        "signature_samples": 20,
    },
)
