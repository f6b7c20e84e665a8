"""Members of a product's own answers that no request of ours holds, altered: what a careless product would take over.

The words of the neutral contract say nothing to a product with words of its own; those of its answers do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from conformance.sdk import Accepted, Candidate
from conformance_security.scene import AMOUNT

#: Members that are tried at most.
MEMBERS_MAX = 10
#: What years become, and how that shows: nothing that is made now was made then.
OLD_YEAR = "2001"
_YEAR = re.compile(r"20\d\d(?=-?\d\d)")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_DEEPEST = 3


def answer_only(candidate: Candidate, answer: Accepted) -> Iterator[tuple[str, object]]:
    """Give members of what was made that its request did not hold, with values that would help a cheat.

    Its id is left out: clients may be free to choose it.
    """
    identifier = str(answer.value.get("id", ""))
    made = _made(_document(answer.exchange.body), identifier)
    sent = _sent(answer.exchange.request_body)
    own = [(name, value) for name, value in made.items() if name not in sent and str(value) != identifier]
    yield from ((name, _altered(value, _words(candidate))) for name, value in own[:MEMBERS_MAX])


def _sent(body: bytes) -> set[str]:
    """Return the names in a request; in a form, or in XML, every word may be one."""
    document = _document(body)
    if isinstance(document, Mapping | list):
        return set(_names(document))
    return set(re.findall(r"[A-Za-z_][\w-]*", unquote_plus(body.decode("utf-8", "replace"))))


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _made(document: Any, identifier: str) -> Mapping[str, Any]:
    """Return the object of an answer that holds the id, else the whole answer; nothing where it is no object."""
    for node in _objects(document):
        if identifier in map(str, node.values()):
            return node
    return document if isinstance(document, Mapping) else {}


def _objects(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
    for inner in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _objects(inner)


def _names(document: Any) -> Iterator[str]:
    for node in _objects(document):
        yield from node


def _words(candidate: Candidate) -> list[str]:
    """Return the product's own words for states."""
    states = candidate.file.mapping.get("states", {})
    return [str(word) for word in states] if isinstance(states, Mapping) else []


def _altered(value: Any, words: list[str], depth: int = 0) -> object:
    """Return another value of the same kind."""
    if value is None:
        return "admin"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + AMOUNT
    if isinstance(value, Mapping):
        inner = value.items() if depth < _DEEPEST else ()
        return {name: _altered(item, words, depth + 1) for name, item in inner}
    return [] if isinstance(value, list) else _altered_text(str(value), words)


def _altered_text(text: str, words: list[str]) -> str:
    if text in words:
        return next((word for word in reversed(words) if word != text), text)
    if _YEAR.search(text):
        return _YEAR.sub(OLD_YEAR, text, count=1)
    return f"9{text}" if _DECIMAL.fullmatch(text) else "refunded"
