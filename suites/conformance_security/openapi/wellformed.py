"""Whether a document is an OpenAPI document at all: what is wrong with one is its author's to mend, and said so.

Only what checks read is looked at, not all of the specification: a mistake that nothing stumbles over is no reason to
leave a product untested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from conformance.sdk import Inconclusive

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"2\.0|3\.\d+(\.\d+.*)?")
_MEND = (
    "mend the document (npx @redocly/cli lint names its mistakes), or leave the path out: [declared.security.openapi] "
    "leave_out"
)
#: How JSON calls what Python has.
_KINDS: Mapping[type, str] = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}


def malformed(name: str, what: str) -> Inconclusive:
    """Return the outcome of a check that reads a document in which ``what`` is wrong; ``name`` is its path or file."""
    return Inconclusive(f"the product's {_called(name)} is malformed: {_short(what)}; {_MEND}", blame="PRODUCT")


def unreadable(name: str, what: str) -> Inconclusive:
    """Return the outcome where ``what`` stopped us at a document that need not be wrong: nobody is to blame."""
    return Inconclusive(f"the product's {_called(name)} cannot be put to use: {_short(what)}; {_MEND}")


def _called(name: str) -> str:
    return f"OpenAPI document {name}" if name else "OpenAPI document"


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


def require_wellformed(raw: Any, name: str, leave_out: tuple[str, ...] = ()) -> None:
    """Raise Inconclusive for the first mistake of a document, but for those in paths that are left out."""
    flaw = next(_flaws(raw, leave_out), None)
    if flaw is not None:
        raise malformed(name, flaw)


def target_of(raw: Any, reference: str) -> Any:
    """Return what a reference inside a document points to, None where that is nothing."""
    node = raw
    for part in unquote(reference).removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, Mapping) and key in node:
            node = node[key]
        else:
            return None
    return node


def _flaws(raw: Any, leave_out: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(raw, Mapping):
        yield f"it is {_kind(raw)}, not an object"
        return
    yield from _version(raw)
    yield from _of_kind(raw, "components", Mapping)
    yield from _security(raw, "the document")
    if "paths" not in raw:
        yield "it has no paths"
        return
    yield from _of_kind(raw, "paths", Mapping)
    for path, item in raw["paths"].items():
        if not str(path).startswith(("x-", *leave_out)):
            yield from _of_item(raw, str(path), item)


def _version(raw: Mapping[str, Any]) -> Iterator[str]:
    version = raw.get("openapi", raw.get("swagger"))
    if version is None:
        yield "it does not say its version in 'openapi'"
    elif not (isinstance(version, str) and _VERSION.fullmatch(version)):
        yield f"its version is {version!r}, neither OpenAPI 3.x nor Swagger 2.0"


def _of_item(raw: Any, path: str, item: Any) -> Iterator[str]:
    yield from _pointed(raw, item, path)
    item = _followed(raw, item)
    yield from _parameters(raw, item, path)
    for method in METHODS:
        if method in item:
            yield from _of_operation(raw, item[method], f"{method.upper()} {path}")


def _of_operation(raw: Any, operation: Any, name: str) -> Iterator[str]:
    if not isinstance(operation, Mapping):
        yield f"{name} is {_kind(operation)}, not an object"
        return
    yield from _security(operation, name)
    yield from _parameters(raw, operation, name)
    if "requestBody" in operation:
        yield from _with_content(raw, operation["requestBody"], f"the request body of {name}")
    yield from _of_kind(operation, "responses", Mapping, name)
    for status, answer in operation.get("responses", {}).items():
        if not str(status).startswith("x-"):
            yield from _with_content(raw, answer, f"the response {status} of {name}")


def _parameters(raw: Any, node: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _of_kind(node, "parameters", list, where)
    for entry in node.get("parameters", ()):
        yield from _pointed(raw, entry, f"a parameter of {where}")
        parameter = _followed(raw, entry)
        for member in ("name", "in"):
            if not isinstance(parameter.get(member), str):
                yield f"a parameter of {where} does not say its {member!r}"
        yield from _schema(parameter, f"the parameter {parameter.get('name')} of {where}")


def _with_content(raw: Any, node: Any, where: str) -> Iterator[str]:
    yield from _pointed(raw, node, where)
    node = _followed(raw, node)
    yield from _of_kind(node, "content", Mapping, where)
    for media, described in node.get("content", {}).items():
        if not isinstance(described, Mapping):
            yield f"{media} of {where} is {_kind(described)}, not an object"
        yield from _schema(described, f"{media} of {where}")


def _schema(node: Mapping[str, Any], where: str) -> Iterator[str]:
    if "schema" in node and not isinstance(node["schema"], Mapping | bool):
        yield f"the schema of {where} is {_kind(node['schema'])}, not an object"


def _security(node: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _of_kind(node, "security", list, where)
    if any(not isinstance(one, Mapping) for one in node.get("security", ())):
        yield f"'security' of {where} lists what is no object"


def _of_kind(node: Mapping[str, Any], member: str, kind: type, where: str = "the document") -> Iterator[str]:
    """Give a flaw where a member is there and not of its kind. Whoever asks on stops at the first flaw."""
    if member in node and not isinstance(node[member], kind):
        wanted = "a list" if kind is list else "an object"
        yield f"{member!r} of {where} is {_kind(node[member])}, not {wanted}"


def _pointed(raw: Any, node: Any, where: str) -> Iterator[str]:
    """Give a flaw for what is neither an object nor a reference to one."""
    target = _followed(raw, node)
    if isinstance(target, Mapping):
        return
    if target is not node or (isinstance(node, Mapping) and "$ref" in node):
        yield f"{where} refers to {node['$ref']!r}, where there is no object"
    yield f"{where} is {_kind(node)}, not an object"


def _followed(raw: Any, node: Any) -> Any:
    """Return what a node refers to, however indirectly; None for a circle, and for what is not there."""
    for _ in range(20):
        if not (isinstance(node, Mapping) and "$ref" in node):
            return node
        node = target_of(raw, node["$ref"]) if isinstance(node["$ref"], str) else None
    return None


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")
