"""Requests that Schemathesis draws from the document; sending them is the session's business alone.

Schemathesis is optional: ``pip install 'fintech-conformance[openapi]'``. Nothing of it touches the network here.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from conformance.sdk import Candidate, NotTested, Prepared
from conformance_security.openapi.document import Document, Endpoint
from conformance_security.openapi.references import without_outward
from conformance_security.openapi.remembered import as_bytes, as_text, cache, key_of, remembered
from conformance_security.openapi.wellformed import malformed, unreadable

INSTALL = "pip install 'fintech-conformance[openapi]'"
#: What a schema may say that text can break; without any of it the search for a violation is long and in vain.
_CONSTRAINTS = {"pattern", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "required"}
#: Violations that a product need not notice: a format is an annotation, unknown query parameters are ignored.
_UNBINDING = {"format"}
_BINDING_IN_BODY_ALONE = {"additionalProperties", "unevaluatedProperties"}
#: How Schemathesis ends over a mistake that it does not look for.
_STUMBLES = (AttributeError, LookupError, TypeError, ValueError, RecursionError, re.error)


@dataclass(frozen=True, slots=True)
class Case:
    """One drawn request. ``breaks`` says what of the schema it violates, "" nothing; ``where``: path, query, …"""

    endpoint: Endpoint
    breaks: str
    where: frozenset[str]
    path_values: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def request(self, candidate: Candidate, document: Document, known: Mapping[str, str]) -> Prepared:
        """Return the request, with known values in the path where that is not what the case violates."""
        path = self.endpoint.path
        for name, place in zip(self.endpoint.variables, self.endpoint.places(), strict=True):
            drawn = self.path_values.get(name, "0")
            value = drawn if "path" in self.where else quote(known.get(place, drawn), safe="%")
            path = path.replace(f"{{{name}}}", value, 1)
        text = f"?{urlencode(self.query)}" if self.query else ""
        headers = dict(self.headers)
        if self.body:
            headers["Content-Type"] = self.endpoint.media
        return candidate.request(
            self.endpoint.method, f"{document.prefix}{path}{text}", headers=headers, body=self.body
        )


def is_installed() -> bool:
    """Tell whether requests can be drawn."""
    return importlib.util.find_spec("schemathesis") is not None


def require_schemathesis() -> None:
    """Raise NotTested with the command that installs it."""
    if not is_installed():
        raise NotTested(f"Schemathesis is not installed, so no requests are drawn: {INSTALL}", blame="CONFIG")


def violating(document: Document, endpoints: Iterable[Endpoint], each: int, seed: int) -> tuple[Case, ...]:
    """Return up to ``each`` requests per endpoint that violate the document in a way a product must notice."""
    names = tuple(item.name for item in endpoints if _can_be_broken(document, item))
    return _drawn(_Source(document), names, each, seed, True)


def fitting(document: Document, endpoints: Iterable[Endpoint], each: int, seed: int) -> tuple[Case, ...]:
    """Return up to ``each`` requests per endpoint that the document allows."""
    return _drawn(_Source(document), tuple(item.name for item in endpoints), each, seed, False)


@dataclass(frozen=True, slots=True)
class _Source:
    """A document that is its digest, so that the same draw is not made twice in one process."""

    document: Document

    def __hash__(self) -> int:
        return hash(self.document.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self.document.digest == other.document.digest


@functools.lru_cache(maxsize=16)
def _drawn(source: _Source, names: tuple[str, ...], each: int, seed: int, broken: bool) -> tuple[Case, ...]:
    require_schemathesis()
    wanted = {item.name: item for item in source.document.endpoints if item.name in names}
    key = key_of(source.document.raw, sorted(names), each, seed, broken)
    return remembered(key, lambda: _fresh(source, wanted, each, seed, broken), _plain, lambda kept: _read(kept, wanted))


def _fresh(source: _Source, wanted: Mapping[str, Endpoint], each: int, seed: int, broken: bool) -> tuple[Case, ...]:
    _keep_to_our_cache()
    with _mistakes_named(source.document.name):
        drawn = [
            (endpoint, request)
            for operation, endpoint in _operations(source.document, wanted)
            for request in _requests(operation, 3 * each if broken else each, seed, broken)
        ]
    cases: dict[str, list[Case]] = {name: [] for name in wanted}
    for endpoint, request in drawn:
        kept = cases[endpoint.name]
        case = _case(request, endpoint, broken) if len(kept) < each else None
        if case is not None and case not in kept:
            kept.append(case)
    return tuple(case for kept in cases.values() for case in kept)


@contextmanager
def _mistakes_named(name: str) -> Iterator[None]:
    """Raise Inconclusive for what Schemathesis cannot read: a mistake in the document, or more than it can draw.

    It has errors of its own for most mistakes and stumbles over the others. Nothing of ours runs in between, but for
    copying the document.
    """
    from hypothesis.errors import HypothesisException
    from schemathesis.core.errors import InvalidSchema, LoaderError, SchemathesisError

    try:
        yield
    except (SchemathesisError, HypothesisException, *_STUMBLES) as error:
        limit = any(word in type(error).__name__ for word in ("Unsupported", "Regex"))
        if isinstance(error, InvalidSchema | LoaderError) and not limit:
            raise malformed(name, str(error)) from error
        raise unreadable(name, f"no requests can be drawn ({type(error).__name__}: {error})") from error


def _operations(document: Document, wanted: Mapping[str, Endpoint]) -> Iterator[tuple[Any, Endpoint]]:
    """Give the wanted operations as Schemathesis has them; raises its error for a path that it cannot read."""
    import schemathesis

    paths = {item.path for item in document.endpoints}  # the others are left out, whatever is wrong with them
    schema = schemathesis.openapi.from_dict(_without_security(document.raw))
    for result in schema.get_all_operations():
        either: Any = result
        if hasattr(either, "err"):
            error = either.err()
            if not error.path or error.path in paths:
                raise error
            continue
        operation = either.ok()
        endpoint = wanted.get(f"{operation.method.upper()} {operation.path}")
        if endpoint is not None:
            yield operation, endpoint


def _plain(case: Case) -> dict[str, Any]:
    """Return a case as JSON can hold it."""
    return {
        "endpoint": case.endpoint.name,
        "breaks": case.breaks,
        "where": sorted(case.where),
        "path": dict(case.path_values),
        "query": case.query,
        "headers": case.headers,
        "body": as_text(case.body),
    }


def _read(kept: Mapping[str, Any], wanted: Mapping[str, Endpoint]) -> Case:
    """Return the case that :func:`_plain` wrote; raises KeyError, TypeError or ValueError for anything else."""
    return Case(
        endpoint=wanted[kept["endpoint"]],
        breaks=str(kept["breaks"]),
        where=frozenset(kept["where"]),
        path_values=dict(kept["path"]),
        query=tuple((name, value) for name, value in kept["query"]),
        headers=tuple((name, value) for name, value in kept["headers"]),
        body=as_bytes(kept["body"]),
    )


def _keep_to_our_cache() -> None:
    """Let Hypothesis keep its tables of characters in our cache, not in whatever directory a run is started from."""
    from hypothesis.configuration import set_hypothesis_home_dir

    if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
        set_hypothesis_home_dir(cache() / "hypothesis")


def _requests(operation: Any, most: int, seed: int, broken: bool) -> list[Any]:
    """Return up to so many requests for an operation, as Schemathesis draws them."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode

    drawn: list[Any] = []
    mode = GenerationMode.NEGATIVE if broken else GenerationMode.POSITIVE

    @seeded(seed)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def draw(request: Any) -> None:
        drawn.append(request)

    try:
        draw()
    except Unsatisfiable:
        return drawn  # an operation without parameters cannot be violated
    return drawn


