"""Reading a report statement: the small questions that every rendering asks of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import rfc8785

from conformance.errors import ConfigError
from conformance.model.outcome import WORST_FIRST, Outcome
from conformance.model.requirement import Severity
from conformance.model.text import Text
from conformance_reports.loads import completed

Row = Mapping[str, Any]

#: The schema that these renderings understand.
SCHEMA = "conformance/report/v1"

#: Commands of a finding that renderings show: the last ones decide; ``reproduce/`` has them all.
COMMANDS_SHOWN = 3

#: Outcomes that ask somebody to act.
FINDINGS = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.WARNED)


@dataclass(frozen=True)
class Report:
    """A statement with its rows found by name. Build it with :meth:`of`."""

    statement: Mapping[str, Any]
    predicate: Row
    #: The requirements that the profile selects; ``unselected`` are the rest of the installed catalogues.
    requirements: tuple[Row, ...]
    unselected: tuple[Row, ...]
    #: Check outcomes; a failure that a waiver covers reads *waived*.
    outcomes: tuple[Row, ...]
    loads: tuple[Row, ...]
    _by_id: dict[str, Row] = field(repr=False)
    _by_check: dict[str, Row] = field(repr=False)

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> Report:
        """Return the view of ``statement``; raise ConfigError where its schema is not one we understand."""
        predicate = statement.get("predicate", {})
        _refuse_the_unknown(predicate)
        rows = predicate["requirements"]
        by_id = {item["id"]: item for item in rows}
        outcomes = tuple(_waived(item, by_id.get(item["requirement"], {})) for item in predicate["outcomes"])
        return cls(
            statement,
            predicate,
            tuple(item for item in rows if item.get("selected", True)),
            tuple(item for item in rows if not item.get("selected", True)),
            outcomes,
            tuple(completed(item) for item in predicate.get("load") or ()),
            by_id,
            {item["check"]: item for item in outcomes},
        )

    def requirement(self, requirement_id: str) -> Row:
        """Return the requirement of that id, or an empty row where the statement has none."""
        return self._by_id.get(requirement_id, {})

    def outcome(self, check: str) -> Row | None:
        """Return the outcome of that check, or None where the statement has none."""
        return self._by_check.get(check)

    def outcomes_of(self, requirement: Row) -> list[Row]:
        """Return the outcomes of a requirement's checks, in the order of the requirement."""
        found = (self.outcome(check) for check in requirement.get("checks", ()))
        return [item for item in found if item is not None]

    def readers_of(self, scenario: str) -> list[Row]:
        """Return the outcomes of the planned checks that read the measurement of a load scenario."""
        planned = self.predicate.get("plan", {}).get("checks", ())
        found = (self.outcome(item["id"]) for item in planned if scenario in item.get("scenarios", ()))
        return [item for item in found if item is not None]

    def severity(self, outcome: Row) -> Severity:
        """Return the severity of the requirement that ``outcome`` decides; unknown counts as critical."""
        return Severity(self.requirement(outcome["requirement"]).get("severity", Severity.CRITICAL.value))

    def findings(self, kinds: Sequence[Outcome] = FINDINGS) -> list[Row]:
        """Return the check outcomes of ``kinds``, in that order, then worst severity first, then by id."""
        chosen = [item for item in self.outcomes if Outcome(item["outcome"]) in kinds]
        return sorted(chosen, key=lambda item: self._urgency(item, kinds))

    def gaps(self) -> list[Row]:
        """Return the selected requirements that have no check outcome at all."""
        return [item for item in self.requirements if not self.outcomes_of(item)]

    def remedy(self, outcome: Row) -> Text:
        """Return what to do about ``outcome``: its own remedy, else the catalogue's.

        The catalogue's mends the product, which would mislead where the set-up or the harness left it undecided.
        """
        fix = self.requirement(outcome["requirement"]).get("fix")
        own = outcome.get("remedy") or fix
        undecided = outcome["outcome"] == Outcome.INCONCLUSIVE and outcome.get("blame") in ("CONFIG", "HARNESS")
        return Text("") if not own or (undecided and own == fix) else Text.parse(own)

    def chapter(self, suite: str, chapter: str) -> Text:
        """Return the title of a chapter of a suite, else its id."""
        for item in self.predicate.get("chapters", ()):
            if item["suite"] == suite and item["id"] == chapter:
                return Text.parse(item["title"])
        return Text(chapter)

    def requirement_counts(self) -> dict[str, int]:
        """Return how many selected requirements came to each of the seven outcomes."""
        return count(self.requirements)

    def check_counts(self) -> dict[str, int]:
        """Return how many checks came to each of the seven outcomes."""
        return count(self.outcomes)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the canonical statement: the bytes that the envelope signs."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(rfc8785.dumps(_plain(self.statement))).hexdigest()

    def _urgency(self, outcome: Row, kinds: Sequence[Outcome]) -> tuple[int, int, str]:
        return kinds.index(Outcome(outcome["outcome"])), self.severity(outcome).rank(), outcome["check"]


def count(rows: Iterable[Row]) -> dict[str, int]:
    """Return how many ``rows`` came to each outcome, all seven listed in the model's order."""
    counts = {item.value: 0 for item in Outcome}
    for row in rows:
        counts[Outcome(row["outcome"]).value] += 1
    return counts


def worst_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return ``counts`` as pairs, the worst outcome first."""
    return [(item.value, counts.get(item.value, 0)) for item in WORST_FIRST]


def exchange_ranges(outcome: Row) -> str:
    """Return the cited exchanges as ``12–15, 20``; "" where none is cited."""
    return ", ".join(_range(first, last) for first, last in outcome.get("exchanges", ()))


def exchange_numbers(outcome: Row, limit: int) -> tuple[list[int], int]:
    """Return the last ``limit`` exchange numbers that ``outcome`` cites, and how many it cites in all.

    The last ones decide; the first ones open accounts.
    """
    numbers: list[int] = []
    total = 0
    for first, last in reversed(outcome.get("exchanges", ())):
        total += max(0, last - first + 1)
        numbers = [*range(max(first, last - (limit - len(numbers)) + 1), last + 1), *numbers]
    return numbers, total


def clauses_text(requirement: Row) -> str:
    """Return the citations of a requirement on one line."""
    return "; ".join(item["text"] for item in requirement.get("clauses", ()))


def clause_url(clause: Row) -> str | None:
    """Return where the public can read the cited standard: known for RFCs, else None."""
    words = str(clause.get("text", "")).split()
    if len(words) >= 2 and words[0] == "RFC" and words[1].isascii() and words[1].isdigit():
        return f"https://www.rfc-editor.org/rfc/rfc{int(words[1])}"
    return None


def instant_ms(text: str) -> int:
    """Return an RFC 3339 instant of the statement as milliseconds since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _waived(outcome: Row, requirement: Row) -> Row:
    if requirement.get("outcome") != Outcome.WAIVED or outcome["outcome"] != Outcome.FAILED:
        return outcome
    return {**outcome, "outcome": Outcome.WAIVED.value, "reason": requirement["reason"]}


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _refuse_the_unknown(predicate: Row) -> None:
    schema = predicate.get("schema")
    if schema != SCHEMA:
        raise ConfigError(
            f"the report has schema {schema!r}; this version renders {SCHEMA!r}",
            where="report statement",
            remedy="Render it with the version of the harness that the report names.",
        )
    if critical := list(predicate.get("critical", ())):
        raise ConfigError(
            f"the report demands that its readers understand {', '.join(map(str, critical))}; this version does not",
            where="report statement",
            remedy="Render it with a newer version of the harness.",
        )
