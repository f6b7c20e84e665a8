"""References of a document: those inside it are followed, those that lead out of it never.

The product serves the document, so a reference out of it is an address or a file that the product names: following it
would contact a host outside the scope, unrecorded and unpaced, or read a file of this machine and send what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from conformance.sdk import NotTested

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
#: Examples behind an address, and operations of other documents: nothing here needs them.
_OUTWARD = ("externalValue", "operationRef")
#: References named in one reason.
_NAMED = 3


def require_closed(raw: Mapping[str, Any]) -> None:
    """Raise NotTested for a document of which a part lies elsewhere.

    Leaving out only what refers to it would make documented operations look undocumented to the other checks.
    """
    outward = sorted(set(_leading_out(raw)))
    if outward:
        more = f" and {len(outward) - _NAMED} more" if len(outward) > _NAMED else ""
        raise NotTested(
            f"the OpenAPI document refers to what lies outside it, which is never fetched or read: "
            f"{', '.join(outward[:_NAMED])}{more}; bundle the document into one file (npx @redocly/cli bundle) and "
            'declare that: [declared.security.openapi] file = "openapi.json" in candidate.toml',
            blame="CONFIG",
        )


def without_outward(node: Any) -> Any:
    """Return a copy without the members that would load something and that no check needs."""
    if isinstance(node, list):
        return [without_outward(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        name: without_outward(value)
        for name, value in node.items()
        if not (name in _OUTWARD and isinstance(value, str))
    }


def first_violation(components: Any, schema: Any, value: Any) -> Any:
    """Return the first error of a value by a schema of the document, None for none or for a schema that is none.

    Raises NotTested where the schema refers to what the document does not hold.
    """
    # The registry is empty: whatever the schema names, nothing is fetched for it.
    validator = Draft202012Validator({"components": components, "allOf": [schema]}, registry=Registry())
    try:
        return next(iter(validator.iter_errors(value)), None)
    except (SchemaError, RecursionError):
        return None
    except Unresolvable as error:
        raise NotTested(
            f"the OpenAPI document refers to {error.ref!r}, which it does not hold: mend the reference", blame="CONFIG"
        ) from error


def _leading_out(raw: Mapping[str, Any]) -> Iterator[str]:
    waiting: list[Any] = [raw]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            waiting += node.values()
            for name in _REFERENCES:
                target = node.get(name)
                if isinstance(target, str) and not target.startswith("#"):
                    yield f"{name} {target[:120]!r}"
        elif isinstance(node, list):
            waiting += node
