"""From a pair of endpoint and operation to the entry under ``[operations]``: arguments placed, results read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.contract.neutral import neutral_operations
from conformance.openapi.document import Document, Parameter
from conformance.openapi.matching import CERTAIN, Match
from conformance.openapi.members import Member, enum_of, example_of, kind_of, members, merged, tokens
from conformance.openapi.money import currency_form, money_form
from conformance.openapi.names import CLIENT_NUMBERS, argument_for, name_of, names_for, party_of, without_suffix
from conformance.openapi.reading import Words, errors_inside, read_answer
from conformance.openapi.toml_out import Line, Section
from conformance.openapi.vocabulary import MONEY, NOUNS, TENANTS

#: Members that stand in for the reader: what must be sent and nobody can know.
_SAMPLES = {"date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z", "uuid": "00000000-0000-4000-8000-000000000000"}
_STANDARD_HEADERS = {"authorization", "accept", "content-type", "content-length", "host", "user-agent", "cookie"}
_OWN_ID = {
    "accounts": "account", "payments": "payment", "consents": "consent", "factor": "factor", "orders": "order",
    "paycodes": "paycode", "codes": "code", "bills": "day",
}  # fmt: skip
#: What stands in a list is taken only where nothing outside is called so.
_LISTED = 100
_CALLERS = {"username", "password", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope"}


@dataclass(slots=True)
class Shaped:
    """What is known of one operation: sections to write, and what the whole file learns from it."""

    operation: str
    sections: list[Section] = field(default_factory=list)
    words: Words = field(default_factory=Words)
    user_members: set[str] = field(default_factory=set)
    placed: dict[str, str] = field(default_factory=dict)
    account_word: str = ""
    #: Members that must be sent and that nothing is known of.
    unknown: list[str] = field(default_factory=list)


def arguments_of(operation: str) -> list[str]:
    """Return the arguments of an operation of the neutral contract, as its neutral form places them."""
    entry = neutral_operations().get(operation, {})
    found = re.findall(r"\{([a-z_]+)", f"{entry.get('path', '')} {entry.get('header', {})}")
    for part in (entry.get("query"), entry.get("body")):
        found += [str(name) for name in part or () if name != "*"]
    return list(dict.fromkeys(name for name in found if name != "user"))


def shape(document: Document, pair: Match, account: str = "", reference: str = "") -> Shaped:
    """Return the proposed entry of one pair.

    ``account`` is what the product calls an account, ``reference`` the member that takes the reference of a payment.
    """
    made = Shaped(pair.operation, account_word=account)
    made.words.reference = reference
    base = Section(f'operations."{pair.operation}"', comments=_above(pair))
    made.sections.append(base)
    endpoint = pair.endpoint
    if endpoint.method != "GET":
        base.lines.append(Line("method", endpoint.method))
    left = arguments_of(pair.operation)
    base.lines.append(Line("path", _path(made, pair, left)))
    _parameters(made, base, pair, left)
    if endpoint.security == () and document.security:
        base.lines.append(Line("auth", False, "the document asks for no credentials here"))
    _body(document, made, base, pair, left)
    if "reference" in made.placed:
        made.words.reference = name_of(Member((made.placed["reference"].rpartition(".")[2],), {}))
    if "xml" in endpoint.answer_content:
        base.lines.append(Line("response", "xml"))
    elif endpoint.answer_content and "json" not in endpoint.answer_content and pair.operation == "codes.image":
        base.lines += [Line("response", "bytes"), Line("result", {"png": "body:base64"})]
    else:
        made.sections += read_answer(document, pair, made.words, base)
    hidden = errors_inside(document, endpoint)
    if hidden:
        base.lines.append(hidden)
    _unplaced(base, made, pair, left)
    return made


def heading(pair: Match) -> str:
    """Return the line above an entry: which endpoint it is, and how sure that is."""
    doubt = "" if pair.confidence >= CERTAIN else "  ? look at this one"
    return f"{pair.operation} ← {pair.endpoint.title}, confidence {pair.confidence:.2f}{doubt}"


def _above(pair: Match) -> list[str]:
    return [
        heading(pair),
        *([f"  {pair.endpoint.summary}"] if pair.endpoint.summary else []),
        "  because " + "; ".join(dict.fromkeys(pair.reasons)),
    ]


# -- path, query, headers -------------------------------------------------------------------------------------------


def _path(made: Shaped, pair: Match, left: list[str]) -> str:
    names = re.findall(r"\{([^{}]+)\}", pair.endpoint.path)
    path = pair.endpoint.path
    for index, name in enumerate(names):
        argument = path_argument(pair, name, left, last=index == len(names) - 1)
        if argument.startswith("user."):
            made.user_members.add(argument.removeprefix("user."))
        elif argument in left:
            left.remove(argument)
        made.placed[argument] = name
        path = path.replace("{" + name + "}", "{" + argument + "}")
    return path if path.startswith("/") else f"/{path}"


def path_argument(pair: Match, name: str, left: list[str], *, last: bool) -> str:
    """Return the argument, or the member of the caller's section, that a parameter of a path stands for."""
    group = pair.operation.partition(".")[0]
    words = tokens(name)
    if words and words[0] in TENANTS and not (last and pair.endpoint.path.endswith("}")):
        return "user." + _identifier(name)
    own = _OWN_ID.get(group, "")
    if last and own in left:
        return own
    if set(words) & set(NOUNS["account"]):
        return next((item for item in ("account", "debtor") if item in left), "user." + _identifier(name))
    return next((item for item in left if item in words), "user." + _identifier(name))


