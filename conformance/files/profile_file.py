"""Profiles: TOML files that say which requirements count, with which parameters, under which decision rule."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import FileProblems, Problem
from conformance.files.schema import TEXT
from conformance.files.toml import problems_of, read_toml
from conformance.model.profile import Profile, Without
from conformance.model.requirement import Severity
from conformance.model.text import Text
from conformance.model.verdict import DecisionRule

_PATTERNS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
#: What a product may lack; the same members say so for all levels and for one.
_ABSENCES: dict[str, Any] = {
    "not_applicable": _NAMES,
    "required": _NAMES,
    "without": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "operations": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "not_applicable": _NAMES,
            },
            "required": ["operations", "not_applicable"],
            "additionalProperties": False,
        },
    },
}
_PARAMETERS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "object"}}


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
            **_ABSENCES,
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
            "parameters": _PARAMETERS,
            "levels": {
                "type": "object",
                "propertyNames": {"pattern": "^[a-z0-9]+$"},
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "title": TEXT,
                        "includes": {"type": "string"},
                        "select": _PATTERNS,
                        "exclude": _PATTERNS,
                        **_ABSENCES,
                        "parameters": _PARAMETERS,
                    },
                    "required": ["title"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["id", "version", "title", "select", "verdict"],
        "additionalProperties": False,
    }


def read_profiles(path: Path) -> list[Profile]:
    """Return the profile in ``path``, or one for each of its levels; raises FileProblems with all mistakes."""
    document = read_toml(path)
    problems = problems_of(document, profile_schema()) or _wrong_levels(document)
    problems += _unsignable(document.get("parameters", {}), "$.parameters")
    for name, level in document.get("levels", {}).items():
        problems += _unsignable(level.get("parameters", {}), f"$.levels.{name}.parameters")
    if problems:
        raise FileProblems(str(path), problems)
    levels = document.get("levels", {})
    return [_build(_at_level(document, name)) for name in levels] if levels else [_build(document)]


def _wrong_levels(document: Mapping[str, Any]) -> list[Problem]:
    """Find levels that include what does not stand above them: each builds on an earlier one."""
    found, above = [], list[str]()
    for name, level in document.get("levels", {}).items():
        included = level.get("includes")
        if included is not None and included not in above:
            right = f"one of {', '.join(above)}" if above else "nothing, as this is the first level"
            found.append(Problem(f"$.levels.{name}.includes", f"{included!r}", right))
        above.append(name)
    return found


def _at_level(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the profile that a level makes: the common part, what it includes, and its own."""
    level = document["levels"][name]
    base = _at_level(document, level["includes"]) if "includes" in level else document
    joined = {key: _joined(base.get(key, {}), level.get(key, {})) for key in ("select", "exclude", "parameters")}
    absences = {key: [*base.get(key, ()), *level.get(key, ())] for key in _ABSENCES}
    return {**document, **joined, **absences, "id": f"{document['id']}-{name}", "title": level["title"]}


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables as one: lists of patterns one after the other, parameters of the second over the first."""
    joined: dict[str, Any] = dict(first)
    for suite, value in second.items():
        held = joined.get(suite)
        joined[suite] = [*(held or ()), *value] if isinstance(value, list) else {**(held or {}), **value}
    return joined


def profile_digest(profile: Profile) -> str:
    """Return ``sha256:…`` over everything a profile decides."""
    text = repr((profile.id, profile.version, _frozen(profile.select), _frozen(profile.exclude), profile.not_applicable,
                 profile.required, profile.without, _frozen(profile.parameters), profile.rule))  # fmt: skip
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
        required=tuple(document.get("required", ())),
        without=tuple(
            Without(tuple(item["operations"]), tuple(item["not_applicable"])) for item in document.get("without", ())
        ),
        parameters=document.get("parameters", {}),
        rule=DecisionRule(**rule),
    )
