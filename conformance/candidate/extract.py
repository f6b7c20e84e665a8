"""Extraction: canonical values out of a product's answers.

"$.data.id"                     JSONPath into the parsed body (RFC 9535's common part)
"header:Location"               a response header
"body:base64" "body:text"       the body as it is
"argument:account"              the argument that was sent; "argument:fresh:20" as much of it as {fresh:20} sent
{ at = "$.amount", as = "decimal-string", default = 0, words = { theirs = "ours" }, optional = true }
{ at = "$.amount", as = "minor", absolute = true }   without its sign
{ at = "$.id", match = "[^/]+$" }                    a part: the expression's first group, or all that it matches
{ at = "$.at", as = "rfc3339", zone = "+08:00" }     a time that is given without an offset
{ at = "$.balance", among = "$[*]", where = { "$.id" = "argument:account" } }   in the one item that fits
{ … }                           an object of extractions
anything else                   stands for itself
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jsonpath_ng import parse as parse_jsonpath  # type: ignore[attr-defined]

from conformance.candidate.convert import CONVERSIONS, Context, Unconvertible, convert_in, convert_out, exponent_of
from conformance.candidate.fresh import FRESH, FRESH_MAX, FRESH_MIN
from conformance.candidate.reading_toml import Place, compile_zone
from conformance.candidate.templates import MISSING, plain
from conformance.candidate.words import word, worded
from conformance.sdk.answers import Exchange

_SOURCES = ("header:", "body:", "argument:")
_KEYS = {
    "at", "as", "default", "words", "optional", "exponent", "format", "currency", "absolute", "among", "where", "match",
    "zone",
}  # fmt: skip

#: Text longer than this is not searched by ``match``: what some expressions take grows with a power of the length.
MATCHED_MAX = 1000
#: Of a value that does not fit, this much is told.
_TOLD_MAX = 80


class Unreadable(Exception):
    """The answer does not hold what the mapping says it holds."""


class Absent(Unreadable):
    """A list in the answer does not show what was asked about: to this caller it does not exist."""


@dataclass(frozen=True, slots=True)
class Response:
    """What extractions read from. ``words`` are the product's state words, theirs to ours."""

    document: Any
    exchange: Exchange
    arguments: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""

    def within(self, document: Any) -> Response:
        """Return the same response, read from one item of a list."""
        return Response(document, self.exchange, self.arguments, self.words, self.currency)


class Query:
    """A JSONPath, compiled once; plain member paths take a short way."""

    def __init__(self, text: str) -> None:
        self.text = text
        steps = text.removeprefix("$").removeprefix(".").split(".") if text not in ("$", "") else []
        self._steps = steps if all(step.replace("_", "").replace("-", "").isalnum() for step in steps) else None
        self._compiled = None if self._steps is not None else parse_jsonpath(text)

    def all(self, document: Any) -> list[Any]:
        """Return every match."""
        if self._compiled is not None:
            return [match.value for match in self._compiled.find(document)]
        for step in self._steps or ():
            if not isinstance(document, Mapping) or step not in document:
                return []
            document = document[step]
        return [document]

    def first(self, document: Any) -> Any:
        """Return the first match, or MISSING."""
        return next(iter(self.all(document)), MISSING)