def _identifier(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name_of(Member((name,), {}))).strip("_") or "id"
    return re.sub(r"_id$", "", plain) or plain


def _parameters(made: Shaped, base: Section, pair: Match, left: list[str]) -> None:
    for place, key in (("query", "query"), ("header", "header")):
        placed: dict[str, Any] = {}
        said: list[str] = []
        for item in pair.endpoint.placed(place):
            if place == "header" and item.name.lower() in _STANDARD_HEADERS:
                continue
            value, why = _parameter_value(made, pair, item, left)
            if value is not None:
                placed[item.name] = value
                said += [why] if why else []
            elif item.required:
                made.unknown.append(item.name)
                said.append(f"? {item.name} is required and not understood: add it")
        if placed or said:
            base.lines.append(Line(key, placed, "\n".join(said)))


def _parameter_value(made: Shaped, pair: Match, item: Parameter, left: list[str]) -> tuple[Any, str]:
    argument = argument_for(Member((item.name,), item.schema, item.required), left, pair.operation)
    if argument == "cursor":
        left.remove("cursor")
        made.words.cursor = item.name
        start = example_of(item.schema)
        counted = kind_of(item.schema) == "integer"
        default = start if isinstance(start, int) else 1 if "page" in item.name.lower() else 0
        return ({"from": "cursor", "default": default} if counted else "{cursor}"), ""
    if argument == "limit":
        made.words.limit = item.name
    if argument:
        left.remove(argument)
        made.placed[argument] = item.name
        return f"{{{argument}}}", ""
    if not item.required:
        return None, ""
    fixed = _fixed(item.schema)
    return fixed, (f"{item.name} is required; {fixed!r} is only an example" if fixed is not None else "")


def _fixed(schema: Mapping[str, Any]) -> Any:
    shown = example_of(schema)
    if isinstance(shown, str | int | float | bool):
        return shown
    words = enum_of(schema)
    if words:
        return words[0]
    if kind_of(schema) == "boolean":
        return False
    return _SAMPLES.get(str(schema.get("format") or ""))


# -- body -----------------------------------------------------------------------------------------------------------


def _body(document: Document, made: Shaped, base: Section, pair: Match, left: list[str]) -> None:
    endpoint = pair.endpoint
    if endpoint.body is None:
        return
    form = next((word for word in ("json", "form", "xml") if word in endpoint.content), "")
    if form in ("form", "xml"):
        base.lines.append(Line("format", form))
    if not form:
        base.comments.append(f"  its body is {endpoint.content}, which a mapping cannot write")
        return
    section = Section(f'operations."{pair.operation}".body')
    tree: dict[str, Any] = {}
    said: dict[str, list[str]] = {}
    _place(document, made, pair, left, tree, said)
    for name, value in tree.items():
        section.lines.append(Line(name, value, "\n".join(said.get(name, ()))))
    section.lines += [Line(name, "", "\n".join(why), asked=True) for name, why in said.items() if name not in tree]
    if section.lines:
        made.sections.append(section)


