"""A request in the making: method, path, query, headers and body, until it is finished for the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

from conformance.candidate.templates import plain
from conformance.sdk.load import WireRequest
from conformance.sdk.prepared import Edit, Stage

CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml",
}


@dataclass(slots=True)
class Draft:
    """A request that may still be changed. ``base`` is scheme, authority and the base URL's own path."""

    method: str
    base: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def url(self) -> str:
        """Return the whole URL."""
        url = self.path if self.path.startswith(("http://", "https://")) else self.base + self.path
        if not self.query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(self.query, quote_via=quote)}"

    @property
    def target(self) -> str:
        """Return path and query as they stand in the request line."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def header(self, name: str) -> str:
        """Return a header by its name in any case, or ""."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    def set_header(self, name: str, value: str) -> None:
        """Set a header, replacing one of the same name in any case."""
        self.drop_header(name)
        self.headers[name] = value

    def drop_header(self, name: str) -> None:
        """Leave out a header."""
        for key in [key for key in self.headers if key.lower() == name.lower()]:
            del self.headers[key]

    def apply(self, edits: Iterable[Edit], stage: Stage) -> None:
        """Make the edits of one stage."""
        for edit in edits:
            if edit.stage is stage:
                self._edit(edit)

    def finished(self) -> WireRequest:
        """Return the request as it goes on the wire."""
        return WireRequest(self.method, self.url, tuple(self.headers.items()), self.body)

    def _edit(self, edit: Edit) -> None:
        match edit.kind:
            case "header":
                self.set_header(edit.name, str(edit.value))
            case "drop-header":
                self.drop_header(edit.name)
            case "query":
                self.query = [pair for pair in self.query if pair[0] != edit.name] + [(edit.name, str(edit.value))]
            case "method":
                self.method = str(edit.value)
            case "path":
                self.path, self.query = str(edit.value), []
            case "body":
                self.body = edit.value(self.body) if callable(edit.value) else bytes(edit.value)
            case _:
                raise ValueError(f"an edit of kind {edit.kind!r} does not belong to stage {edit.stage}")


def serialise(value: Any, form: str, root: str) -> bytes:
    """Return a filled body template as bytes in one of the formats."""
    match form:
        case "form":
            return urlencode(_flat(value), quote_via=quote).encode("ascii")
        case "xml":
            return f'<?xml version="1.0" encoding="UTF-8"?>{_xml(root, value)}'.encode()
        case _:
            return json_text(value).encode("utf-8", "surrogatepass")


def json_text(value: Any) -> str:
    """Return JSON; decimal numbers keep every digit."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except TypeError:
        return _exact_json(value)


def _exact_json(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{_exact_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_exact_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return the pairs of a form; nested members become ``a[b]``, list items ``a[0]``."""
    if isinstance(value, Mapping):
        return [pair for k, v in value.items() for pair in _flat(v, f"{prefix}[{k}]" if prefix else str(k))]
    if isinstance(value, list | tuple):
        return [pair for n, v in enumerate(value) for pair in _flat(v, f"{prefix}[{n}]")]
    return [(prefix, "" if value is None else plain(value))]


def _xml(name: str, value: Any) -> str:
    """Return an element; members named ``@x`` are attributes, a list repeats the element."""
    if isinstance(value, list | tuple):
        return "".join(_xml(name, item) for item in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{escape('' if value is None else plain(value))}</{name}>"
    attributes = "".join(f" {k[1:]}={quoteattr(plain(v))}" for k, v in value.items() if k.startswith("@"))
    inner = "".join(_xml(k, v) for k, v in value.items() if not k.startswith("@"))
    return f"<{name}{attributes}>{inner}</{name}>"
