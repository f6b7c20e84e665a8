"""What no single endpoint says: an invoice and its payment as one, a balance inside an account, waiting for the end."""

from __future__ import annotations

from typing import Any

from conformance.openapi.document import Document, Endpoint
from conformance.openapi.matching import Match, Matching, shape_of
from conformance.openapi.members import Member, list_of, members, tokens
from conformance.openapi.money import money_form
from conformance.openapi.names import name_of
from conformance.openapi.reading import read_answer
from conformance.openapi.shaping import Shaped, path_argument, unit_of
from conformance.openapi.toml_out import Line, Section
from conformance.openapi.vocabulary import INVOICES, NOUNS

#: A word that says account this strongly names something with a balance of its own.
_ACCOUNT = 0.8
_OUTGOING = {"out", "outgoing", "outbound"}


def invoice_steps(document: Document, pairs: list[Match], shaped: list[Shaped]) -> None:
    """Where a payment pays an invoice, make the creditor's invoice the first of two calls."""
    pair = next((one for one in pairs if one.operation == "payments.create"), None)
    made = next((one for one in shaped if one.operation == "payments.create"), None)
    if pair is None or made is None:
        return
    pays = _invoice(members(document, pair.endpoint.body))
    if pays is None:
        return
    drawn = _drawing(document, pair, pays)
    if drawn is None:
        made.sections[0].comments.append(f"  ? {pays.name} is an invoice; nothing was found that draws one")
        return
    endpoint, amount, gives = drawn
    base = made.sections[0]
    keep = [line for line in base.lines if line.key not in ("method", "path", "caller", "format")]
    base.lines = keep
    base.comments.append(
        f"  two calls make one payment: {endpoint.title} draws an invoice, {pair.endpoint.title} pays it"
    )
    unit = unit_of(members(document, endpoint.body))
    said = money_form(amount, f"{endpoint.summary} {endpoint.description} {unit}")
    made.words.saw_money(said)
    direction = next((one.name for one in members(document, pair.endpoint.body) if name_of(one) in _OUTGOING), "")
    both = {direction: False} if direction and endpoint.title == pair.endpoint.title else {}
    first: dict[str, Any] = {**both, amount.name: {"from": "amount", "as": said.conversion}}
    memo = next((one.name for one in members(document, endpoint.body) if name_of(one) in ("memo", "description")), "")
    if memo:
        first[memo] = "{reference}"
    second = {**({direction: True} if direction else {}), pays.name: "{invoice}"}
    name = 'operations."payments.create".steps'
    steps = [
        _step(name, endpoint, "creditor", first, f"{said.conversion}: {said.reason}"),
        _step(name, pair.endpoint, "debtor", second, ""),
    ]
    steps[0].lines.append(Line("keep", {"invoice": gives.jsonpath}))
    results = [one for one in made.sections[1:] if not one.header.endswith(".body")]
    made.sections = [base, *steps, *results] if base.lines else [*_commented(base, steps), *results]
    made.placed |= {"amount": amount.name, "creditor": "caller", "debtor": "caller"}


def _commented(base: Section, steps: list[Section]) -> list[Section]:
    steps[0].comments = base.comments + steps[0].comments
    return steps


def _step(name: str, endpoint: Endpoint, owner: str, body: dict[str, Any], said: str) -> Section:
    lines = [Line("method", endpoint.method), Line("path", endpoint.path), Line("caller", {"owner": owner})]
    return Section(f"[{name}]", [*lines, Line("body", body, said)])


def _invoice(found: list[Member]) -> Member | None:
    return next((item for item in found if name_of(item) in INVOICES and item.kind in ("string", "")), None)


def _drawing(document: Document, pair: Match, pays: Member) -> tuple[Endpoint, Member, Member] | None:
    """Return the endpoint that draws an invoice, its amount, and where its answer holds the invoice."""
    endpoints = sorted(document.endpoints, key=lambda item: ("invoice" not in item.path.lower(), len(item.path)))
    for endpoint in [*endpoints, pair.endpoint]:
        if endpoint.method != "POST" or shape_of([part for part in endpoint.path.split("/") if part]) != "collection":
            continue
        amount = next(
            (one for one in members(document, endpoint.body) if name_of(one) in ("amount", "value", "sats")), None
        )
        gives = next((one for one in members(document, endpoint.answer) if name_of(one) in INVOICES), None)
        if amount is not None and gives is not None and pays is not None:
            return endpoint, amount, gives
    return None


