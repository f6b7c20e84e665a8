"""How answers are read: ids, states, money and times in an answer's schema, lists and their pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.openapi.document import Document, Endpoint
from conformance.openapi.matching import Match
from conformance.openapi.members import Member, enum_of, jsonpath, kind_of, list_of, members, merged
from conformance.openapi.money import Form, currency_form, money_form, time_form
from conformance.openapi.names import ARGUMENTS, CLIENT_NUMBERS, forms_of, name_of, names_for, party_of
from conformance.openapi.toml_out import Line, Section
from conformance.openapi.vocabulary import MONEY, NOUNS, RESULTS, STATES, TIMES

#: Read always; the others may be absent.
_ESSENTIAL = {"id", "state", "amount", "available", "session"}
#: What is read by an id of its own, which the answer need not repeat.
ASKED_FOR = {"accounts.read": "account", "payments.read": "payment", "consents.read": "consent"}
#: Members that hold the answer itself; where it is one text or number, that is the id.
_BARE = {"data", "result", "response", "payload"}
_OWN_NOUNS = {"payments.refund": "refund", "accounts.statement": "statement"}
_GROUP_NOUNS = {"accounts": "account", "payments": "payment", "consents": "consent", "notices": "notice"}


@dataclass(slots=True)
class Words:
    """What one operation teaches about the whole product: states, currency, money, paging."""

    states: dict[str, str] = field(default_factory=dict)
    unknown_states: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)
    conversions: Counter[str] = field(default_factory=Counter)
    cursor: str = ""
    limit: str = ""
    state_words: tuple[str, ...] = ()
    #: The member that a payment's reference was sent in, where it is known.
    reference: str = ""

    def saw_money(self, form: Form) -> None:
        """Note how an amount is written."""
        self.conversions[form.conversion] += 1
        if form.currency:
            self.currencies.add(form.currency)

    def saw_currency(self, member: Member) -> None:
        """Note the one currency that a member allows."""
        words = enum_of(member.schema)
        if len(words) == 1:
            self.currencies.add(words[0].upper())
        elif words and {word.lower() for word in words} & {"sat", "sats"}:
            self.currencies.add("SAT")

    def saw_states(self, words: Iterable[str]) -> None:
        """Note state words, known and unknown."""
        for word in words:
            ours = STATES.get(re.sub(r"[^a-z]", "", word.lower()))
            if ours:
                self.states[word] = ours
            else:
                self.unknown_states.add(word)


def read_answer(document: Document, pair: Match, words: Words, base: Section) -> list[Section]:
    """Return the sections that say how an endpoint's answer is read, none where nothing in it is recognised.

    What belongs to the operation itself, a list's items and pages, is added to ``base``.
    """
    wanted = RESULTS.get(pair.operation)
    if wanted is None or pair.endpoint.answer is None:
        return []
    listed = list_of(document, pair.endpoint.answer)
    name = f'operations."{pair.operation}"'
    if pair.operation.endswith((".list", ".statement")) and listed:
        items, schema = listed
        lines = _lines(document, schema, wanted, pair, words)
        base.lines += [Line("items", items), *_paging(document, pair.endpoint, words, schema)]
        return [Section(f"{name}.each", lines)] if lines else []
    lines = _lines(document, pair.endpoint.answer, wanted, pair, words)
    if pair.operation == "accounts.balance":
        lines.insert(0, Line("account", "argument:account"))
    return [Section(f"{name}.result", lines)] if lines else []


def _lines(document: Document, schema: Any, wanted: tuple[str, ...], pair: Match, words: Words) -> list[Line]:
    node = merged(document, schema)
    if kind_of(node) in ("integer", "string") and wanted[0] == "id":
        return [
            Line("id", {"at": "$", "as": "text"}, "the answer is the bare id"),
            *([_no_state()] if "state" in wanted else []),
        ]
    found = [item for item in members(document, node) if item.path[-1] != "[]"]
    if len(found) == 1 and found[0].kind in ("integer", "string") and found[0].name in _BARE and wanted[0] == "id":
        return [Line("id", {"at": found[0].jsonpath, "as": "text"}, "what is answered is the bare id")]
    root = _root(found, wanted)
    lines: list[Line] = []
    seen: set[str] = set()
    for name in wanted:
        item = _find(found, name, pair, root, _names(document, name, pair, words))
        if item is not None and (name != "payment" or f"id = {item.jsonpath}" not in seen):
            lines.append(_line(name, item, pair, words))
            seen.add(f"{name} = {item.jsonpath}")
        elif name == "id" and pair.operation in ASKED_FOR:
            lines.append(Line("id", f"argument:{ASKED_FOR[pair.operation]}", "the answer does not repeat it"))
        elif name == "state" and lines:
            lines.append(_no_state())
    return lines


def _no_state() -> Line:
    return Line("state", "confirmed", "the answer has no state; say this if what is answered is done", off=True)


def _root(found: list[Member], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the object in which most of what is wanted stands: the answer, or what it wraps."""
    counted: Counter[tuple[str, ...]] = Counter()
    for name in wanted:
        known = names_for(name)
        counted.update({item.path[:-1] for item in found if name_of(item) in known and "[]" not in item.path})
    if not counted:
        return ()
    return min(counted, key=lambda path: (-counted[path], len(path)))


