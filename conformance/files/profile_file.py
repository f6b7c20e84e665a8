"""Profiles: TOML files that say which requirements count, with which parameters, under which decision rule."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import FileProblems, Problem
from conformance.files.schema import TEXT
from conformance.files.toml import problems_of, read_toml
from conformance.model.profile import Profile
from conformance.model.requirement import Severity
from conformance.model.text import Text
from conformance.model.verdict import DecisionRule

_PATTERNS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


def profile_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile file."""
    count = {"type": "integer", "minimum": 0}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a profile: which requirements count for one kind of product",
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
            "version": {"type": "string"},
            "title": TEXT,
            "select": _PATTERNS,
            "exclude": _PATTERNS,
            "not_applicable": {"type": "array", "items": {"type": "string"}},
            "verdict": {
                "type": "object",
                "properties": {
                    "fail_at": {"enum": [item.value for item in Severity]},
                    "inconclusive_max": count,
                    "not_tested_max": count,
                    "calibration_required": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
            "parameters": {"type": "object", "additionalProperties": {"type": "object"}},
        },
        "required": ["id", "version", "title", "select", "verdict"],
        "additionalProperties": False,
    }


def read_profile(path: Path) -> Profile:
    """Return the profile in ``path``; raises FileProblems with all mistakes."""
    document = read_toml(path)
    problems = problems_of(document, profile_schema()) + _unsignable(document.get("parameters", {}), "$.parameters")
    if problems:
        raise FileProblems(str(path), problems)
    return _build(document)


def profile_digest(profile: Profile) -> str:
    """Return ``sha256:…`` over everything a profile decides."""
    text = repr((profile.id, profile.version, _frozen(profile.select), _frozen(profile.exclude), profile.not_applicable,
                 _frozen(profile.parameters), profile.rule))  # fmt: skip
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _unsignable(value: Any, where: str) -> list[Problem]:
    """Find parameters that canonical JSON cannot hold here: floats, dates, times."""
    if isinstance(value, Mapping):
        return [problem for key, item in value.items() for problem in _unsignable(item, f"{where}.{key}")]
    if isinstance(value, list):
        return [problem for index, item in enumerate(value) for problem in _unsignable(item, f"{where}[{index}]")]
    if isinstance(value, str | bool | int):
        return []
    return [Problem(where, f"{value!r}", "text, a boolean or an integer with its unit in the name")]


def _frozen(value: Any) -> Any:
    return sorted((key, _frozen(item)) for key, item in value.items()) if isinstance(value, Mapping) else value


def _build(document: dict[str, Any]) -> Profile:
    rule = dict(document["verdict"])
    if "fail_at" in rule:
        rule["fail_at"] = Severity(rule["fail_at"])
    return Profile(
        id=document["id"],
        version=document["version"],
        title=Text.parse(document["title"]),
        select={suite: tuple(patterns) for suite, patterns in document["select"].items()},
        exclude={suite: tuple(patterns) for suite, patterns in document.get("exclude", {}).items()},
        not_applicable=tuple(document.get("not_applicable", ())),
        parameters=document.get("parameters", {}),
        rule=DecisionRule(**rule),
    )
