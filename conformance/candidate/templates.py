"""Templates: where an operation's arguments go in a request.

"{debtor}"                      the argument itself, with its type; left out when it is not given
"acct-{debtor}"                 text with the argument in it; left out when it is not given
"{scope|user.scope}"            the first that is there; ``user.x`` is a member of the caller's [users.…]
"{fresh}"                       letters and digits that were never sent before, the same within one operation
"{fresh:20}"                    its first 20 (10 to 32), for products that take no longer text
{ from = "amount", as = "decimal-string", default = 0, words = { ours = "theirs" } }
{ from = "day", as = "time", format = "%d.%m.%Y %H:%M", zone = "+08:00" }
{ … }  [ … ]                    objects and lists of templates
anything else                   stands for itself
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from conformance.candidate.convert import CONVERSIONS, Context, convert_out, exponent_of
from conformance.candidate.fresh import FRESH, FRESH_MAX, FRESH_MIN, fresh_value
from conformance.candidate.reading_toml import Place, compile_zone
from conformance.candidate.words import word, worded


class _Missing:
    """The value of an argument that was not given."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()

#: A name, or several with "|" between them; what follows ``fresh:`` is looked at when the file is read.
_REFERENCE = re.compile(r"\{([A-Za-z_](?:[\w.|-]|(?:(?<=\{fresh)|(?<=\|fresh)):[^{}|]*)*)\}")
_KEYS = {"from", "as", "default", "words", "exponent", "format", "zone"}


@dataclass(frozen=True, slots=True)
class Values:
    """What templates are filled from.

    ``overrides`` go in as they are, without conversion; ``removed`` are left out, defaults and all.
    ``caller`` gives members of the caller's own section, ``currency`` the money's currency if it is known.
    """

    arguments: Mapping[str, Any]
    caller: Callable[[str], Any]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    currency: str = ""

    def find(self, name: str) -> Any:
        """Return the canonical value of a name, or MISSING."""
        if name == FRESH and name not in self.arguments:
            return fresh_value()
        value = self.caller(name.removeprefix("user.")) if name.startswith("user.") else self.arguments.get(name)
        return MISSING if value is None else value

    def further(self, placed: frozenset[str]) -> dict[str, Any]:
        """Return the arguments that no template placed."""
        merged = {**self.arguments, **self.overrides}
        return {
            name: value
            for name, value in merged.items()
            if name not in placed and name not in self.removed and (value is not None or name in self.overrides)
        }


class Node:
    """A compiled template."""

    def fill(self, values: Values) -> Any:
        """Return what the template makes of ``values``, or MISSING."""
        raise TypeError("a template of no kind")

    def references(self) -> tuple[Reference, ...]:
        """Return the references in it, in the order in which they stand."""
        return ()

    def names(self) -> frozenset[str]:
        """Return the arguments it places."""
        return frozenset(name for item in self.references() for name in item.alternatives)


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A value that stands for itself."""

    value: Any

    def fill(self, values: Values) -> Any:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """An argument, converted. Of ``fresh`` no more than ``length`` characters are taken."""

    alternatives: tuple[str, ...]
    conversion: str = ""
    default: Any = MISSING
    words: Mapping[str, Any] = field(default_factory=dict)
    exponent: int | None = None
    format: str = ""
    zone: dt.tzinfo | None = None
    length: int = FRESH_MAX

    def references(self) -> tuple[Reference, ...]:
        """Return itself."""
        return (self,)

    def fill(self, values: Values) -> Any:
        """Return the converted argument, its default, or MISSING."""
        for name in self.alternatives:
            if name in values.removed:
                return MISSING
            if name in values.overrides:
                return values.overrides[name]
        candidates = (self._found(name, values) for name in self.alternatives)
        found = next((value for value in candidates if value is not MISSING), self.default)
        return found if found is MISSING else self._converted(found, values)

    def _found(self, name: str, values: Values) -> Any:
        value = values.find(name)
        return value[: self.length] if name == FRESH and isinstance(value, str) else value

    def _converted(self, value: Any, values: Values) -> Any:
        if self.words:
            value = self.words.get(word(value), value)
        if not self.conversion:
            return value
        exponent = self.exponent if self.exponent is not None else exponent_of(values.currency)
        context = Context(exponent, self.format or Context().format, self.zone)
        return convert_out(self.conversion, value, context)


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text with arguments in it."""

    parts: tuple[str | Reference, ...]

    def references(self) -> tuple[Reference, ...]:
        """Return the references in it."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    def fill(self, values: Values) -> Any:
        """Return the text, or MISSING when any of its arguments is."""
        filled = [part if isinstance(part, str) else part.fill(values) for part in self.parts]
        return MISSING if MISSING in filled else "".join(plain(item) for item in filled)

    def fill_encoded(self, values: Values, encode: Callable[[str], str]) -> str:
        """Return the text with each argument encoded; a missing one leaves nothing."""
        return "".join(part if isinstance(part, str) else encode(_or_empty(part.fill(values))) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Members(Node):
    """An object; missing members are left out. ``rest`` takes every argument that is placed nowhere."""

    members: Mapping[str, Node]
    rest: bool = False

    def references(self) -> tuple[Reference, ...]:
        """Return the references in its members."""
        return tuple(item for node in self.members.values() for item in node.references())

    def home(self) -> tuple[str, ...]:
        """Return the way to the object where further arguments belong.

        It is the one marked ``*``, else the outermost that holds an argument of the operation itself: what only wraps
        the others (``params`` of JSON-RPC, ``data.attributes``) is passed through.
        """
        objects = list(self._objects())
        marked = (path for path, one in objects if one.rest)
        holding = (path for path, one in objects if one._holds_arguments())
        return next(chain(marked, holding), ())

    def takes_rest(self) -> bool:
        """Tell whether it, or an object in it, takes every argument that is placed nowhere."""
        return any(one.rest for _, one in self._objects())

    def _objects(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Members]]:
        """Give this object and those in it with the ways to them, outer ones first."""
        yield path, self
        for name, node in self.members.items():
            if isinstance(node, Members):
                yield from node._objects((*path, name))

    def _holds_arguments(self) -> bool:
        leaves = [node for node in self.members.values() if not isinstance(node, Members | Items)]
        names = {name for node in leaves for name in node.names()} - {FRESH}
        return any(not name.startswith("user.") for name in names)

    def fill(self, values: Values) -> Any:
        """Return the object."""
        filled = ((name, node.fill(values)) for name, node in self.members.items())
        return {name: value for name, value in filled if value is not MISSING}


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list; missing items are left out."""

    items: tuple[Node, ...]

    def references(self) -> tuple[Reference, ...]:
        """Return the references in its items."""
        return tuple(item for node in self.items for item in node.references())

    def fill(self, values: Values) -> Any:
        """Return the list."""
        return [value for value in (node.fill(values) for node in self.items) if value is not MISSING]


