"""Reading TOML and checking it against a JSON Schema, reporting every mistake with its place and remedy."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import ConfigError, FileProblems, Problem

#: No file a person writes is larger; a bigger one is a mistake or an attack.
FILE_BYTES_MAX = 4 * 1024 * 1024


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; raises ConfigError naming file, line and what is wrong."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"the file is larger than {FILE_BYTES_MAX} bytes", where=str(path))
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "no such file", where=str(path), remedy="Check the path, or write one with `conformance init`."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 text: byte {error.start}", where=str(path), remedy="Save the file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"not valid TOML: {error}", where=str(path), remedy="Fix that place; strings need quotes."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="Check its permissions."
        ) from None


def problems_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Problem]:
    """Return every way in which ``document`` breaks ``schema``, in document order."""
    import jsonschema  # heavy; only when a file is read

    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    return [problem for error in errors for problem in _explain(error)]


def require(path: Path, document: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raise FileProblems with all mistakes of ``document`` against ``schema``."""
    problems = problems_of(document, schema)
    if problems:
        raise FileProblems(str(path), problems)


def place(parts: Any) -> str:
    """Return a JSONPath-like place: ``$.users.alice`` or ``$.operations['accounts.read']``."""
    text = "$"
    for part in parts:
        plain = isinstance(part, str) and part.replace("_", "").replace("-", "").isalnum()
        text += f".{part}" if plain else f"[{part!r}]"
    return text


def _explain(error: Any) -> list[Problem]:
    where = place(error.absolute_path)
    if error.validator == "additionalProperties":
        return _unknown_keys(error, where)
    if error.validator == "required":
        missing = error.message.split("'")[1]
        return [Problem(where, f"{missing!r} is missing", f"a value for {missing!r}")]
    if error.validator == "enum":
        return [Problem(where, f"{error.instance!r}", f"one of {', '.join(map(str, error.validator_value))}")]
    if error.validator == "type":
        return [Problem(where, f"{_kind(error.instance)} {error.instance!r}", f"{error.validator_value}")]
    if error.validator in ("anyOf", "oneOf"):
        return [Problem(where, f"{error.instance!r}", error.schema.get("description", "one of the documented forms"))]
    return [
        Problem(where, error.message, error.schema.get("description", f"{error.validator} {error.validator_value!r}"))
    ]


def _unknown_keys(error: Any, where: str) -> list[Problem]:
    known = list(error.schema.get("properties", {}))
    unknown = [key for key in error.instance if key not in known]
    return [_unknown(key, known, where) for key in unknown]


def _unknown(key: str, known: list[str], where: str) -> Problem:
    close = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else ""
    return Problem(where, f"unknown key {key!r}", f"one of {', '.join(known)}", hint)


def _kind(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "table"}
    return names.get(type(value), type(value).__name__)