@dataclass(frozen=True, slots=True)
class Extraction:
    """One canonical value and where it stands."""

    source: str = ""
    query: Query | None = None
    members: Mapping[str, Extraction] | None = None
    constant: Any = MISSING
    conversion: str = ""
    default: Any = MISSING
    words: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False
    exponent: int | None = None
    format: str = ""
    currency: Query | None = None
    absolute: bool = False
    among: Query | None = None
    where: tuple[tuple[Query, Extraction], ...] = ()
    match: re.Pattern[str] | None = None
    zone: dt.tzinfo | None = None

    def arguments(self) -> frozenset[str]:
        """Return the arguments that are read back."""
        inner = [*(self.members or {}).values(), *(value for _, value in self.where)]
        own = {_argument(self.source)[0]} if self.source.startswith("argument:") else set[str]()
        return frozenset(own.union(*(item.arguments() for item in inner)))

    def read(self, response: Response) -> Any:
        """Return the canonical value, MISSING where it is optional and absent; raises Unreadable."""
        if self.members is not None:
            read = ((name, item.read(response)) for name, item in self.members.items())
            return {name: value for name, value in read if value is not MISSING}
        if self.constant is not MISSING:
            return self.constant
        if self.among is not None:
            response = self._item(self.among, response)
        found = self._find(response)
        if found is MISSING or found is None:
            return self._absent("null" if found is None else "missing")
        if self.match is not None and (found := self._part(self.match, found)) is MISSING:
            return MISSING if self.default is MISSING else self.default
        return self._converted(found, response)

    def _item(self, among: Query, response: Response) -> Response:
        """Return the response, read from the one item that fits; nothing is found in it where none does."""
        wanted = [(query, word(value.read(response))) for query, value in self.where]
        for item in among.all(response.document):
            found = [(query.first(item), text) for query, text in wanted]
            if all(value is not MISSING and word(value) == text for value, text in found):
                return response.within(item)
        if self.optional or self.default is not MISSING:
            return response.within(MISSING)
        told = " and ".join(f"{query.text} = {text}" for query, text in wanted)
        raise Absent(f"no item of {among.text} in the answer has {told}")

    def _find(self, response: Response) -> Any:
        if self.query:
            return self.query.first(response.document)
        kind, _, name = self.source.partition(":")
        match kind, name:
            case "header", _:
                return response.exchange.header(name) or MISSING
            case "body", "base64":
                return base64.b64encode(response.exchange.body).decode()
            case "body", _:
                return response.exchange.body.decode("utf-8", "replace")
            case _:
                argument, length = _argument(self.source)
                found = response.arguments.get(argument, MISSING)
                return found[:length] if argument == FRESH and isinstance(found, str) else found

    @property
    def _place(self) -> str:
        return self.query.text if self.query else self.source

    def _absent(self, what: str) -> Any:
        if self.default is not MISSING:
            return self.default
        if self.optional:
            return MISSING
        raise Unreadable(f"{self._place} is {what} in the answer")

    def _part(self, pattern: re.Pattern[str], value: Any) -> Any:
        """Return what ``match`` takes of a value, MISSING where that may be; raises Unreadable where it may not."""
        text = plain(value)
        found = pattern.search(text) if len(text) <= MATCHED_MAX else None
        part = found[1 if pattern.groups else 0] if found else None
        if part is not None:
            return part
        if self.optional or self.default is not MISSING:
            return MISSING
        told = text if len(text) <= _TOLD_MAX else f"{text[:_TOLD_MAX]}…"
        why = "" if len(text) <= MATCHED_MAX else f", being longer than {MATCHED_MAX} characters"
        raise Unreadable(f"{self._place}: match = {pattern.pattern!r} finds nothing in {told!r}{why}")

    def _converted(self, value: Any, response: Response) -> Any:
        words = self.words or (response.words if self.conversion == "state" else {})
        if words:
            value = words.get(word(value), value)
        if not self.conversion:
            return value
        # An argument is ours: it was sent as a UUID, and is read back as the same one.
        convert = convert_out if self.conversion == "uuid" and self.source.startswith("argument:") else convert_in
        try:
            converted = convert(self.conversion, value, self._context(response))
            return abs(converted) if self.absolute and type(converted) is int else converted
        except Unconvertible as error:
            raise Unreadable(f"{self._place}: {error}") from error

    def _context(self, response: Response) -> Context:
        exponent = self.exponent
        if exponent is None:
            named = self.currency.first(response.document) if self.currency else response.currency
            exponent = exponent_of(str(named or ""))
        return Context(exponent, self.format or Context().format, self.zone)


