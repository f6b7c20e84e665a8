"""The tables of docs/reference/operations.md, as the neutral contract and its OpenAPI document say them.

Run as a program, it prints the tables, to be pasted into the page when an operation has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.candidate.mapping import Step
from conformance.candidate.offering import offer_of_neutral
from conformance.candidate.templates import Members
from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations

HEAD = "| operation | what it does | arguments | effect | neutral HTTP form | canonical result |"


def rows() -> dict[str, str]:
    """Return the line of every operation of the neutral contract, by name, in the contract's order."""
    results = dict(_results())
    return {name: _row(name, entry, results.get(name, "open")) for name, entry in neutral_operations().items()}


def _row(name: str, entry: Mapping[str, Any], result: str) -> str:
    step = offer_of_neutral()[name].main
    further = step.query.rest or (isinstance(step.body, Members) and step.body.rest)
    arguments = ", ".join([*(f"`{argument}`" for argument in _arguments(step)), *(["…"] if further else [])]) or "—"
    form = f"`{step.method} {entry['path']}`"
    return f"| `{name}` | {entry['title']['en']} | {arguments} | {entry['effect']} | {form} | {result} |"


def _arguments(step: Step) -> list[str]:
    """Return the arguments in the order path, body, query, headers."""
    members = [step.body, step.query, step.header]
    found = sorted(step.path.names())
    for part in members:
        for node in part.members.values() if isinstance(part, Members) else ():
            found += sorted(node.names())
    return list(dict.fromkeys(name for name in found if not name.startswith("user.")))


def _results() -> Iterator[tuple[str, str]]:
    document = openapi()
    for methods in document["paths"].values():
        for operation in methods.values():
            if isinstance(operation, Mapping) and "operationId" in operation:
                yield operation["operationId"], _shown(document, operation["responses"])


def _shown(document: Mapping[str, Any], responses: Mapping[str, Any]) -> str:
    """Return the members of the accepted answer; of a list, those of an item; of a redirect, where it leads."""
    done = [value for code, value in responses.items() if code.startswith("2")]
    if not done:
        return "`location`"
    content = done[0].get("content", {})
    if "image/png" in content:
        return "`png` (base64), `content_type`"
    schema = _resolved(document, content.get("application/json", {}).get("schema", {}))
    properties = schema.get("properties", {})
    if "items" in properties:
        item = _resolved(document, properties["items"].get("items", {}))
        return f"a list of {_names(item)}"
    return _names(schema)


def _names(schema: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in schema.get("properties", {})) or "—"


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


if __name__ == "__main__":
    print("\n".join([HEAD, "| --- | --- | --- | --- | --- | --- |", *rows().values()]))