def pooled(shaped: list[Shaped]) -> None:
    """Where calls are made as an account's owner, accounts come from the pool: one opened by API has no known owner."""
    paying = [part for one in shaped if one.operation == "payments.create" for part in one.sections]
    owned = any(line.key == "caller" and not line.off for part in paying for line in part.lines)
    opening = next((one for one in shaped if one.operation == "accounts.open"), None)
    if not owned:
        return
    if opening is not None:
        shaped.remove(opening)
    reading = next((one for one in shaped if one.operation == "payments.read"), None)
    if reading is not None:
        reading.sections[0].lines.append(Line("caller", {"owner": "payment"}, "as whoever made it"))


def borrowed(shaped: list[Shaped]) -> None:
    """Where the document says nothing of a payment's answer, read it as another answer about payments is read."""
    known = [one for one in shaped if one.operation in ("payments.create", "payments.list", "payments.read")]
    giver = next((part for one in known for part in one.sections if part.header.endswith((".each", ".result"))), None)
    for one in known:
        reads = any(part.header.endswith((".each", ".result")) for part in one.sections)
        if reads or giver is None or one.operation == "payments.list":
            continue
        said = ["? the document says nothing of this answer; read as payments are elsewhere"]
        one.sections.append(Section(f'operations."{one.operation}".result', list(giver.lines), said))


def derived(document: Document, matching: Matching, shaped: list[Shaped]) -> list[Shaped]:
    """Return the balance as a member of the account, where no endpoint is the balance itself."""
    if matching.of("accounts.balance"):
        return []
    for endpoint in document.endpoints:
        words = [part for part in endpoint.path.split("/") if part and not part.startswith("{")]
        last = tokens(words[-1]) if words else ()
        if endpoint.method != "GET" or not last or NOUNS["account"].get(last[-1], 0.0) < _ACCOUNT:
            continue
        if list_of(document, endpoint.answer):
            continue
        found = members(document, endpoint.answer)
        if any(name_of(one) in ("balance", "available_balance", "available") for one in found):
            return [_balance(document, endpoint)]
        if not found and len(words) <= 3 and words[-1] == last[-1] and "{" not in endpoint.path:
            return [_balance(document, endpoint)]
    return []


def _balance(document: Document, endpoint: Endpoint) -> Shaped:
    pair = Match("accounts.balance", endpoint, 0.7, ("the account has a balance in it",))
    made = Shaped("accounts.balance")
    said = [
        f"accounts.balance ← {endpoint.title}, confidence 0.70  ? look at this one",
        "  because the account has a balance in it",
    ]
    base = Section('operations."accounts.balance"', comments=said)
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    path = endpoint.path
    for index, name in enumerate(names):
        argument = path_argument(pair, name, ["account"], last=index == len(names) - 1)
        if argument.startswith("user."):
            made.user_members.add(argument.removeprefix("user."))
        path = path.replace("{" + name + "}", "{" + argument + "}")
    base.lines.append(Line("path", path))
    if not names:
        base.lines.append(Line("caller", {"owner": "account"}, "nothing names the account: its owner's credentials do"))
    made.sections = [base, *read_answer(document, pair, made.words, base)]
    if not any(line.key == "available" for part in made.sections for line in part.lines):
        made.sections = [base]
        made.sections.append(_assumed_balance(base))
    return made


def _assumed_balance(base: Section) -> Section:
    base.comments.append("  the document says nothing of its answer; these are guesses")
    lines = [
        Line("account", "argument:account"),
        Line("available", {"at": "$.balance", "as": "minor"}, "0.40: a guess"),
    ]
    return Section('operations."accounts.balance".result', lines)


def settling(document: Document, matching: Matching, shaped: list[Shaped]) -> None:
    """Where a payment is answered before it is done, poll the reading operation until it is."""
    pair, reading = matching.of("payments.create"), matching.of("payments.read")
    made = next((one for one in shaped if one.operation == "payments.create"), None)
    if pair is None or reading is None or made is None:
        return
    words = made.words.states.values()
    good = [code for code in pair.endpoint.statuses if code.startswith("2")]
    waits = good == ["202"] or ("pending" in words and "confirmed" in words)
    invoiced = any(section.header.startswith("[") for section in made.sections)
    if not (waits or invoiced):
        return
    lines = [
        Line("operation", "payments.read"),
        Line("with", {"payment": "$.id"}),
        Line("at", "$.state"),
        Line("is", ["confirmed", "rejected", "cancelled"]),
        Line("deadline_s", 20),
    ]
    said = "a payment may be pending when it is answered; this waits until it is not"
    active = good == ["202"] or invoiced
    made.sections.append(Section('operations."payments.create".until', lines, [said], off=not active))