def _argument(source: str) -> tuple[str, int]:
    """Return the argument that a source names, and how many characters of it where it is ``fresh``."""
    name = source.removeprefix("argument:")
    bare, _, length = name.partition(":")
    return (FRESH, int(length) if length.isdecimal() else FRESH_MAX) if bare == FRESH else (name, FRESH_MAX)


def _check_argument(place: Place) -> None:
    """Note a length of ``fresh`` that no template can have sent."""
    bare, colon, length = str(place.value).removeprefix("argument:").partition(":")
    if bare == FRESH and colon and not (length.isdecimal() and FRESH_MIN <= int(length) <= FRESH_MAX):
        place.wrong(f"a length from {FRESH_MIN} to {FRESH_MAX}, such as argument:fresh:20")


def exact(extraction: Extraction | None) -> bool:
    """Tell whether reading needs decimal numbers kept exactly."""
    if extraction is None:
        return False
    inner = (extraction.members or {}).values()
    return extraction.conversion == "decimal-number" or any(exact(item) for item in inner)


def compile_query(place: Place) -> Query | None:
    """Compile a JSONPath, noting a mistake."""
    if not isinstance(place.value, str) or not place.value.startswith("$"):
        place.wrong('a JSONPath such as "$.data.id"')
        return None
    try:
        return Query(place.value)
    except Exception as error:  # noqa: BLE001  # the parser raises bare Exceptions of several kinds
        place.wrong(f"a JSONPath ({error})")
        return None


def compile_extraction(place: Place) -> Extraction:
    """Compile an extraction of any shape, noting mistakes."""
    value = place.value
    if isinstance(value, str) and value.startswith("$"):
        return Extraction(query=compile_query(place), source=value)
    if isinstance(value, str) and value.startswith(_SOURCES):
        _check_argument(place)
        return Extraction(source=value)
    if isinstance(value, Mapping) and "at" in value:
        return _compile_table(place)
    if isinstance(value, Mapping):
        return Extraction(members={item.name: compile_extraction(item) for item in place.members()})
    return Extraction(constant=value)


def compile_object(place: Place) -> Extraction:
    """Compile a whole result or list item: a table there is always an object, so a member may be called ``at``."""
    if isinstance(place.value, Mapping):
        return Extraction(members={item.name: compile_extraction(item) for item in place.members()})
    return compile_extraction(place)


def _compile_table(place: Place) -> Extraction:
    place.only(_KEYS)
    value = place.value
    conversion = place.choice("as", ["", *CONVERSIONS], "")
    words = place.table("words")
    at = compile_extraction(place.at("at"))
    among = compile_query(place.at("among")) if "among" in value else None
    return Extraction(
        source=at.source,
        query=at.query,
        conversion=conversion,
        default=value.get("default", MISSING),
        words=worded(words.value) if words else {},
        optional=place.flag("optional", False),
        exponent=value.get("exponent"),
        format=place.text("format"),
        currency=compile_query(place.at("currency")) if "currency" in value else None,
        absolute=place.flag("absolute", False),
        among=among,
        where=_compile_where(place) if among else (),
        match=_compile_match(place),
        zone=compile_zone(place, conversion),
    )


def _compile_match(place: Place) -> re.Pattern[str] | None:
    text = place.text("match")
    if not text:
        return None
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        place.at("match").wrong(f'a regular expression, such as "[^/]+$" ({error})')
        return None


def _compile_where(place: Place) -> tuple[tuple[Query, Extraction], ...]:
    """Compile what an item must hold: JSONPaths into it, and what must stand there."""
    where = place.table("where")
    if where is None or not where.value:
        place.wrong('with `where`, such as { "$.id" = "argument:account" }, beside `among`')
        return ()
    compiled = ((compile_query(replace(item, value=item.name)), compile_extraction(item)) for item in where.members())
    return tuple((query, value) for query, value in compiled if query is not None)
