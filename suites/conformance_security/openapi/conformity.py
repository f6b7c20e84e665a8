"""Whether an answer is one of those that the document promises: status, media type, schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conformance.sdk import Exchange
from conformance_security.openapi.document import Document, Endpoint
from conformance_security.openapi.references import first_violation

#: What the layers around an API answer on their own; no document lists them for every operation.
_OF_THE_FRAME = (405, 406, 408, 413, 415, 429, 431)


def unpromised(document: Document, endpoint: Endpoint, exchange: Exchange) -> str | None:
    """Return what about an answer the document does not promise, or None."""
    answer = _promised(endpoint, exchange.status)
    if answer is None:
        return None if exchange.status in _OF_THE_FRAME else f"the status {exchange.status}"
    content = document.resolved(answer).get("content")
    if not content or not exchange.body:
        return None
    kind = exchange.header("Content-Type").partition(";")[0].strip().lower()
    described = next((value for name, value in content.items() if _covers(str(name).lower(), kind)), None)
    if described is None:
        return f"the media type {kind or '(none)'} for status {exchange.status}"
    schema = described.get("schema") if isinstance(described, Mapping) else None
    return _violation(document, schema, exchange) if schema and "json" in kind else None


def _promised(endpoint: Endpoint, status: int) -> Any:
    for name in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
        if name in endpoint.responses:
            return endpoint.responses[name]
    return None


def _covers(named: str, kind: str) -> bool:
    name = named.partition(";")[0].strip()
    return name in (kind, "*/*") or (name.endswith("/*") and kind.startswith(name[:-1]))


def _violation(document: Document, schema: Any, exchange: Exchange) -> str | None:
    try:
        value = json.loads(exchange.body)
    except ValueError:
        return "a body that is not JSON"
    components = document.raw.get("components", {})
    if str(document.raw.get("openapi", "")).startswith("3.0"):
        components, schema = _nullable(components), _nullable(schema)
    error = first_violation(components, schema, value, document.name)
    if error is None:
        return None
    place = "/".join(str(part) for part in error.absolute_path) or "the body"
    return f"{place} of the answer, which breaks {error.validator!r} of its schema"


def _nullable(node: Any) -> Any:
    """Return OpenAPI 3.0 schemas as JSON Schema: ``nullable`` becomes the type null."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    turned = {name: _nullable(value) for name, value in node.items()}
    if turned.pop("nullable", False) is True and isinstance(turned.get("type"), str):
        turned["type"] = [turned["type"], "null"]
    return turned