def _names(document: Document, name: str, pair: Match, words: Words) -> tuple[str, ...]:
    """Return what a member of the result may be called in this answer."""
    if name == "id":
        return _id_names(document, pair)
    if name == "available" and pair.operation == "accounts.balance":
        return ("available", "available_balance", "balance", "available_amount", "amount", "value", "current")
    if name == "reference":
        # The client's number is the reference only where the reference was sent in it.
        return tuple(one for one in names_for(name) if one not in CLIENT_NUMBERS or one == words.reference)
    return names_for(name, pair.operation)


def _find(found: list[Member], name: str, pair: Match, root: tuple[str, ...], names: tuple[str, ...]) -> Member | None:
    ranked: list[tuple[int, int, Member]] = []
    for item in found:
        if not _suits(name, item):
            continue
        called = name_of(item)
        apart = 0 if item.path[:-1] == root else 1 + abs(len(item.path) - 1 - len(root))
        if called not in names:
            called = forms_of(called, name)[-1] if name != "id" else called
        if party_of(item.path, name):
            ranked.append((apart + 8 * item.path.count("[]"), len(ranked), item))
        elif called in names and not any(party_of(item.path, side) for side in ("debtor", "creditor")):
            ranked.append((apart * 4 + names.index(called) + 8 * item.path.count("[]"), len(ranked), item))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


def _id_names(document: Document, pair: Match) -> tuple[str, ...]:
    """Return what an id may be called: id, or the thing's own name with it, or as a path calls it that reads it."""
    path, operation = pair.endpoint.path, pair.operation
    noun = _OWN_NOUNS.get(operation) or _GROUP_NOUNS.get(operation.partition(".")[0], "")
    kinds = [*NOUNS.get(noun, {}), *(("trade",) if noun == "payment" else ())]
    last = [part for part in path.split("/") if part and not part.startswith("{")][-1:]
    resource = [name_of(Member((re.sub("s$", "", part),), {})) for part in last]
    own = [f"{word}_{end}" for end in ("id", "no", "number") for word in (*resource, *kinds)]
    inside = re.findall(r"\{([^{}]+)\}", path)[-1:] + asked_by_id(document, path)
    called = [name_of(Member((part,), {})) for part in inside]
    # Below a thing in a path, its name is in the path: that is the payment, not its refund.
    called = [] if operation in _OWN_NOUNS and not path.endswith("}") else called
    called += [re.sub(r"_id$", "", one) for one in called]
    usual = () if operation in _OWN_NOUNS else ("payment_hash", "checking_id", "resource_id", "psp_reference")
    numbers = ("serial_no", "reference") if noun == "payment" else ("serial_no", "flow_no")
    names = (*ARGUMENTS["id"][:3], *own, *called, *usual, *numbers)
    return tuple(one for one in names if one not in CLIENT_NUMBERS)


def asked_by_id(document: Document, path: str) -> list[str]:
    """Return how the path that reads one of a collection's things calls its id."""
    longer = re.compile(re.escape(path.rstrip("/")) + r"/\{([^{}/]+)\}")
    found = [longer.fullmatch(one.path) for one in document.endpoints if one.method == "GET"]
    return [one[1] for one in found if one][:1]


def _suits(name: str, item: Member) -> bool:
    kind = item.kind
    if name in MONEY:
        return kind in ("integer", "number", "string")
    if name == "state":
        return kind in ("string", "boolean", "")
    return kind not in ("object", "array")