def plain(value: Any) -> str:
    """Return a value as it stands in a path, a query, a header or a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def compile_text(place: Place) -> Node:
    """Compile a piece of text with references in braces, noting mistakes in ``place``."""
    value: str = place.value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _reference(whole[1], place)
    parts: list[str | Reference] = []
    for index, piece in enumerate(_REFERENCE.split(value)):
        if index % 2:
            parts.append(_reference(piece, place))
        elif piece:
            parts.append(piece)
    return Text(tuple(parts)) if any(isinstance(part, Reference) for part in parts) else Constant(value)


def _reference(text: str, place: Place) -> Reference:
    names, length = _alternatives(text, place)
    return Reference(names, length=length)


def _alternatives(text: str, place: Place) -> tuple[tuple[str, ...], int]:
    """Return the names between "|", and how many characters of ``fresh`` are wanted."""
    names, length = [], FRESH_MAX
    for name in text.split("|"):
        bare, colon, wanted = name.partition(":")
        names.append(bare if bare == FRESH else name)
        if bare == FRESH and colon:
            length = int(wanted) if re.fullmatch("[0-9]{1,2}", wanted) else 0
            if not FRESH_MIN <= length <= FRESH_MAX:
                place.wrong(f"a length from {FRESH_MIN} to {FRESH_MAX}, such as {{fresh:20}}: shorter ones repeat")
                length = FRESH_MAX
    return tuple(names), length


def compile_path(value: str | Place) -> Text:
    """Compile a path: always text, because its arguments are percent-encoded."""
    place = value if isinstance(value, Place) else Place(value)
    value = str(place.value)
    node = compile_text(place)
    if isinstance(node, Text):
        return node
    return Text((node,)) if isinstance(node, Reference) else Text((value,))


def compile_node(place: Place) -> Node:
    """Compile a template of any shape, noting mistakes in ``place``."""
    value = place.value
    if isinstance(value, str):
        return compile_text(place)
    if isinstance(value, list):
        return Items(tuple(compile_node(item) for item in place.items()))
    if not isinstance(value, Mapping):
        return Constant(value)
    # A product's own member may be called "from"; then it holds a template, not a bare argument name.
    if isinstance(value.get("from"), str) and "{" not in value["from"]:
        return _compile_reference(place)
    return _compile_table(place)


def compile_members(place: Place) -> Members:
    """Compile a body, a query or headers: a table, or a list of argument names that go under their own name."""
    value = place.value
    if isinstance(value, list):
        names = [str(name) for name in value]
        return Members({name: Reference((name,)) for name in names if name != "*"}, "*" in names)
    if isinstance(value, Mapping):
        return _compile_table(place)
    place.wrong("a table of templates, or a list of argument names")
    return Members({})


def _compile_table(place: Place) -> Members:
    members = {item.name: compile_node(item) for item in place.members() if item.name != "*"}
    return Members(members, "*" in place.value)


def _compile_reference(place: Place) -> Reference:
    place.only(_KEYS)
    value = place.value
    conversion = str(value.get("as", ""))
    if conversion and conversion not in CONVERSIONS:
        place.at("as").wrong("one of " + ", ".join(CONVERSIONS))
        conversion = ""
    words = value.get("words", {})
    if not isinstance(words, Mapping):
        place.at("words").wrong("a table from our words to theirs")
        words = {}
    names, length = _alternatives(str(value["from"]), place.at("from"))
    return Reference(
        alternatives=names,
        conversion=conversion,
        default=value.get("default", MISSING),
        words=worded(words),
        exponent=value.get("exponent"),
        format=str(value.get("format", "")),
        zone=compile_zone(place, conversion),
        length=length,
    )


def _or_empty(value: Any) -> str:
    return "" if value is MISSING else plain(value)
