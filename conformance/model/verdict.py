"""The verdict: recomputable by anyone from requirement outcomes and the decision rule.

Pure, so that the verifier repeats it on the signed statement (ISO/IEC 17025 7.8.6: a statement of conformity
names the results, the specification and the decision rule).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.model.outcome import Outcome
from conformance.model.requirement import Level, Severity


class Verdict(StrEnum):
    """What the report concludes."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not conformant"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """When a product conforms.

    ``fail_at``: failures of this severity or worse make the product not conformant; milder ones are listed.
    ``inconclusive_max`` / ``not_tested_max``: how many *must* requirements that are to be established by test
    may stay undecided. ``calibration_required``: a pass of an uncalibrated check counts as inconclusive.
    """

    fail_at: Severity = Severity.MEDIUM
    inconclusive_max: int = 0
    not_tested_max: int = 0
    calibration_required: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {
            "failAt": self.fail_at.value,
            "inconclusiveMax": self.inconclusive_max,
            "notTestedMax": self.not_tested_max,
            "calibrationRequired": self.calibration_required,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DecisionRule:
        """Read the form that :meth:`as_json` writes."""
        return cls(
            Severity(value["failAt"]),
            int(value["inconclusiveMax"]),
            int(value["notTestedMax"]),
            bool(value["calibrationRequired"]),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement as the decision rule sees it."""

    id: str
    level: Level
    severity: Severity
    outcome: Outcome
    selected: bool = True


def decide(rule: DecisionRule, requirements: Iterable[Judged]) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons, worst first.

    Only selected requirements count. One that is *selected* but not decided is never passed over: it makes the
    verdict inconclusive beyond the numbers that the rule allows. Nothing selected is inconclusive too.
    """
    counted = [item for item in requirements if item.selected]
    failed = _of(counted, Outcome.FAILED, rule.fail_at)
    undecided = _undecided(rule, counted)
    reasons = [f"{item.id} failed ({item.severity.value})" for item in failed] + undecided
    if failed:
        return Verdict.NOT_CONFORMANT, tuple(reasons)
    if undecided:
        return Verdict.INCONCLUSIVE, tuple(reasons)
    if not any(item.outcome is Outcome.PASSED for item in counted):
        return Verdict.INCONCLUSIVE, ("no selected requirement passed",)
    return Verdict.CONFORMANT, ()


def _of(items: list[Judged], outcome: Outcome, at_least: Severity) -> list[Judged]:
    found = [item for item in items if item.outcome is outcome and item.severity.at_least(at_least)]
    return sorted(found, key=lambda item: (item.severity.rank(), item.id))


def _undecided(rule: DecisionRule, items: list[Judged]) -> list[str]:
    reasons: list[str] = []
    for outcome, allowed in (
        (Outcome.INCONCLUSIVE, rule.inconclusive_max),
        (Outcome.NOT_TESTED, rule.not_tested_max),
    ):
        found = [item.id for item in items if item.outcome is outcome and item.level is Level.MUST]
        if len(found) > allowed:
            reasons.append(f"{len(found)} {outcome.value}, at most {allowed} allowed: {', '.join(found)}")
    return reasons
