"""Words of the oracle: a breach names the rule; the verdict is the worst of the breaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a reader or a certifier should do with a payload."""

    ACCEPT = "accept"
    WARN = "warn"
    REJECT = "reject"


class Side(StrEnum):
    """Who is being judged: whoever makes a code is held to more than whoever reads one."""

    GENERATOR = "generator"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule. ``rule`` is stable ("mpm.amount"), ``place`` an object path such as "62-05"."""

    rule: str
    detail: str
    place: str = ""
    clause: str = ""
    verdict: Verdict = Verdict.REJECT

    def __str__(self) -> str:
        """Say the breach in one line."""
        where = f" in {self.place}" if self.place else ""
        clause = f" ({self.clause})" if self.clause else ""
        return f"{self.rule}{where}: {self.detail}{clause}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found in one payload. ``format``: mpm, cpm, epc, swiss, upi, receive or paycode."""

    format: str
    schemes: tuple[str, ...]
    breaches: tuple[Breach, ...]

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict of the breaches."""
        found = {item.verdict for item in self.breaches}
        return next((item for item in (Verdict.REJECT, Verdict.WARN) if item in found), Verdict.ACCEPT)

    @property
    def rejected(self) -> tuple[Breach, ...]:
        """Return the breaches that reject."""
        return tuple(item for item in self.breaches if item.verdict is Verdict.REJECT)

    def names(self, rule: str) -> bool:
        """Tell whether a rule was broken."""
        return any(item.rule == rule for item in self.breaches)

    def summary(self, most: int = 3) -> str:
        """Return the first breaches in one line."""
        return "; ".join(str(item) for item in self.breaches[:most]) or "no breach"


def worst_first(breaches: Iterable[Breach]) -> tuple[Breach, ...]:
    """Return breaches with the rejecting ones first, otherwise in the order found."""
    return tuple(sorted(breaches, key=lambda item: item.verdict is not Verdict.REJECT))
