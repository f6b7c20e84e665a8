"""The load suite: how fast, how honestly measured, and whether every payment is accounted for afterwards."""

from conformance.sdk import Suite, Text
from conformance_load.calibrating import CALIBRATION
from conformance_load.parameters import DEFAULTS
from conformance_load.recipes import SCENARIOS

SUITE = Suite(
    id="load",
    prefix="LOAD",
    title=Text("Load and money under load", "负载与高负载下的资金正确性"),
    version="0.1.0",
    package="conformance_load",
    checks=(
        "conformance_load.checks.money",
        "conformance_load.checks.speed",
        "conformance_load.checks.shapes",
        "conformance_load.checks.endpoints",
        "conformance_load.checks.targets",
        "conformance_load.checks.disturbed",
    ),
    faults="conformance_load.faults:FAULTS",
    scenarios=SCENARIOS,
    parameters={**DEFAULTS, "calibration": CALIBRATION},
    parameter_check="conformance_load.settings:check_parameters",
    load_worker="conformance_load.crew.worker",
)
