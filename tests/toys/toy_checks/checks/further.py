"""A second module of checks in the same package."""

from conformance.sdk import Evidence, check


@check("TOY-FURTHER")
def leaves_another_note(evidence: Evidence) -> None:
    """It notes a computed fact."""
    evidence.note("sum", 4)
