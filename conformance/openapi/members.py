"""Members of schemas: what stands where in a request or an answer, with everything said about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.openapi.document import Document

#: Objects are entered this deep; what stands deeper is rarely what a check asks for.
DEPTH_MAX = 4
#: Members looked at in one schema.
MEMBERS_MAX = 400


@dataclass(frozen=True, slots=True)
class Member:
    """One value: ``path`` are the names that lead to it; a list is entered as ``[]``."""

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    required: bool = False
    siblings: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """Return the last name of the path that is a member's."""
        return next((part for part in reversed(self.path) if part != "[]"), "")

    @property
    def kind(self) -> str:
        """Return the JSON type, without null."""
        return kind_of(self.schema)

    @property
    def words(self) -> str:
        """Return what its description and title say, in lower case."""
        return f"{self.schema.get('title') or ''} {self.schema.get('description') or ''}".lower()

    @property
    def jsonpath(self) -> str:
        """Return the JSONPath, read from the whole answer."""
        return jsonpath(self.path)

    def tokens(self) -> tuple[str, ...]:
        """Return the words that its own name is made of."""
        return tokens(self.name)


def jsonpath(path: tuple[str, ...]) -> str:
    """Return the JSONPath of a path of members; a list gives its first item."""
    text = "$"
    for part in path:
        if part == "[]":
            text += "[0]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part):
            text += f".{part}"
        else:
            text += "['" + part.replace("'", "") + "']"
    return text


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a name: ``createPaymentIntent`` and ``payment_intents`` alike, in the singular."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return tuple(singular(word) for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def singular(word: str) -> str:
    """Return the singular of an English noun, well enough for names of resources."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return a schema's JSON type, or "" where it says none."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "")
    if not kind and "properties" in schema:
        return "object"
    if not kind and "items" in schema:
        return "array"
    return str(kind or "")


def merged(document: Document, schema: Any, depth: int = 0) -> Mapping[str, Any]:
    """Return a schema with its allOf parts in one, and the first of its alternatives that says something."""
    node = document.resolve(schema)
    if not isinstance(node, Mapping) or depth > DEPTH_MAX:
        return {}
    parts = [merged(document, part, depth + 1) for part in node.get("allOf") or ()]
    for word in ("oneOf", "anyOf"):
        known = [merged(document, part, depth + 1) for part in node.get(word) or ()]
        parts += [part for part in known if part and kind_of(part) != "null"][:1]
    if not parts:
        return node
    whole: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    required: list[str] = []
    for part in (*parts, {key: value for key, value in node.items() if key not in ("allOf", "oneOf", "anyOf")}):
        properties |= part.get("properties") or {}
        needed = part.get("required")
        required += needed if isinstance(needed, list) else []
        whole |= part
    return {**whole, **({"properties": properties} if properties else {}), "required": required}


def members(document: Document, schema: Any) -> list[Member]:
    """Return every member of an object, nearest to the top first."""
    found = sorted(_walk(document, schema, (), True, 0), key=lambda item: len(item.path))
    return found[:MEMBERS_MAX]


def _walk(document: Document, schema: Any, path: tuple[str, ...], required: bool, depth: int) -> Iterator[Member]:
    node = merged(document, schema)
    properties = node.get("properties")
    if depth > DEPTH_MAX:
        return
    if isinstance(properties, Mapping):
        needed = node.get("required") if isinstance(node.get("required"), list) else []
        names = frozenset(str(name) for name in properties)
        for name, inner in properties.items():
            part = merged(document, inner)
            here = (*path, str(name))
            yield Member(here, part, required and name in (needed or ()), names)
            yield from _walk(document, part, here, required and name in (needed or ()), depth + 1)
    elif kind_of(node) == "array" and path:
        inner = merged(document, node.get("items"))
        yield Member((*path, "[]"), inner, required)
        yield from _walk(document, inner, (*path, "[]"), required, depth + 1)


def list_of(document: Document, schema: Any) -> tuple[str, Mapping[str, Any]] | None:
    """Return the JSONPath of an answer's items and an item's schema, or None where the answer is no list."""
    node = merged(document, schema)
    if kind_of(node) == "array":
        return "$[*]", merged(document, node.get("items"))
    arrays = [
        (item, merged(document, item.schema.get("items")))
        for item in members(document, node)
        if item.kind == "array" and "[]" not in item.path and len(item.path) <= 2
    ]
    objects = [(item, inner) for item, inner in arrays if inner.get("properties")]
    if not objects:
        return None
    # The list that gives an answer its name stands beside paging, not inside the thing that is answered.
    usual = ("item", "data", "result", "record", "entry", "value", "content", "list")
    best = min(objects, key=lambda pair: (len(pair[0].path), singular(pair[0].name.lower()) not in usual))
    outer = [
        item
        for item in members(document, node)
        if item.path[:-1] in ((), best[0].path[:-1]) and item.name.lower() in ("id", "uuid")
    ]
    if outer and singular(best[0].name.lower()) not in usual:
        return None
    return best[0].jsonpath + "[*]", best[1]


def example_of(schema: Mapping[str, Any]) -> Any:
    """Return a schema's example, default or only value; None where there is none."""
    for key in ("const", "example", "default", "x-example"):
        if schema.get(key) is not None:
            return schema[key]
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return None


def enum_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words a schema allows, or none."""
    words = schema.get("enum")
    if isinstance(words, list):
        return tuple(str(word) for word in words if word is not None)
    return (str(schema["const"]),) if isinstance(schema.get("const"), str) else ()
