"""A request with stages, and a check may change it at any of them.

operation + arguments → body (fields) → serialised bytes → authenticated → signed → on the wire

An edit names the stage it belongs to; the driver redoes the later stages, or deliberately does not (``WIRE``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from conformance.sdk.answers import Answer


class Stage(StrEnum):
    """Where in the making of a request an edit is applied."""

    FIELDS = "fields"  #: members of the body, before serialisation
    BYTES = "bytes"  #: the serialised body
    REQUEST = "request"  #: method, path, query and headers, before authentication and signing
    WIRE = "wire"  #: after signing: what was signed no longer matches


@dataclass(frozen=True, slots=True)
class Edit:
    """One change. ``kind``: set, add, remove, body, header, drop-header, method, path, query."""

    stage: Stage
    kind: str
    name: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation ready to be sent, as one user, to one endpoint, with edits. Immutable: edits return copies."""

    operation: str
    arguments: Mapping[str, Any]
    user: str | None
    endpoint: str
    perform: Callable[[Prepared], Answer]
    edits: tuple[Edit, ...] = ()
    #: Whether a check chose the user of this very request: then no mapping lends it another's credentials.
    chosen: bool = False

    def send(self) -> Answer:
        """Make the exchange and return the answer; the product's behaviour never raises."""
        return self.perform(self)

    def with_arguments(self, **arguments: Any) -> Prepared:
        """Replace arguments of the operation; everything after is redone."""
        return replace(self, arguments={**self.arguments, **arguments})

    def with_field(self, argument: str, value: Any) -> Prepared:
        """Put ``value`` as it is (no conversion) where the mapping puts ``argument``."""
        return self._edit(Stage.FIELDS, "set", argument, value)

    def with_extra_field(self, name: str, value: Any) -> Prepared:
        """Add a member that the operation does not know, to the object of the body that holds its arguments."""
        return self._edit(Stage.FIELDS, "add", name, value)

    def without_field(self, argument: str) -> Prepared:
        """Leave out what the mapping makes of ``argument``."""
        return self._edit(Stage.FIELDS, "remove", argument)

    def with_bytes(self, body: bytes) -> Prepared:
        """Replace the serialised body; it is then authenticated and signed as it is."""
        return self._edit(Stage.BYTES, "body", value=body)

    def with_header(self, name: str, value: str) -> Prepared:
        """Set a header before authentication and signing."""
        return self._edit(Stage.REQUEST, "header", name, value)

    def without_header(self, name: str) -> Prepared:
        """Leave out a header that the mapping would send."""
        return self._edit(Stage.REQUEST, "drop-header", name)

    def with_method(self, method: str) -> Prepared:
        """Use another method."""
        return self._edit(Stage.REQUEST, "method", value=method)

    def with_path(self, path: str) -> Prepared:
        """Use another path below the base URL."""
        return self._edit(Stage.REQUEST, "path", value=path)

    def with_query(self, name: str, value: str) -> Prepared:
        """Set a query parameter."""
        return self._edit(Stage.REQUEST, "query", name, value)

    def as_user(self, name: str) -> Prepared:
        """Authenticate and sign as another user."""
        return replace(self, user=name, chosen=True)

    def without_credentials(self) -> Prepared:
        """Send neither credentials nor signature."""
        return replace(self, user=None)

    def after_signing(
        self,
        *,
        body: bytes | Callable[[bytes], bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
        method: str | None = None,
        path: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Prepared:
        """Change what goes on the wire and leave credentials and signature as they were.

        ``body`` may be a function of the signed bytes; a header given as None is removed.
        """
        edits = [
            Edit(Stage.WIRE, "header" if v is not None else "drop-header", k, v) for k, v in (headers or {}).items()
        ]
        edits += [Edit(Stage.WIRE, "query", k, v) for k, v in (query or {}).items()]
        edits += [
            Edit(Stage.WIRE, kind, "", v)
            for kind, v in (("body", body), ("method", method), ("path", path))
            if v is not None
        ]
        return replace(self, edits=(*self.edits, *edits))

    def _edit(self, stage: Stage, kind: str, name: str = "", value: Any = None) -> Prepared:
        return replace(self, edits=(*self.edits, Edit(stage, kind, name, value)))
