"""Outcomes: what one check, and then one requirement, came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.model.text import Text


class Outcome(StrEnum):
    """The seven outcomes of the house plan."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"
    NOT_TESTED = "not tested"
    WAIVED = "waived"


#: Worst first: a requirement's outcome is the worst of its checks'.
WORST_FIRST = (
    Outcome.FAILED,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_TESTED,
    Outcome.WARNED,
    Outcome.WAIVED,
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
)


class Blame(StrEnum):
    """Whose problem an outcome that is not a pass is."""

    CONFIG = "CONFIG"
    HARNESS = "HARNESS"
    PRODUCT = "PRODUCT"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What one check came to, with what it cites.

    ``curl_exchanges`` says of each command in ``curl`` which exchange it repeats: not every exchange has one.
    """

    check: str
    outcome: Outcome
    reason: str = ""
    blame: Blame | None = None
    expected: str | None = None
    actual: str | None = None
    exchanges: tuple[tuple[int, int], ...] = ()
    attempts: int = 1
    duration_ms: int = 0
    curl: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    curl_exchanges: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form used in events and reports."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "blame": self.blame.value if self.blame else None,
            "expected": self.expected,
            "actual": self.actual,
            "exchanges": [list(pair) for pair in self.exchanges],
            "attempts": self.attempts,
            "durationMs": self.duration_ms,
            "curl": list(self.curl),
            "curlExchanges": list(self.curl_exchanges),
            "notes": [list(pair) for pair in self.notes],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CheckOutcome:
        """Read the form that :meth:`as_json` writes."""
        return cls(
            check=value["check"],
            outcome=Outcome(value["outcome"]),
            reason=value.get("reason", ""),
            blame=Blame(value["blame"]) if value.get("blame") else None,
            expected=value.get("expected"),
            actual=value.get("actual"),
            exchanges=tuple((int(a), int(b)) for a, b in value.get("exchanges", ())),
            attempts=int(value.get("attempts", 1)),
            duration_ms=int(value.get("durationMs", 0)),
            curl=tuple(value.get("curl", ())),
            notes=tuple((str(a), str(b)) for a, b in value.get("notes", ())),
            curl_exchanges=tuple(int(number) for number in value.get("curlExchanges", ())),
        )


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return the worst of ``outcomes``; no outcome at all is *not tested*, never a pass."""
    return next((item for item in WORST_FIRST if item in outcomes), Outcome.NOT_TESTED)


#: How each outcome is said to people.
OUTCOME_TITLES: dict[Outcome, Text] = {
    Outcome.PASSED: Text("passed", "通过"),
    Outcome.FAILED: Text("failed", "不通过"),
    Outcome.WARNED: Text("warned", "警告"),
    Outcome.INCONCLUSIVE: Text("inconclusive", "无法判定"),
    Outcome.NOT_APPLICABLE: Text("not applicable", "不适用"),
    Outcome.NOT_TESTED: Text("not tested", "未检测"),
    Outcome.WAIVED: Text("waived", "豁免"),
}
