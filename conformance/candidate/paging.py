"""Lists: their items, and the cursor of the next page, whatever the product's way of paging.

    next = "$.next"                              a cursor in the answer
    next = { last = "$.id", more = "$.has_more" } the last item's id is the cursor, while there is more
    next = { offset = 0, size = 100 }            the cursor counts items; a full page means there may be more
    next = { page = 1, size = 100 }              the cursor counts pages from 1
    next = { link = "next", parameter = "after" } a Link header (RFC 8288); without parameter the cursor is its URL

``size`` is the page size when no ``limit`` was asked for; ``total = "$.total"`` says how many items there are in all.
The request places the cursor like any argument: query = { offset = { from = "cursor", default = 0 } }.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from conformance.candidate.extract import (
    Extraction,
    Query,
    Response,
    Unreadable,
    compile_object,
    compile_query,
)
from conformance.candidate.reading_toml import Place
from conformance.candidate.templates import MISSING

_LINK = re.compile(r'<([^>]*)>\s*;[^,]*?rel="?([^",;]+)"?')


@dataclass(frozen=True, slots=True)
class Next:
    """How the next page's cursor is found; ``kind``: none, cursor, last, offset, page or link."""

    kind: str = "none"
    query: Query | None = None
    more: Query | None = None
    total: Query | None = None
    start: int = 0
    size: int = 0
    relation: str = "next"
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a list's items are, what each becomes, and how it goes on."""

    items: Query
    each: Extraction | None
    following: Next

    def read(self, response: Response) -> dict[str, Any]:
        """Return the canonical list; raises Unreadable."""
        found = self.items.all(response.document)
        if len(found) == 1 and isinstance(found[0], list) and not self.items.text.endswith("]"):
            found = found[0]
        items = [self.each.read(response.within(item)) if self.each else item for item in found]
        return {"items": items, "next": self._next(response, found)}

    def _next(self, response: Response, items: list[Any]) -> str | None:
        rule = self.following
        match rule.kind:
            case "cursor":
                return _cursor(rule.query.first(response.document) if rule.query else MISSING)
            case "last":
                more = rule.more.first(response.document) if rule.more else bool(items)
                return _cursor(rule.query.first(items[-1]) if more and items and rule.query else MISSING)
            case "offset" | "page":
                return _counted(rule, response, len(items))
            case "link":
                return _linked(rule, response)
            case _:
                return None


def _cursor(found: Any) -> str | None:
    return None if found is MISSING or found in (None, "", False) else str(found)


def _counted(rule: Next, response: Response, count: int) -> str | None:
    try:
        now = int(response.arguments.get("cursor") or rule.start)
    except (TypeError, ValueError) as error:
        raise Unreadable("the cursor of the page is not a number") from error
    size = int(response.arguments.get("limit") or rule.size or count)
    following = now + count if rule.kind == "offset" else now + 1
    if rule.total:
        total = rule.total.first(response.document)
        seen = following - rule.start if rule.kind == "offset" else (following - rule.start) * size
        return str(following) if total is not MISSING and seen < int(total) and count else None
    return str(following) if count and count >= size else None


def _linked(rule: Next, response: Response) -> str | None:
    for url, relations in _LINK.findall(response.exchange.header("Link")):
        if rule.relation in relations.split():
            values = parse_qs(urlsplit(url).query).get(rule.parameter, [])
            return (values[0] if values else None) if rule.parameter else url
    return None


def compile_listing(place: Place) -> Listing | None:
    """Compile ``items``, ``each`` and ``next`` of an operation."""
    items = compile_query(place.at("items"))
    each = compile_object(place.at("each")) if "each" in place.value else None
    following = _compile_next(place.at("next"))
    return Listing(items, each, following) if items else None


def _compile_next(place: Place) -> Next:
    value = place.value
    if value is None:
        return Next()
    if isinstance(value, str):
        return Next("cursor", compile_query(place))
    kinds = [kind for kind in ("last", "offset", "page", "link") if isinstance(value, Mapping) and kind in value]
    if len(kinds) != 1:
        place.wrong('a JSONPath, or a table with one of "last", "offset", "page", "link"')
        return Next()
    place.only({*kinds, "more", "total", "size", "parameter"})
    kind = kinds[0]
    return Next(
        kind=kind,
        query=compile_query(place.at("last")) if kind == "last" else None,
        more=compile_query(place.at("more")) if "more" in value else None,
        total=compile_query(place.at("total")) if "total" in value else None,
        start=int(value[kind]) if kind in ("offset", "page") else 0,
        size=int(value.get("size", 0)),
        relation=str(value.get("link", "next")),
        parameter=place.text("parameter"),
    )
