"""The product's OpenAPI document, read into what checks need of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.sdk import Accepted, Candidate, NotTested, describe
from conformance_security.declared import declared
from conformance_security.openapi.references import require_closed
from conformance_security.openapi.wellformed import METHODS, malformed, require_wellformed, target_of

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_DECLARE = 'declare [declared.security.openapi] with path = "/openapi.json" or file = "openapi.json" in candidate.toml'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. ``public``: the document asks for no credentials; ``media`` and ``body``: of its body."""

    method: str
    path: str
    operation: str
    public: bool
    parameters: tuple[Mapping[str, Any], ...] = ()
    media: str = ""
    body: Mapping[str, Any] | None = None
    responses: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return method and path, for messages."""
        return f"{self.method} {self.path}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the names of the parameters in the path."""
        return tuple(_PARAMETER.findall(self.path))

    def places(self) -> tuple[str, ...]:
        """Return, for each parameter of the path, the path up to and with it: what its value is known by."""
        return tuple(self.path[: match.end()] for match in _PARAMETER.finditer(self.path))

    def values_in(self, path: str) -> tuple[str, ...] | None:
        """Return the values of the parameters in a path that this endpoint has, or None for another path."""
        pattern = "".join(
            "([^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(_PARAMETER.split(self.path))
        )
        match = re.fullmatch(pattern, path)
        return match.groups() if match else None

    def filled(self, values: Mapping[str, str], otherwise: str = "0") -> str:
        """Return the path with the known values; ``otherwise`` stands for the unknown ones."""
        path = self.path
        for name, place in zip(self.variables, self.places(), strict=True):
            path = path.replace(f"{{{name}}}", values.get(place, otherwise), 1)
        return path


@dataclass(frozen=True)
class Document:
    """A document and its endpoints, without those that are left out.

    ``prefix`` stands before its paths; ``name`` is the path or the file that it was read from.
    """

    raw: Mapping[str, Any]
    endpoints: tuple[Endpoint, ...]
    prefix: str = ""
    name: str = ""

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the document, in canonical form."""
        return hashlib.sha256(json.dumps(self.raw, sort_keys=True, default=str).encode()).hexdigest()

    def resolved(self, node: Any) -> Any:
        """Return what a node refers to inside the document; the node itself where it is no reference."""
        for _ in range(20):
            if not (isinstance(node, Mapping) and isinstance(node.get("$ref"), str)):
                return node
            node = target_of(self.raw, node["$ref"])
            if node is None:
                break
        return {}

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """Return the endpoint of a real path: a fixed path wins over one with parameters."""
        found = [item for item in self.endpoints if item.method == method and item.values_in(path) is not None]
        return min(found, key=lambda item: len(item.variables), default=None)

    def methods_of(self, path: str) -> frozenset[str]:
        """Return the documented methods of a template."""
        return frozenset(item.method for item in self.endpoints if item.path == path)

    def relative(self, candidate: Candidate, url: str) -> str:
        """Return the path of a URL as the document writes it, or "" for one that lies outside."""
        before = urlsplit(candidate.file.base_url).path.rstrip("/") + self.prefix
        path = urlsplit(url).path
        return path.removeprefix(before) if path.startswith(before) else ""


def document_of(candidate: Candidate) -> Document:
    """Return the declared document; raises NotTested where there is none or it cannot be read, else Inconclusive.

    What is malformed is the product's document, and not the test of it.
    """
    settings = declared(candidate, "openapi")
    if not isinstance(settings, Mapping) or not (settings.get("path") or settings.get("file")):
        raise NotTested(f"no OpenAPI document: {_DECLARE}", blame="CONFIG")
    raw = _from_file(candidate, str(settings["file"])) if settings.get("file") else _served(candidate, settings)
    left_out = tuple(str(item) for item in settings.get("leave_out", ()))
    name = str(settings.get("file") or settings["path"])
    return read_document(raw, str(settings.get("prefix", "")).rstrip("/"), left_out, name)


def read_document(raw: Any, prefix: str = "", leave_out: tuple[str, ...] = (), name: str = "") -> Document:
    """Return a parsed document; paths that begin with one of ``leave_out`` are left out.

    Raises Inconclusive for a malformed document, NotTested for one that refers to what lies outside it.
    """
    require_closed(raw)
    require_wellformed(raw, name, leave_out)
    bare = Document(raw, ())
    endpoints = [
        _endpoint(bare, method, str(path), item, operation)
        for path, item in ((path, bare.resolved(item)) for path, item in raw["paths"].items())
        if isinstance(item, Mapping) and not str(path).startswith(leave_out or ("\0",))
        for method, operation in item.items()
        if method in METHODS and isinstance(operation, Mapping)
    ]
    return Document(raw, tuple(endpoints), prefix, name)


def _endpoint(
    document: Document, method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Endpoint:
    security = operation.get("security", document.raw.get("security", []))
    parameters = [document.resolved(entry) for entry in [*item.get("parameters", ()), *operation.get("parameters", ())]]
    content = document.resolved(operation.get("requestBody", {})).get("content", {})
    media = next((kind for kind in content if "json" in kind), next(iter(content), ""))
    return Endpoint(
        method=method.upper(),
        path=path,
        operation=str(operation.get("operationId", "")),
        public=not security or {} in security,
        parameters=tuple(parameters),
        media=str(media),
        body=document.resolved(content[media].get("schema", {})) if media else None,
        responses={str(status): document.resolved(answer) for status, answer in operation.get("responses", {}).items()},
    )


def _served(candidate: Candidate, settings: Mapping[str, Any]) -> Any:
    answer = candidate.request("GET", str(settings["path"])).send()
    if not isinstance(answer, Accepted):
        raise NotTested(f"GET {settings['path']} was {describe(answer)}: {_DECLARE}", blame="CONFIG")
    return _parsed(answer.exchange.body, str(settings["path"]))


def _from_file(candidate: Candidate, name: str) -> Any:
    base = candidate.file.path.parent if candidate.file.path else Path()
    try:
        return _parsed((base / name).read_bytes(), name)
    except OSError as error:
        raise NotTested(f"the OpenAPI document {name} cannot be read: {error}", blame="CONFIG") from error


def _parsed(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        if body.lstrip()[:1] in (b"{", b"["):
            raise malformed(name, f"it begins like JSON and is none ({error})") from error
        raise NotTested(
            f"the OpenAPI document {name} is not JSON: convert it (YAML is not read here) and declare the file",
            blame="CONFIG",
        ) from error
