"""``waivers.toml``: the certifier's file of waived requirements, each with a reason, an approver and an end."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import FileProblems, Problem
from conformance.files.toml import problems_of, read_toml


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waived requirement. ``expires`` is the last day on which the waiver holds (UTC)."""

    requirement: str
    justification: str
    approver: str
    expires: datetime.date

    def as_json(self) -> dict[str, str]:
        """Return the form used in reports."""
        return {
            "requirement": self.requirement,
            "justification": self.justification,
            "approver": self.approver,
            "expires": self.expires.isoformat(),
        }


def waiver_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``waivers.toml``; ``expires`` is a TOML date."""
    text = {"type": "string", "minLength": 3}
    item = {
        "type": "object",
        "properties": {"requirement": text, "justification": text, "approver": text, "expires": {}},
        "required": ["requirement", "justification", "approver", "expires"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "waivers.toml: requirements that a certifier waives",
        "type": "object",
        "properties": {"waivers": {"type": "array", "items": item}},
        "required": ["waivers"],
        "additionalProperties": False,
    }


def read_waivers(path: Path, today: datetime.date) -> tuple[Waiver, ...]:
    """Return the waivers in ``path``; an expired one is a mistake in the file, as is a missing date."""
    document = read_toml(path)
    problems = problems_of(document, waiver_schema())
    problems += [
        problem for index, item in enumerate(document.get("waivers", ())) for problem in _date(index, item, today)
    ]
    if problems:
        raise FileProblems(str(path), problems)
    return tuple(Waiver(**item) for item in document["waivers"])


def _date(index: int, item: Any, today: datetime.date) -> list[Problem]:
    where = f"$.waivers[{index}].expires"
    value = item.get("expires") if isinstance(item, dict) else None
    if value is None:
        return []
    if type(value) is not datetime.date:
        return [Problem(where, f"{value!r}", "a TOML date such as 2027-06-30")]
    if value < today:
        return [Problem(where, f"expired on {value.isoformat()}", "a later date, decided anew by the approver")]
    return []
