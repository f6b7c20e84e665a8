"""The mapping language of ``[operations]`` and ``[mapping]``: how an operation is said in a product's own API.

One operation:

    [operations."payments.create"]
    method = "POST"                    # GET when absent
    path = "/v1/charges/{payment}"     # below base_url; arguments are percent-encoded
    query = { … } | ["limit"]          # templates, see templates.py; a list puts arguments under their own name
    header = { Idempotency-Key = "{idempotency_key}" }
    body = { … } | ["debtor", "*"]     # "*": every further argument, under its own name
    format = "json"                    # json | form | xml (root = "xml" names the root element)
    auth = true                        # false: sent without credentials
    caller = "shop" | { owner = "creditor" }   # another user; or whoever owns that account in [[pool]]
    endpoint = "issuer"                # asked of this endpoint instead of base_url
    effect = "money"                   # read | write | money | destructive | disruptive
    accept = [200, 201]                # statuses that mean done; any 2xx when absent
    refused = [520]                    # further statuses that mean a refusal, besides 4xx
    error = { when = "$.status", unless = ["OK"], is = ["FAIL"], code = "$.code" }   # an error inside a 200
                                       # missing = "$.balance": an answer without it is one
    credentials = { key = "$.key" }    # accounts.open: the account has credentials of its own
    result = { id = "$.id", amount = { at = "$.amount", as = "decimal-string" } }    # see extract.py
    items = "$.data[*]"                # for lists, with `each` as `result` is for one, and `next` (paging.py)
    response = "json"                  # json | xml | bytes
    redirects = false                  # true: follow redirects that stay in scope
    until = { operation = "payments.read", with = { payment = "$.id" }, at = "$.state", is = ["confirmed"], … }
    steps = [ { … keep = { invoice = "$.bolt11" } }, { … when = "balance" }, { … } ]   # several calls make one

``false`` instead of a table says that the product does not have the operation.
``[mapping]`` holds for all: contract ("neutral" | "none"), format, header, accept, refused, error, states, currency,
content_type ("strict" | "any").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.candidate.extract import Extraction, Query, compile_extraction, compile_object, compile_query, exact
from conformance.candidate.paging import Listing, compile_listing
from conformance.candidate.reading_toml import Place
from conformance.candidate.templates import Members, Node, Reference, Text, compile_members, compile_node, compile_path
from conformance.candidate.words import all_words, worded
from conformance.model.candidate import Effect

FORMATS = ("json", "form", "xml")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_STEP_KEYS = {
    "method", "path", "query", "header", "body", "format", "root", "auth", "caller", "accept", "refused", "error",
    "response", "redirects", "content_type", "keep", "endpoint", "when",
}  # fmt: skip
_OPERATION_KEYS = _STEP_KEYS | {
    "title",
    "group",
    "effect",
    "result",
    "credentials",
    "items",
    "each",
    "next",
    "until",
    "steps",
}
MAPPING_KEYS = {
    "contract", "format", "header", "accept", "refused", "error", "states", "currency", "content_type",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """Where an error stands in an answer: its code, and what tells that a 2xx is none."""

    codes: tuple[Query, ...] = ()
    when: Query | None = None
    means: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    #: Where one of these is missing or null, a 2xx is a refusal.
    missing: tuple[Query, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One call."""

    method: str
    path: Text
    query: Members
    header: Members
    body: Node | None
    format: str = "json"
    root: str = "xml"
    auth: bool = True
    endpoint: str = ""
    caller: str = ""
    owner_of: str = ""
    accept: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    error: Hidden = field(default_factory=Hidden)
    response: str = "json"
    redirects: bool = False
    any_content_type: bool = False
    keep: Mapping[str, Extraction] = field(default_factory=dict)
    #: An argument without which, or with zero for it, this call is left out; never of the last one.
    when: str = ""
    #: Whether the path leads to a place of the user's own, such as a tenant.
    in_users_place: bool = field(init=False)

    def __post_init__(self) -> None:
        found = any(name.startswith("user.") for name in self.path.names())
        object.__setattr__(self, "in_users_place", found)

    def needed(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether this call is to be made."""
        return not self.when or bool(arguments.get(self.when))

    def names(self) -> frozenset[str]:
        """Return the arguments this call places."""
        return self.path.names() | self.names_beside_path()

    def names_beside_path(self) -> frozenset[str]:
        """Return the arguments this call places in query, headers and body."""
        return frozenset(name for part in self._beside_path() for name in part.names())

    def references(self) -> tuple[Reference, ...]:
        """Return every reference to an argument in this call."""
        return tuple(item for part in (self.path, *self._beside_path()) for item in part.references())

    def takes_all(self) -> bool:
        """Tell whether arguments that are placed nowhere else go along under their own names."""
        return any(isinstance(part, Members) and part.takes_rest() for part in self._beside_path())

    def _beside_path(self) -> tuple[Node, ...]:
        return (self.query, self.header, *((self.body,) if self.body else ()))


@dataclass(frozen=True, slots=True)
class Until:
    """Asynchronous completion: ask ``operation`` until ``at`` is one of ``means``."""

    operation: str
    arguments: Mapping[str, Extraction]
    at: Query
    means: tuple[str, ...]
    refused: tuple[str, ...] = ()
    deadline_s: float = 30.0
    every_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Operation:
    """A compiled mapping of one operation. The last step is the one that a check's edits are made to."""

    name: str
    steps: tuple[Step, ...]
    effect: Effect = Effect.WRITE
    group: str = ""
    result: Extraction | None = None
    listing: Listing | None = None
    until: Until | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    decimals: bool = False
    placed: frozenset[str] = frozenset()
    credentials: Extraction | None = None

    @property
    def main(self) -> Step:
        """Return the call that edits apply to."""
        return self.steps[-1]


def compile_operation(place: Place, defaults: Mapping[str, Any], neutral: Mapping[str, Any] | None = None) -> Operation:
    """Compile one entry of ``[operations]``; ``defaults`` is ``[mapping]``. Mistakes go to ``place.problems``.

    ``neutral`` is the same operation in the neutral contract: what it does there it does in any mapping.
    """
    known = neutral or {}
    value = place.value
    place.only(_OPERATION_KEYS)
    steps = _steps(place, defaults)
    result = compile_object(place.at("result")) if "result" in value else None
    listing = compile_listing(place) if "items" in value else None
    effect = place.choice(
        "effect", list(Effect), str(known.get("effect") or ("read" if steps[-1].method == "GET" else "write"))
    )
    return Operation(
        name=place.name,
        steps=steps,
        effect=Effect(effect),
        group=place.text("group") or str(known.get("group") or place.name.partition(".")[0]),
        result=result,
        listing=listing,
        until=_until(place),
        states=_words(defaults.get("states", {})),
        currency=str(defaults.get("currency", "")),
        decimals=exact(result) or bool(listing and exact(listing.each)),
        placed=frozenset(name for step in steps for name in step.names()),
        credentials=compile_object(place.at("credentials")) if "credentials" in value else None,
    )


def _steps(place: Place, defaults: Mapping[str, Any]) -> tuple[Step, ...]:
    if "steps" not in place.value:
        return (_step(place, defaults),)
    steps = place.at("steps")
    if not isinstance(steps.value, list) or not steps.value or not all(isinstance(s, Mapping) for s in steps.value):
        steps.wrong("a list of calls, each with method and path")
        return (_step(place, defaults),)
    for item in steps.items():
        item.only(_STEP_KEYS)
    made = tuple(_step(item, defaults) for item in steps.items())
    if made[-1].when:
        steps.wrong("a last call without `when`: it gives the result")
    return made


def _step(place: Place, defaults: Mapping[str, Any]) -> Step:
    value = place.value
    path = place.text("path")
    if not path.startswith("/") and "steps" not in value:
        place.at("path").wrong('a path that begins with "/"')
    caller, owner_of = _caller(place)
    headers = Place(
        {**defaults.get("header", {}), **value.get("header", {})}, f"{place.path}.header", "", place.problems
    )
    refused = place.numbers("refused") + tuple(defaults.get("refused", ()))
    return Step(
        method=place.choice("method", METHODS, "GET"),
        path=compile_path(Place(path, f"{place.path}.path", "path", place.problems)),
        query=compile_members(place.at("query")) if "query" in value else Members({}),
        header=compile_members(headers),
        body=_body(place),
        format=place.choice("format", FORMATS, str(defaults.get("format", "json"))),
        root=place.text("root", "xml"),
        auth=place.flag("auth", True),
        endpoint=place.text("endpoint"),
        caller=caller,
        owner_of=owner_of,
        accept=place.numbers("accept") or tuple(defaults.get("accept", ())),
        refused=refused,
        error=_hidden(place, defaults),
        response=place.choice("response", ("json", "xml", "bytes"), "json"),
        redirects=place.flag("redirects", False),
        any_content_type=place.text("content_type", str(defaults.get("content_type", "strict"))) == "any",
        when=place.text("when"),
        keep={item.name: compile_extraction(item) for item in keep.members()} if (keep := place.table("keep")) else {},
    )


def _body(place: Place) -> Node | None:
    body = place.at("body")
    if body.value is None:
        return None
    plain_list = isinstance(body.value, list) and all(isinstance(item, str) and "{" not in item for item in body.value)
    return compile_members(body) if plain_list or isinstance(body.value, Mapping) else compile_node(body)


def _caller(place: Place) -> tuple[str, str]:
    caller = place.at("caller")
    if isinstance(caller.value, Mapping) and isinstance(caller.value.get("owner"), str):
        return "", caller.value["owner"]
    if caller.value is not None and not isinstance(caller.value, str):
        caller.wrong('a user, or { owner = "an argument that is an account" }')
    return place.text("caller") if isinstance(caller.value, str) else "", ""


def _hidden(place: Place, defaults: Mapping[str, Any]) -> Hidden:
    own = place.table("error")
    if own is None:
        inherited = defaults.get("error")
        if not isinstance(inherited, Mapping):
            return Hidden((Query("$.code"),))
        own = Place(inherited, "$.mapping.error", "error", place.problems)
    own.only({"code", "when", "is", "unless", "missing"})
    return Hidden(
        codes=_queries(own, "code", "$.code"),
        when=compile_query(own.at("when")) if "when" in own.value else None,
        means=all_words(own.value.get("is", ())),
        unless=all_words(own.value.get("unless", ())),
        # What is no document has no members to miss.
        missing=_queries(own, "missing", []) if place.value.get("response") != "bytes" else (),
    )


def _queries(place: Place, key: str, default: Any) -> tuple[Query, ...]:
    """Return a member that is a JSONPath, or a list of them."""
    value = place.value.get(key, default)
    paths = Place(value if isinstance(value, list) else [value], f"{place.path}.{key}", key, place.problems)
    return tuple(query for item in paths.items() if (query := compile_query(item)))


def _until(place: Place) -> Until | None:
    until = place.table("until")
    if until is None:
        return None
    until.only({"operation", "with", "at", "is", "refused", "deadline_s", "every_ms"})
    at = compile_query(until.at("at"))
    arguments = until.table("with")
    means = all_words(until.value.get("is", ()))
    if not means:
        until.at("is").wrong('the states that end the waiting, such as ["confirmed", "rejected"]')
    if at is None:
        return None
    return Until(
        operation=until.text("operation") or place.name,
        arguments={item.name: compile_extraction(item) for item in arguments.members()} if arguments else {},
        at=at,
        means=means,
        refused=all_words(until.value.get("refused", ())),
        deadline_s=float(until.value.get("deadline_s", 30)),
        every_s=float(until.value.get("every_ms", 100)) / 1000,
    )


def _words(value: Any) -> dict[str, str]:
    return {theirs: str(ours) for theirs, ours in worded(value).items()} if isinstance(value, Mapping) else {}