def _place(
    document: Document, made: Shaped, pair: Match, left: list[str], tree: dict[str, Any], said: dict[str, list[str]]
) -> None:
    found = members(document, pair.endpoint.body)
    used: dict[str, tuple[int, Member]] = {}
    for argument in list(left):
        best = _best(argument, left, found, made)
        if best is not None:
            used[argument] = best
    _beside_amount(used, found)
    for argument, (_, item) in sorted(used.items(), key=lambda one: one[1][0]):
        left.remove(argument)
        made.placed[argument] = ".".join(item.path)
        value, why = _template(document, made, pair, argument, item, found)
        _set(tree, item.path, value)
        if why:
            said.setdefault(item.path[0], []).append(why)
    taken = {item.path for _, item in used.values()}
    for item in found:
        if not item.required or not _sent(item, taken) or any(_begins(path, item.path) for path in taken):
            continue
        if name_of(item) in CLIENT_NUMBERS and item.kind in ("string", ""):
            _set(tree, item.path, "{idempotency_key|fresh}")
            said.setdefault(item.path[0], []).append(_numbered(item))
        else:
            _required(made, tree, said, item)


def _begins(path: tuple[str, ...], start: tuple[str, ...]) -> bool:
    return path[: len(start)] == start


def _sent(item: Member, taken: set[tuple[str, ...]]) -> bool:
    """Tell whether a member is sent: those of a list's items are where an argument went into the list."""
    if "[]" not in item.path:
        return True
    start = item.path[: item.path.index("[]") + 1]
    return item.path[-1] != "[]" and any(_begins(path, start) for path in taken)


def _reachable(path: tuple[str, ...]) -> bool:
    """Tell whether a member can be sent: in a list only where the list is one of payments, as purchase_units are."""
    if "[]" not in path:
        return True
    words = tokens(path[path.index("[]") - 1])
    return path.count("[]") == 1 and bool(words) and words[-1] in {*NOUNS["payment"], "unit", "instruction"}


def _beside_amount(used: dict[str, tuple[int, Member]], found: list[Member]) -> None:
    """Let the currency be that beside the amount: an account has a currency of its own."""
    if "amount" not in used or "currency" not in used:
        return
    place = used["amount"][1].path[:-1]
    for index, item in enumerate(found):
        if item.path[:-1] == place and argument_for(item, ["currency"]) and _fits("currency", item):
            used["currency"] = (index, item)
            return


def _best(argument: str, left: list[str], found: list[Member], made: Shaped) -> tuple[int, Member] | None:
    """Return the member for an argument: that by the surest name, nearest to the top."""
    known = names_for(argument, made.operation)
    ranked = []
    for index, item in enumerate(found):
        if item.path[-1] == "[]" or not _reachable(item.path) or not _fits(argument, item):
            continue
        if party_of(item.path, argument):
            ranked.append((3 + _LISTED * item.path.count("[]"), index, item))
        elif argument_for(item, left, made.operation) == argument and not _another_party(item, argument):
            name = name_of(item)
            plain = without_suffix(name)
            form = next(one for one in (name, plain, re.sub(r"^x_", "", name)) if one in known)
            first = -1 if argument == "debtor" and made.account_word in (form, plain) else known.index(form)
            ranked.append((first + 3 * (len(item.path) - 1) + _LISTED * item.path.count("[]"), index, item))
    if not ranked:
        return None
    _, index, item = min(ranked, key=lambda one: one[:2])
    return index, item


def _another_party(item: Member, argument: str) -> bool:
    """Tell whether a member belongs to the other side: creditor.account is no debtor."""
    return any(party_of(item.path, other) for other in ("debtor", "creditor") if other != argument)


