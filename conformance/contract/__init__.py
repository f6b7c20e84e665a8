"""The neutral contract as data: operations, their neutral HTTP form, and the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

#: Fragments of the OpenAPI document, merged in this order; each is a whole document of its own.
FRAGMENTS = ("core", "codes", "ledger", "oauth")

#: Sections of ``components`` that fragments may fill together.
_COMPONENTS = ("schemas", "responses", "parameters", "headers", "securitySchemes")


def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the neutral contract: all fragments in one. It is the caller's to change.

    Raises ValueError when two fragments describe the same method of a path or the same component differently.
    """
    document: dict[str, Any] = json.loads(_merged())
    return document


@cache
def _merged() -> str:
    """Return the merged document as text, of which every caller gets a copy that shares nothing with another's."""
    merged: dict[str, Any] = json.loads(json.dumps(_fragment("core")))
    for name in FRAGMENTS[1:]:
        other = _fragment(name)
        _merge_paths(merged["paths"], other.get("paths", {}), name)
        for section in _COMPONENTS:
            into = merged["components"].setdefault(section, {})
            _merge_named(into, other.get("components", {}).get(section, {}), f"{name}: components/{section}")
        known = {tag["name"] for tag in merged.get("tags", [])}
        merged.setdefault("tags", []).extend(tag for tag in other.get("tags", []) if tag["name"] not in known)
    return json.dumps(merged)


@cache
def _fragment(name: str) -> dict[str, Any]:
    source = files(__package__).joinpath("openapi", f"{name}.json")
    if not source.is_file():
        return {}
    document: dict[str, Any] = json.loads(source.read_text("utf-8"))
    return document


def _merge_paths(into: dict[str, Any], other: dict[str, Any], name: str) -> None:
    for path, methods in other.items():
        _merge_named(into.setdefault(path, {}), methods, f"{name}: paths/{path}")


def _merge_named(into: dict[str, Any], other: dict[str, Any], place: str) -> None:
    for key, value in other.items():
        if into.setdefault(key, value) != value:
            raise ValueError(f"{place}/{key} is described twice, differently")