def _can_be_broken(document: Document, endpoint: Endpoint) -> bool:
    """Tell whether the document says anything about an endpoint's requests that one could violate."""
    if any(
        _constrained(document, parameter.get("schema", {}))
        or (parameter.get("required") and parameter.get("in") != "path")
        for parameter in endpoint.parameters
    ):
        return True
    if "json" in endpoint.media:
        return True
    schema = document.resolved(endpoint.body)
    if not isinstance(schema, Mapping):
        return False
    members = schema.get("properties", {})
    return bool(schema.get("required")) or any(
        _constrained(document, member) for member in (members.values() if isinstance(members, Mapping) else ())
    )


def _constrained(document: Document, node: Any) -> bool:
    schema = document.resolved(node)
    return isinstance(schema, Mapping) and (
        bool(_CONSTRAINTS & set(schema)) or schema.get("type") in ("integer", "number", "boolean")
    )


def _case(drawn: Any, endpoint: Endpoint, broken: bool) -> Case | None:
    """Return a drawn request as ours, or None for one that is of no use here."""
    breaks, where = _violation(drawn) if broken else ("", frozenset())
    body = _body(drawn, endpoint)
    if body is None or (broken and not where):
        return None
    return Case(
        endpoint=endpoint,
        breaks=breaks,
        where=where,
        path_values={name: str(value) for name, value in (drawn.path_parameters or {}).items()},
        query=tuple((str(name), _text(value)) for name, value in (drawn.query or {}).items()),
        headers=tuple((name, value) for name, value in (drawn.headers or {}).items() if _sendable(name, value)),
        body=body,
    )


def _violation(drawn: Any) -> tuple[str, frozenset[str]]:
    """Return what a request violates, and in which places that a product must look at."""
    data = drawn.meta.phase.data
    where = set()
    for mutation in data.mutations:
        place = mutation.parameter_location.value if mutation.parameter_location else "body"
        keywords = set(mutation.keywords) - _UNBINDING
        if place != "body":
            keywords -= _BINDING_IN_BODY_ALONE
        if keywords or (place == "body" and not mutation.keywords):
            where.add(str(place))
    return " ".join(str(data.description).split())[:200], frozenset(where)


def _body(drawn: Any, endpoint: Endpoint) -> bytes | None:
    """Return the bytes of a drawn body, or None for a media type that is not written here."""
    body = drawn.body
    if type(body).__name__ == "NotSet":
        return b""
    if isinstance(body, bytes):
        return body
    if "json" in endpoint.media:
        return json.dumps(body, separators=(",", ":")).encode("ascii")
    if endpoint.media == "application/x-www-form-urlencoded" and isinstance(body, Mapping):
        return urlencode([(str(name), _text(value)) for name, value in body.items()], errors="replace").encode("ascii")
    return None


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else json.dumps(value)


def _sendable(name: str, value: Any) -> bool:
    return isinstance(value, str) and name.isascii() and name.replace("-", "").isalnum() and value.isprintable()


def _without_security(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without its security: credentials are ours to give, not Schemathesis' to vary."""
    bare: dict[str, Any] = without_outward(raw)
    bare.pop("security", None)
    bare.get("components", {}).pop("securitySchemes", None)
    for item in bare["paths"].values():
        for operation in item.values() if isinstance(item, dict) else ():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return bare
