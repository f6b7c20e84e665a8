"""What to try next: the answer that an operation got, read as somebody binding a product would want it explained."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.candidate.mapping import Operation
from conformance.sdk.answers import Accepted, Answer, Broken, Exchange, Refused

#: Our words for states.
STATES = ("accepted", "pending", "confirmed", "rejected", "cancelled", "refunded")

#: Members that are money: whole numbers of minor units.
MONEY = ("amount", "available", "balance", "refunded", "balance_after")

#: What checks read of an operation's result; without it they cannot judge.
READ: Mapping[str, tuple[str, ...]] = {
    "accounts.open": ("id",),
    "accounts.balance": ("available",),
    "accounts.list": ("id",),
    "accounts.statement": ("id", "amount"),
    "payments.create": ("id", "state", "amount"),
    "payments.read": ("id", "state", "amount", "currency"),
    "payments.list": ("id",),
    "payments.refund": ("id",),
}

#: Names of members of an answer that are shown, at most.
SHOWN_MAX = 12


def hints(name: str, answer: Answer, mapped: Mapping[str, Operation]) -> tuple[str, ...]:
    """Return what to look at, most likely first; none where nothing is wrong. ``mapped`` are all operations."""
    operation = mapped.get(name)
    match answer:
        case Accepted():
            return tuple(_understood(name, answer.value, operation, _read_elsewhere(name, mapped)))
        case Refused():
            return tuple(_refused(answer, operation))
        case Broken():
            return tuple(_broken(answer, operation))


# -- understood, but rightly? ---------------------------------------------------------------------------------------


def _read_elsewhere(name: str, mapped: Mapping[str, Operation]) -> frozenset[str]:
    """Return what checks ask another operation for, where this one does not say it: a payment's amount."""
    reading = mapped.get("payments.read")
    members = reading.result.members if reading and reading.result else None
    return frozenset({"amount"} & (members or {}).keys()) if name == "payments.create" else frozenset()


def _understood(
    name: str, value: Mapping[str, Any], operation: Operation | None, elsewhere: frozenset[str]
) -> Iterator[str]:
    items = value.get("items")
    listed = isinstance(items, list)
    one = items[0] if isinstance(items, list) and items else value
    if listed and not items:
        yield "the list is empty, so nothing in it could be proven: make an account or a payment, and look again"
        return
    if not isinstance(one, Mapping):
        yield f"an item is {_kind(one)}, not an object: add `each`, which says what to read of it"
        return
    kept = {item for step in (operation.steps if operation else ()) for item in step.keep}
    yield from _missing(name, one, elsewhere | kept, "each" if listed else "result")
    yield from _money(one)
    state = one.get("state")
    if state is not None and state not in STATES:
        ours = ", ".join(STATES)
        yield f'state {str(state)!r} is none of ours ({ours}): [mapping] states = {{ {state} = "confirmed" }}'


def _missing(name: str, one: Mapping[str, Any], known: frozenset[str], key: str) -> Iterator[str]:
    for member in READ.get(name, ()):
        if member not in one and member not in known:
            there = ", ".join(list(map(str, one))[:SHOWN_MAX])
            yield f"no {member}, which checks read: add {member} to {key} (there is: {there})"


def _money(one: Mapping[str, Any]) -> Iterator[str]:
    for member in MONEY:
        found = one.get(member)
        if found is None or type(found) is int:
            continue
        if isinstance(found, str) and re.fullmatch(r"-?\d+", found):
            yield f'{member} is text of digits, {found!r}: as = "minor-string" if they are minor units'
        else:
            form = "decimal-string" if isinstance(found, str) else "decimal-number"
            yield f'{member} is {found!r}, not a whole number of minor units: as = "{form}"'


# -- refused --------------------------------------------------------------------------------------------------------


def _refused(answer: Refused, operation: Operation | None) -> Iterator[str]:
    exchange = answer.exchange
    match exchange.status:
        case 401:
            yield from _unknown_caller(exchange)
        case 403:
            yield "the credentials are known, but not allowed to do this: `caller` makes the call as another user"
        case 404:
            yield f"nothing is there: is the path right below base_url? It went to {_place(exchange)}"
            if "--data-binary" in exchange.curl:
                yield "or something that the body names is not known to the product"
        case 405:
            allowed = exchange.header("Allow")
            yield f"another method is wanted{f': {allowed}' if allowed else ''}; correct `method`"
        case 406:
            yield 'the answer is offered in another form: header = { Accept = "…" }, response = "xml" or "bytes"'
        case 415:
            sent = operation.main.format if operation else "json"
            others = " or ".join(f'"{form}"' for form in ("json", "form", "xml") if form != sent)
            yield f"the body was sent as {sent}: try format = {others}"
        case 400 | 422:
            yield "an argument is missing or of another form: compare what was sent with the product's documentation"
        case 409:
            yield "it collides with something that is there: an idempotency key or a name used before?"
        case status:
            yield f"HTTP {status} is a refusal; what it says is below"
    said = _said(exchange)
    if said:
        yield f"it says: {said}"
    if not answer.code and answer.value:
        there = ", ".join(list(map(str, answer.value))[:SHOWN_MAX])
        yield f'its error has no code where `error` looks: [mapping] error = {{ code = "$.…" }} (there is: {there})'


