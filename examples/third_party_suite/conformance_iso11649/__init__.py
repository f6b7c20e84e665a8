"""Creditor references after ISO 11649: an example of a third party's suite."""

from conformance.sdk import Suite, Text

SUITE = Suite(
    id="iso11649",
    prefix="RF",
    title=Text("Creditor references (ISO 11649)", "债权人参考号（ISO 11649）"),
    version="1.0.0",
    package="conformance_iso11649",
    checks=("conformance_iso11649.checks.references",),
    reference="conformance_iso11649.reference:PART",
    faults="conformance_iso11649.faults:FAULTS",
)