def _line(name: str, item: Member, pair: Match, words: Words) -> Line:
    value: dict[str, Any] = {"at": item.jsonpath}
    why = ""
    if name in MONEY:
        why = _money(value, item, pair, words)
    elif name == "state":
        why = _state(value, item, words)
    elif name == "currency":
        form = currency_form(item)
        words.saw_currency(item)
        value |= {"as": form.conversion} if form.conversion else {}
    elif name in TIMES:
        when = time_form(item)
        value |= {"as": when.conversion} if when else {}
        why = "" if when else "? nothing says how this time is written: see conversions"
    elif item.kind == "integer" and name not in ("expires_in",):
        value["as"] = "text"
    if name not in _ESSENTIAL and not item.required:
        value["optional"] = True
    return Line(name, value if len(value) > 1 else item.jsonpath, why)


def _money(value: dict[str, Any], item: Member, pair: Match, words: Words) -> str:
    form = money_form(item, f"{pair.endpoint.summary} {pair.endpoint.description}")
    words.saw_money(form)
    value["as"] = form.conversion
    if form.exponent is not None:
        value["exponent"] = form.exponent
    beside = next((name for name in item.siblings if name.lower() == "currency"), "")
    if beside and form.conversion.startswith("decimal") and form.exponent is None:
        value["currency"] = jsonpath((*item.path[:-1], beside))
    return form.said


def _state(value: dict[str, Any], item: Member, words: Words) -> str:
    if item.kind == "boolean":
        reverse = name_of(item) == "pending"
        value["words"] = (
            {"True": "pending", "False": "confirmed"} if reverse else {"True": "confirmed", "False": "pending"}
        )
        return f"{item.name} is true or false"
    value["as"] = "state"
    found = enum_of(item.schema)
    words.saw_states(found)
    words.state_words = found
    return "" if found else "its words are not documented: see [mapping] states"


def _paging(document: Document, endpoint: Endpoint, words: Words, item: Any) -> list[Line]:
    """Return how a list goes on, by what is asked for and what is answered."""
    found = [one for one in members(document, endpoint.answer) if "[]" not in one.path]
    named = {name_of(one): one for one in reversed(found)}
    size = {"size": 100}
    cursor = words.cursor.lower()
    if cursor in ("offset", "skip", "start"):
        return [
            Line("next", {"offset": 0, **size, **_total(named)}, "size: how many a page holds when no limit is asked")
        ]
    if "page" in cursor and "token" not in cursor:
        return [
            Line("next", {"page": 1, **size, **_total(named)}, "size: how many a page holds when no limit is asked")
        ]
    if "has_more" in named:
        last = next((one for one in members(document, item) if name_of(one) in ARGUMENTS["id"]), None)
        return [Line("next", {"last": last.jsonpath if last else "$.id", "more": named["has_more"].jsonpath})]
    for name in ("next_cursor", "next_page_token", "next_token", "cursor", "next", "after", "continuation"):
        if name in named and named[name].kind in ("string", ""):
            return [Line("next", named[name].jsonpath)]
    if any(name.lower() == "link" for name in endpoint.answer_headers):
        return [Line("next", {"link": "next"}, "a Link header is documented")]
    return []


def _total(named: dict[str, Member]) -> dict[str, str]:
    name = next((one for one in ("total", "total_count", "total_items", "count") if one in named), "")
    return {"total": named[name].jsonpath} if name and named[name].kind in ("integer", "number") else {}


def errors_inside(document: Document, endpoint: Endpoint) -> Line | None:
    """Return how an error hides in a good answer, as a proposal that is off, where a flag says success."""
    for item in members(document, endpoint.answer):
        name = name_of(item)
        if len(item.path) == 1 and name in ("success", "ok") and item.kind == "boolean":
            rule = {"when": f"{item.jsonpath}", "is": ["False"], "code": "$.code"}
            return Line("error", rule, f"if {item.name} = false hides a refusal in a 200", off=True)
    return None


def error_codes(document: Document, endpoints: Iterable[Endpoint]) -> list[str]:
    """Return where error codes stand in refusals, most usual first; none where the neutral ``$.code`` will do."""
    counted: Counter[str] = Counter()
    for endpoint in endpoints:
        found = {
            name_of(one): one
            for one in reversed(members(document, endpoint.error))
            if one.kind in ("string", "integer")
        }
        for name in ("code", "error_code", "errorcode", "type", "error", "reason", "title", "detail", "message"):
            if name in found:
                counted[found[name].jsonpath] += 1
                break
    return [path for path, _ in counted.most_common(3)]
