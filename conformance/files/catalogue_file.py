"""``catalogue.toml`` of a suite: standards, chapters and requirements."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from conformance.errors import FileProblems, Problem
from conformance.files.schema import TEXT
from conformance.files.toml import problems_of
from conformance.model.requirement import Catalogue, Certainty, Clause, Level, Method, Requirement, Severity, Standard
from conformance.model.text import Text

_CLAUSE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "standard": {"type": "string"},
        "number": {"type": "string"},
        "certainty": {"enum": [item.value for item in Certainty]},
    },
    "required": ["standard", "number", "certainty"],
    "additionalProperties": False,
}

_REQUIREMENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z][A-Z0-9]*(-[A-Za-z0-9][A-Za-z0-9.]*)+$"},
        "chapter": {"type": "string"},
        "title": TEXT,
        "level": {"enum": [item.value for item in Level]},
        "severity": {"enum": [item.value for item in Severity]},
        "method": {"enum": [item.value for item in Method]},
        "clauses": {"type": "array", "items": _CLAUSE},
        "why": TEXT,
        "faulty": TEXT,
        "fix": TEXT,
        "not_tested": TEXT,
    },
    "required": ["id", "chapter", "title", "level", "severity", "method", "why", "faulty", "fix"],
    "additionalProperties": False,
}


def catalogue_schema() -> dict[str, Any]:
    """Return the JSON Schema of one catalogue file."""
    named = {"type": "object", "properties": {"name": {"type": "string"}, "title": TEXT}, "required": ["title"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "catalogue.toml: the requirements of a suite",
        "type": "object",
        "properties": {
            "schema": {"const": "conformance/catalogue/v1"},
            "standards": {"type": "object", "additionalProperties": named},
            "chapters": {"type": "object", "additionalProperties": named},
            "requirements": {"type": "array", "items": _REQUIREMENT},
        },
        "required": ["schema"],
        "additionalProperties": False,
    }


def read_catalogue(suite: str, package: str) -> Catalogue:
    """Return the catalogue in ``package``: ``catalogue.toml`` and every ``catalogue/*.toml``, in name order.

    Raises FileProblems for mistakes, duplicate ids, and clauses or chapters that are not declared.
    """
    merged: dict[str, Any] = {"standards": {}, "chapters": {}, "requirements": []}
    schema = catalogue_schema()
    for name, text in _parts(package):
        document = _parse(f"{package}/{name}", text, schema)
        merged["standards"].update(document.get("standards", {}))
        merged["chapters"].update(document.get("chapters", {}))
        merged["requirements"] += document.get("requirements", [])
    return _build(suite, f"{package}/catalogue.toml", merged)


def _parse(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileProblems(name, [Problem("$", str(error), "valid TOML")], "Fix the suite's catalogue.") from None
    problems = problems_of(document, schema)
    if problems:
        raise FileProblems(name, problems, "Fix the suite's catalogue.")
    return document


def _parts(package: str) -> list[tuple[str, str]]:
    root = files(package)
    found: list[tuple[str, Traversable]] = []
    if root.joinpath("catalogue.toml").is_file():
        found.append(("catalogue.toml", root.joinpath("catalogue.toml")))
    folder = root.joinpath("catalogue")
    if folder.is_dir():
        parts = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
        found += [(f"catalogue/{item.name}", item) for item in parts]
    if not found:
        raise FileProblems(package, [Problem("$", "no catalogue", "catalogue.toml in the suite's package")])
    return [(name, item.read_text(encoding="utf-8")) for name, item in found]


def _build(suite: str, name: str, merged: dict[str, Any]) -> Catalogue:
    standards = {
        key: Standard(key, value.get("name", key), Text.parse(value["title"]))
        for key, value in merged["standards"].items()
    }
    chapters = {key: Text.parse(value["title"]) for key, value in merged["chapters"].items()}
    problems = _references(merged["requirements"], standards, chapters)
    if problems:
        raise FileProblems(name, problems, "Fix the suite's catalogue.")
    requirements = tuple(_requirement(suite, item, standards) for item in merged["requirements"])
    return Catalogue(suite, tuple(standards.values()), chapters, requirements)


def _references(
    items: list[dict[str, Any]], standards: dict[str, Standard], chapters: dict[str, Text]
) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for item in items:
        where = f"requirement {item['id']}"
        if item["id"] in seen:
            problems.append(Problem(where, "the id is used twice", "a permanent id of its own"))
        seen.add(item["id"])
        if item["chapter"] not in chapters:
            problems.append(Problem(where, f"chapter {item['chapter']!r}", f"one of {', '.join(chapters)}"))
        for clause in item.get("clauses", ()):
            if clause["standard"] not in standards:
                problems.append(Problem(where, f"standard {clause['standard']!r}", f"one of {', '.join(standards)}"))
    return problems


def _requirement(suite: str, item: dict[str, Any], standards: dict[str, Standard]) -> Requirement:
    clauses = tuple(
        Clause(standards[clause["standard"]], clause["number"], Certainty(clause["certainty"]))
        for clause in item.get("clauses", ())
    )
    return Requirement(
        id=item["id"],
        suite=suite,
        chapter=item["chapter"],
        title=Text.parse(item["title"]),
        level=Level(item["level"]),
        severity=Severity(item["severity"]),
        method=Method(item["method"]),
        clauses=clauses,
        why=Text.parse(item["why"]),
        faulty=Text.parse(item["faulty"]),
        fix=Text.parse(item["fix"]),
        not_tested=Text.parse(item["not_tested"]) if "not_tested" in item else None,
    )


def catalogue_path(package: str) -> Path:
    """Return the folder of a suite's package, for messages."""
    return Path(str(files(package)))
