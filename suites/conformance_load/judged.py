"""How many answers of one kind showed what a check judges, and what came in place of the others.

A check of what must not happen finds nothing where nothing was answered. So beside what went wrong it is counted how
many answers could have shown it, and a check passes only where those are enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.sdk import Accepted, Answer, Broken

#: So many different words for what came instead are kept; what comes after them is counted together.
KINDS_MAX = 8
OTHERS = "others"
#: Longer codes of refusals are cut: they are the product's own text.
_CODE_MAX = 40


@dataclass(slots=True)
class Judged:
    """Answers of one kind: ``made``, those among them that showed what is judged, and how often what came instead."""

    made: int = 0
    judged: int = 0
    instead: dict[str, int] = field(default_factory=dict)

    def take(self, shows: bool, *words: str) -> None:
        """Count one answer, or one set of answers that show something only together."""
        self.made += 1
        self.judged += shows
        for word in () if shows else words:
            key = word if word in self.instead or len(self.instead) < KINDS_MAX else OTHERS
            self.instead[key] = self.instead.get(key, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports; counts, which are added up over generators."""
        return {"made": self.made, "judged": self.judged, "instead": dict(self.instead)}


def word_of(answer: Answer) -> str:
    """Return an answer in two or three words, the same for all of its kind."""
    status = f"HTTP {answer.exchange.status}" if answer.exchange.status else ""
    if isinstance(answer, Accepted):
        return f"{answer.value.get('state') or 'accepted'} ({status})"
    if isinstance(answer, Broken):
        return status if answer.kind == "server-error" and status else answer.kind
    return f"refused ({status}, code {answer.code[:_CODE_MAX]})"


def with_late(found: dict[str, Any], late: int) -> dict[str, Any]:
    """Return counts to which so many answers are added that were given after the pressure."""
    return found | {"judged": min(found["made"], found["judged"] + late)}
