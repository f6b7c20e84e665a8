"""A request of no operation: for checks that ask for what a product's documents say, or do not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.candidate.mapping import Operation, compile_operation
from conformance.candidate.reading_toml import Place

#: Any 2xx is accepted, whatever its body; what the request is, its edits say.
_ENTRY = {"method": "GET", "path": "/", "response": "bytes", "content_type": "any", "effect": "read"}
#: What a mapping says of all its operations and of this request too: how the product refuses, inside a 200 as well.
_HOLDS = ("header", "error", "refused")


def bare_operation(defaults: Mapping[str, Any]) -> Operation:
    """Return the operation whose request its edits make up.

    ``defaults`` is ``[mapping]``: its headers and its ways of refusing hold.
    """
    held = {name: defaults[name] for name in _HOLDS if name in defaults}
    return compile_operation(Place(_ENTRY, "$.request", "request"), held)
