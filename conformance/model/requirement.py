"""The catalogue: standards, clauses and requirements."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from conformance.model.text import Text


class Level(StrEnum):
    """How binding a requirement is (RFC 2119: must, should, may; 应, 宜, 可)."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Severity(StrEnum):
    """How bad a violation is; ordered by :meth:`rank`."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def rank(self) -> int:
        """Return 0 for critical up to 3 for low."""
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Tell whether this severity is as bad as ``other`` or worse."""
        return self.rank() <= other.rank()


class Method(StrEnum):
    """How conformity is established: by test, by reviewing documents, or on site."""

    TEST = "test"
    DOCUMENT = "document"
    INSPECTION = "inspection"


class Certainty(StrEnum):
    """What is known about a clause: its text was seen, a digest of it was, or neither."""

    SEEN = "seen"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Standard:
    """A published document that requirements come from."""

    id: str
    name: str
    title: Text


@dataclass(frozen=True, slots=True)
class Clause:
    """A place in a standard, with what is known about it."""

    standard: Standard
    number: str
    certainty: Certainty

    def printed(self) -> str:
        """Return the citation; a number whose text was not seen is never printed as fact."""
        if self.certainty is Certainty.SEEN:
            return f"{self.standard.name} {self.number}".strip()
        return f"{self.standard.name} (clause unverified)"

    def as_json(self) -> dict[str, str]:
        """Return the form used in reports."""
        return {"standard": self.standard.id, "text": self.printed(), "certainty": self.certainty.value}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a conformant product does, as the catalogue states it.

    ``why``, ``faulty`` and ``fix`` explain the rule, how a product that breaks it behaves, and the remedy.
    ``not_tested`` is the reason why no check decides it yet, or None.
    """

    id: str
    suite: str
    chapter: str
    title: Text
    level: Level
    severity: Severity
    method: Method
    clauses: tuple[Clause, ...] = ()
    why: Text = field(default_factory=lambda: Text(""))
    faulty: Text = field(default_factory=lambda: Text(""))
    fix: Text = field(default_factory=lambda: Text(""))
    not_tested: Text | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything a suite knows to require."""

    suite: str
    standards: tuple[Standard, ...]
    chapters: dict[str, Text]
    requirements: tuple[Requirement, ...]

    def find(self, requirement_id: str) -> Requirement | None:
        """Return the requirement of that id, or None."""
        return next((item for item in self.requirements if item.id == requirement_id), None)
