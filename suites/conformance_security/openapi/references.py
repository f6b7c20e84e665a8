"""References of a document: those inside it are followed, those that lead out of it never.

The product serves the document, so a reference out of it is an address or a file that the product names: following it
would contact a host outside the scope, unrecorded and unpaced, or read a file of this machine and send what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, UnknownType
from referencing import Registry
from referencing.exceptions import Unresolvable

from conformance.sdk import NotTested
from conformance_security.openapi.wellformed import malformed, unreadable

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
#: Examples behind an address, and operations of other documents: nothing here needs them.
_OUTWARD = ("externalValue", "operationRef")
#: What a validator stumbles over where a keyword has a value that it cannot have; it looks at none beforehand.
_NO_SCHEMA = (SchemaError, UnknownType, AttributeError, KeyError, TypeError, ValueError)
#: References named in one reason.
_NAMED = 3


def require_closed(raw: Any) -> None:
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


def first_violation(components: Any, schema: Any, value: Any, name: str = "") -> Any:
    """Return the first error of a value by a schema of the document called ``name``, None for none.

    None as well for a schema that never comes to an end. Raises NotTested where the schema refers to what the document
    does not hold, Inconclusive where it is no schema or has a pattern in another dialect than ours.
    """
    # The registry is empty: whatever the schema names, nothing is fetched for it.
    validator = Draft202012Validator({"components": components, "allOf": [schema]}, registry=Registry())
    try:
        return next(iter(validator.iter_errors(value)), None)
    except RecursionError:
        return None
    except re.error as error:
        raise unreadable(name, f"a pattern that is not read here, {error.pattern!r}: {error}") from error
    except _NO_SCHEMA as error:
        raise malformed(name, f"a schema of it is none ({type(error).__name__}: {error})") from error
    except Unresolvable as error:
        raise NotTested(
            f"the OpenAPI document refers to {error.ref!r}, which it does not hold: mend the reference", blame="CONFIG"
        ) from error


def _leading_out(raw: Any) -> Iterator[str]:
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
