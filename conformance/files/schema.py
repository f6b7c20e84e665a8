"""JSON Schemas generated from the model's dataclasses, for validation here and completion in editors.

A dataclass field's type gives its schema; ``DESCRIPTIONS`` of the reader that uses it adds a sentence.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from conformance.model.text import Text

#: A title or explanation: plain text, or both languages.
TEXT: dict[str, Any] = {
    "description": 'text, or { en = "…", zh-CN = "…" }',
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"en": {"type": "string"}, "zh-CN": {"type": "string"}},
            "required": ["en"],
            "additionalProperties": False,
        },
    ],
}

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema_of(cls: type, *, skip: tuple[str, ...] = (), describe: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the schema of a dataclass as a closed object; ``skip`` leaves fields out."""
    hints = get_type_hints(cls)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for item in dataclasses.fields(cls):
        if item.name in skip:
            continue
        properties[item.name] = type_schema(hints[item.name])
        if describe and item.name in describe:
            properties[item.name] = {"description": describe[item.name], **properties[item.name]}
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            required.append(item.name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def type_schema(hint: Any) -> dict[str, Any]:
    """Return the schema of one annotated type; raises TypeError for one the files do not use."""
    if hint is Any:
        return {}
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if hint is Text:
        return TEXT
    if hint is Path:
        return {"type": "string"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return schema_of(hint)
    return _generic(hint)


def _generic(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [type_schema(item) for item in arguments if item is not type(None)]}
    if origin in (tuple, list):
        return {"type": "array", "items": type_schema(arguments[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": type_schema(arguments[1])}
    raise TypeError(f"no schema for {hint!r}")