def _unknown_caller(exchange: Exchange) -> Iterator[str]:
    asked = exchange.header("WWW-Authenticate")
    sent = [name for name in exchange.request_headers if name.lower() in ("authorization", "cookie", "x-api-key")]
    if asked:
        scheme = asked.split()[0].lower()
        fitting = {"basic": '"basic"', "bearer": '"bearer", "oauth2" or "login"', "dpop": '"oauth2"'}.get(
            scheme, "another"
        )
        yield f"the product asks for {asked[:60]}: [auth] scheme = {fitting}"
    elif not sent:
        yield "no credentials were sent that the product knows: look at [auth] scheme and header"
    yield "is the secret that the environment variable holds right, of this environment, and not expired?"


def _said(exchange: Exchange) -> str:
    text = exchange.body[:400].decode("utf-8", "replace")
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return plain[:160]


# -- broken ---------------------------------------------------------------------------------------------------------


def _broken(answer: Broken, operation: Operation | None) -> Iterator[str]:
    exchange = answer.exchange
    match answer.kind:
        case "connection" | "timeout":
            yield f"is the product running at {_origin(exchange)}? [limits] timeout_s is how long one waits"
        case "tls":
            yield '[tls] ca = "root.pem" names the root to trust; the certificate must be of the name in base_url'
        case "redirect":
            yield f"it leads to {exchange.header('Location') or 'nowhere'}: correct base_url, or redirects = true"
        case "throttled":
            yield "lower [limits] requests_per_second_max, or raise the limit of the test environment"
        case "too-large":
            yield "[limits] response_bytes_max bounds answers; is `limit` placed in the query?"
        case "server-error":
            yield f"the product failed; if {exchange.status} is how it refuses: [mapping] refused = [{exchange.status}]"
            said = _said(exchange)
            if said:
                yield f"it says: {said}"
        case "unparseable":
            yield from _unparseable(exchange)
        case "schema":
            yield from _schema(answer, operation)


def _unparseable(exchange: Exchange) -> Iterator[str]:
    kind = exchange.header("Content-Type") or "no Content-Type"
    if "html" in kind:
        yield f"it answered a page for people ({kind}): path or base_url lead to its web interface"
    elif "xml" in kind:
        yield 'it answers XML: response = "xml"'
    else:
        yield f'it answered {kind}: content_type = "any" reads JSON all the same, response = "bytes" nothing'


def _schema(answer: Broken, operation: Operation | None) -> Iterator[str]:
    document = _document(answer.exchange)
    wanted = re.match(r"(\$\S*) is (missing|null)", answer.detail)
    if wanted:
        known = list(_paths(document))
        name = wanted[1].rpartition(".")[2]
        near = [path for path in known if path.rpartition(".")[2] == name] or difflib.get_close_matches(
            wanted[1], known, 3, 0.5
        )
        shown = near[:3] or known[:SHOWN_MAX]
        yield f"the answer has {', '.join(shown) or 'no members'}: correct the path, or optional = true"
    elif "minor units" in answer.detail:
        yield 'the amount has decimals: as = "decimal-number" or "decimal-string", `exponent` = its places'
    elif "decimal amount" in answer.detail:
        yield "more places than the currency has: is `currency` right? `exponent` = its places"
    elif operation and operation.listing and "page" in answer.detail:
        yield "look at `next`: the cursor it reads is not what the query wants back"


def _document(exchange: Exchange) -> Any:
    try:
        return json.loads(exchange.body)
    except (ValueError, RecursionError):
        return None


def _paths(node: Any, path: str = "$", depth: int = 0) -> Iterator[str]:
    if depth > 3:
        return
    if isinstance(node, Mapping):
        for name, inner in node.items():
            yield f"{path}.{name}"
            yield from _paths(inner, f"{path}.{name}", depth + 1)
    elif isinstance(node, list) and node:
        yield from _paths(node[0], f"{path}[0]", depth + 1)


def _place(exchange: Exchange) -> str:
    return re.sub(r"^https?://[^/]+", "", exchange.url).partition("?")[0] or "/"


def _origin(exchange: Exchange) -> str:
    found = re.match(r"https?://[^/]+", exchange.url)
    return found[0] if found else "base_url"


def _kind(value: Any) -> str:
    return {str: "text", int: "a number", float: "a number", list: "a list"}.get(type(value), type(value).__name__)