def _fits(argument: str, item: Member) -> bool:
    kind = item.kind
    if argument in MONEY:
        return kind in ("integer", "number", "string", "")
    if argument == "creditor" and kind == "array":
        return kind_of(item.schema.get("items") or {}) != "object"
    return kind not in ("object", "array", "boolean") or argument == "permissions"


def _template(
    document: Document, made: Shaped, pair: Match, argument: str, item: Member, found: list[Member]
) -> tuple[Any, str]:
    if argument in MONEY:
        form = money_form(item, f"{pair.endpoint.summary} {pair.endpoint.description} {unit_of(found)}")
        made.words.saw_money(form)
        value: dict[str, Any] = {"from": argument, "as": form.conversion}
        if form.exponent is not None:
            value["exponent"] = form.exponent
        return value, form.said
    if argument == "currency":
        form = currency_form(item)
        made.words.saw_currency(item)
        return ({"from": argument, "as": form.conversion} if form.conversion else f"{{{argument}}}"), ""
    if item.kind == "array" and argument != "permissions":
        return [_typed(argument, merged(document, item.schema.get("items")))], f"a list, with the {argument} in it"
    if argument in _CALLERS:
        return f"{{{argument}|user.{argument}}}", "the caller's own, from [users.…]"
    if argument == "idempotency_key" and name_of(item) in CLIENT_NUMBERS:
        return ("{idempotency_key|fresh}" if item.required else "{idempotency_key}"), _numbered(item)
    return _typed(argument, item.schema), "" if name_of(item) == argument else f"{item.name} is the {argument}"


def _numbered(item: Member) -> str:
    longest = item.schema.get("maxLength")
    room = f", {longest} characters at most" if isinstance(longest, int) else ""
    return f"{item.name} is the client's own number, as the idempotency_key is{room}"


def unit_of(found: list[Member]) -> str:
    """Return the default of a member that names the unit of money, if there is one."""
    unit = next((item for item in found if name_of(item) in ("unit", "currency", "asset")), None)
    shown = example_of(unit.schema) if unit else None
    return f"in {shown}" if isinstance(shown, str) else ""


def _typed(argument: str, schema: Mapping[str, Any]) -> Any:
    """Ids are text to us; a product that wants a number gets one."""
    if kind_of(schema) == "integer" and argument in ("debtor", "creditor", "account", "payment", "owner", "order"):
        return {"from": argument, "as": "integer"}
    return f"{{{argument}}}"


def _required(made: Shaped, tree: dict[str, Any], said: dict[str, list[str]], item: Member) -> None:
    if item.kind == "object":
        return
    fixed = _fixed(item.schema)
    why = said.setdefault(item.path[0], [])
    if fixed is None:
        made.unknown.append(".".join(item.path))
        why.append(f"? {'.'.join(item.path)} is required ({item.kind or 'any'}) and not understood: fill it in")
    else:
        _set(tree, item.path, fixed)
        why.append(f"{'.'.join(item.path)} is required; {fixed!r} is only an example")


def _set(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for index, part in enumerate(path[:-1]):
        if part == "[]":
            continue
        inner = tree.setdefault(part, [{}] if path[index + 1] == "[]" else {})
        inner = inner[0] if isinstance(inner, list) else inner
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.setdefault(path[-1], value)


def _unplaced(base: Section, made: Shaped, pair: Match, left: list[str]) -> None:
    """Say which arguments go nowhere: a check that needs one must know."""
    lost = [name for name in left if name not in ("consent", "factor", "cursor", "limit", "expires_in", "balance")]
    if "debtor" in lost and pair.operation == "payments.create":
        owner = Line(
            "caller", {"owner": "debtor"}, "if each account has credentials of its own: see [[pool]]", off=True
        )
        base.lines.append(owner)
    if "account" in lost and pair.operation.startswith("accounts."):
        base.lines.append(Line("caller", {"owner": "account"}, "nothing names the account: its owner's credentials do"))
        lost.remove("account")
    if lost:
        base.comments.append(f"  it takes no {', '.join(lost)}")
