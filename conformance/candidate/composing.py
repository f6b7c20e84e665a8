"""Composing: an operation's arguments, and a check's edits to them, become a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.candidate.draft import CONTENT_TYPES, Draft, serialise
from conformance.candidate.mapping import Operation, Step
from conformance.candidate.templates import MISSING, Members, Values, plain
from conformance.sdk.prepared import Edit


def compose(
    operation: Operation,
    step: Step,
    base: str,
    arguments: Mapping[str, Any],
    fields: Iterable[Edit],
    member: Callable[[str], Any],
    place: Callable[[str], Any],
    *,
    main: bool,
) -> Draft:
    """Return the draft of one call.

    ``fields`` are the edits made to arguments; ``member`` reads ``user.…``, and ``place`` does so in the path.
    """
    edits = tuple(fields)
    values = Values(
        arguments=arguments,
        caller=member,
        overrides={edit.name: edit.value for edit in edits if edit.kind == "set"},
        removed=frozenset(edit.name for edit in edits if edit.kind == "remove"),
        currency=str(arguments.get("currency") or operation.currency),
    )
    named = values if place is member else replace(values, caller=place)
    draft = Draft(step.method, base, step.path.fill_encoded(named, _encoded))
    _follow_link(draft, operation, arguments)
    draft.query += _query(operation, step, values)
    for name, value in step.header.fill(values).items():
        draft.set_header(name, plain(value))
    added = {edit.name: edit.value for edit in edits if edit.kind == "add"} if main else {}
    _write_body(draft, step, _body(operation, step, values, added, main=main))
    return draft


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _query(operation: Operation, step: Step, values: Values) -> list[tuple[str, str]]:
    filled: dict[str, Any] = step.query.fill(values)
    if step.query.rest:
        filled |= values.further(operation.placed)
    elif step.body is None and step.method in ("GET", "HEAD", "DELETE"):
        filled |= _stray(operation, values)
    return [
        (name, plain(item))
        for name, value in filled.items()
        for item in (value if isinstance(value, list) else [value])
    ]


def _body(operation: Operation, step: Step, values: Values, added: Mapping[str, Any], *, main: bool) -> Any:
    filled = step.body.fill(values) if step.body else MISSING
    extra = dict(added)
    members = step.body if isinstance(step.body, Members) else None
    if members and members.takes_rest():
        extra = values.further(operation.placed) | extra
    elif main and step.method not in ("GET", "HEAD", "DELETE"):
        extra = _stray(operation, values) | extra
    if extra and (filled is MISSING or isinstance(filled, dict)):
        return _with_members(filled if isinstance(filled, dict) else {}, members.home() if members else (), extra)
    return filled


def _with_members(filled: Mapping[str, Any], home: tuple[str, ...], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with further members in the object at ``home``: beside the arguments a product looks at."""
    if not home:
        return {**filled, **extra}
    inner = filled.get(home[0])
    return {**filled, home[0]: _with_members(inner if isinstance(inner, Mapping) else {}, home[1:], extra)}


def _stray(operation: Operation, values: Values) -> dict[str, Any]:
    """Return what a check set deliberately although the mapping places it nowhere."""
    return {name: value for name, value in values.overrides.items() if name not in operation.placed}


def _write_body(draft: Draft, step: Step, body: Any) -> None:
    if body is MISSING:
        return
    draft.body = serialise(body, step.format, step.root)
    if not draft.header("Content-Type"):
        draft.set_header("Content-Type", CONTENT_TYPES[step.format])


def _follow_link(draft: Draft, operation: Operation, arguments: Mapping[str, Any]) -> None:
    """Where the cursor is the next page's own address, go there."""
    rule = operation.listing.following if operation.listing else None
    cursor = arguments.get("cursor")
    if rule and rule.kind == "link" and not rule.parameter and isinstance(cursor, str) and cursor:
        draft.path = cursor
