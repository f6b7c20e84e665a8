"""XML answers as plain data, without entities, document types or anything fetched."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

#: Deeper nesting than this is refused.
DEPTH_MAX = 64


class XmlError(Exception):
    """Not well-formed, or holding what an answer has no business to hold."""


class _Builder:
    def __init__(self) -> None:
        self.root: Any = None
        self._stack: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= DEPTH_MAX:
            raise XmlError(f"nested deeper than {DEPTH_MAX}")
        self._stack.append((_local(name), {f"@{_local(key)}": value for key, value in attributes.items()}, []))

    def text(self, data: str) -> None:
        self._stack[-1][2].append(data)

    def end(self, _: str) -> None:
        name, members, texts = self._stack.pop()
        text = "".join(texts).strip()
        value: Any = members if members else text
        if members and text:
            members["#text"] = text
        if not self._stack:
            self.root = {name: value}
            return
        _add(self._stack[-1][1], name, value)


def parse_xml(body: bytes) -> dict[str, Any]:
    """Return ``{root: …}``: members by element name, repeated elements as lists, attributes as ``@name``."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise XmlError(str(error)) from error
    root: dict[str, Any] = builder.root
    return root


def _refuse(*_: Any) -> None:
    raise XmlError("a document type declaration")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _add(members: dict[str, Any], name: str, value: Any) -> None:
    if name not in members:
        members[name] = value
    elif isinstance(members[name], list):
        members[name].append(value)
    else:
        members[name] = [members[name], value]
