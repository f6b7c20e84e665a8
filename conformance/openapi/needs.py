"""What checks cannot do without: which arguments and results of an operation were not found, and what that costs.

A pair may be the right endpoint beyond doubt and still be of no use: a payment without a debtor moves nobody's money.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from conformance.openapi.matching import CERTAIN, PROPOSED, Match, Matching
from conformance.openapi.reading import ASKED_FOR
from conformance.openapi.shaping import Shaped, heading
from conformance.openapi.toml_out import Line, Section

#: What stands where a person must write a name.
FILL_IN = "FILL_IN"

#: Per operation: the arguments that must go somewhere, and the members of the result that must be read.
NEEDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "login": (("username", "password"), ("session",)),
        "accounts.open": ((), ("id",)),
        "accounts.read": (("account",), ("id",)),
        "accounts.list": ((), ("id",)),
        "accounts.balance": (("account",), ("available",)),
        "accounts.statement": (("account",), ("amount",)),
        "consents.grant": (("account",), ("id", "state")),
        "consents.read": (("consent",), ("id", "state")),
        "consents.revoke": (("consent",), ()),
        "payments.create": (("debtor", "creditor", "amount"), ("id", "state", "amount")),
        "payments.read": (("payment",), ("id", "state", "amount")),
        "payments.list": (("account",), ("id", "amount")),
        "payments.cancel": (("payment",), ()),
        "payments.refund": (("payment", "amount"), ("id", "amount")),
        "notices.subscribe": (("url",), ()),
        "refunds.create": (("order", "amount"), ()),
    }
)

_COSTS = {"argument": 0.15, "result": 0.1}
#: How the line begins that reads a member of the result which was not found.
_READ = {
    "amount": {"at": f"$.{FILL_IN}", "as": "minor"},
    "available": {"at": f"$.{FILL_IN}", "as": "minor"},
    "state": {"at": f"$.{FILL_IN}", "as": "state"},
}


def weigh_needs(matching: Matching, shaped: list[Shaped]) -> Matching:
    """Return the pairs with what is missing taken off their confidence, and write into each entry what that is."""
    reading = next((one for one in shaped if one.operation == "payments.read"), None)
    pairs = {pair.operation: pair for pair in matching.pairs}
    for one in shaped:
        pair = pairs.get(one.operation)
        arguments, results = missing(one, reading)
        if pair is None or not (arguments or results or one.unknown):
            continue
        cost = _COSTS["argument"] * len(arguments) + _COSTS["result"] * len(results)
        # It stays proposed: the endpoint is the right one, its entry is not finished.
        score = max(PROPOSED, min(pair.confidence - cost, CERTAIN - 0.01))
        pairs[one.operation] = dataclasses.replace(pair, confidence=round(score, 2))
        _write(one, pairs[one.operation], arguments, results)
    return dataclasses.replace(matching, pairs=tuple(pairs[pair.operation] for pair in matching.pairs))


def missing(one: Shaped, reading: Shaped | None = None) -> tuple[list[str], list[str]]:
    """Return the arguments that go nowhere and the results that nothing reads, of those that are necessary.

    A payment's amount may be read by ``payments.read`` instead: checks ask there.
    """
    arguments, results = NEEDS.get(one.operation, ((), ()))
    calls = {name for name in ("debtor", "account", "payment") if _by_owner(one, name)}
    lost = [name for name in arguments if name not in one.placed and name not in calls]
    # What reads a thing by its id need not be told it again.
    calls |= {"id"} & set(results) if one.operation in ASKED_FOR else set()
    elsewhere = _read(reading) if reading is not None and one.operation == "payments.create" else set()
    found = _read(one) | (elsewhere & {"amount"})
    return lost, [name for name in results if name not in found | calls]


def _by_owner(one: Shaped, argument: str) -> bool:
    """Tell whether the caller's credentials say what the argument would."""
    lines = [
        line
        for section in one.sections
        for line in section.lines
        if line.key == "caller" and not line.off and not line.asked
    ]
    return any(line.value == {"owner": argument} for line in lines)


def _read(one: Shaped) -> set[str]:
    return {line.key for section in _answers(one) for line in section.lines if not (line.off or line.asked)}


def _answers(one: Shaped) -> list[Section]:
    return [section for section in one.sections if section.header.endswith((".result", ".each"))]


def _write(one: Shaped, pair: Match, arguments: list[str], results: list[str]) -> None:
    one.sections[0].comments[0] = heading(pair)
    named = [*arguments, *(f"{name} in the answer" for name in results)]
    if named:
        one.sections[0].comments.append(f"  ? not found, and needed: {', '.join(named)}")
    if one.unknown:
        one.sections[0].comments.append(f"  ? required, and not understood: {', '.join(one.unknown)}")
    if arguments:
        _ask_for_arguments(one, pair, arguments)
    if results:
        _ask_for_results(one, results)


def _ask_for_arguments(one: Shaped, pair: Match, arguments: list[str]) -> None:
    body = next((section for section in one.sections if section.header.endswith(".body")), None)
    said = "write the name of the member that takes it"
    if body is None and pair.endpoint.method == "GET":
        _ask_in_query(one.sections[0].lines, arguments[0])
        return
    if body is None:
        body = Section(f'operations."{one.operation}".body', off=True)
        one.sections.insert(1, body)
    body.lines += [Line(f"{FILL_IN}_{name}", "{" + name + "}", said, asked=True) for name in arguments]


def _ask_in_query(lines: list[Line], argument: str) -> None:
    """Ask for the parameter in a line of its own, or above the query that is there: a key stands once in a table."""
    said = "write the name of the parameter that takes it"
    index = next((index for index, line in enumerate(lines) if line.key == "query"), None)
    if index is None:
        lines.append(Line("query", {FILL_IN: f"{{{argument}}}"}, said, asked=True))
        return
    asked = f'? add {FILL_IN} = "{{{argument}}}": {said}'
    lines[index] = dataclasses.replace(lines[index], comment=f"{lines[index].comment}\n{asked}")


def _ask_for_results(one: Shaped, results: list[str]) -> None:
    answers = _answers(one)
    if not answers:
        listed = one.operation.endswith((".list", ".statement"))
        said = ["? nothing says what it answers; without this it is read as if it were in the neutral form"]
        header = f'operations."{one.operation}".{"each" if listed else "result"}'
        asked = ASKED_FOR.get(one.operation)
        known = [Line("id", f"argument:{asked}")] if asked else []
        answers = [Section(header, known, said, off=True)]
        one.sections.append(answers[0])
    lines = answers[0].lines
    for name in results:
        there = next((line for line in lines if line.key == name), None)
        if there is not None:
            lines[lines.index(there)] = dataclasses.replace(there, asked=True)
        else:
            lines.append(Line(name, _READ.get(name, f"$.{FILL_IN}"), "not found in the answer", asked=True))
