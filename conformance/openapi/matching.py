"""Which of a product's endpoints is which of our operations: evidence weighed, the best pairs taken first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.contract.neutral import neutral_operations
from conformance.openapi.document import Document, Endpoint
from conformance.openapi.members import Member, list_of, members, tokens
from conformance.openapi.names import find_member
from conformance.openapi.vocabulary import FOREIGN, NOUNS, RULES, TENANTS, VERBS, Rule

#: A pair below this is not proposed; between it and CERTAIN it is proposed with a question mark.
PROPOSED = 0.5
CERTAIN = 0.8
#: Pairs between this and PROPOSED are named as possible.
POSSIBLE = 0.35


@dataclass(frozen=True, slots=True)
class Match:
    """One endpoint as one operation: how sure, and what speaks for it."""

    operation: str
    endpoint: Endpoint
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """All pairs, what remains on their side, and what else each of ours could be."""

    pairs: tuple[Match, ...]
    theirs: tuple[Endpoint, ...]
    possible: tuple[Match, ...] = field(default=())

    def titles(self) -> dict[str, str]:
        """Return the endpoint of each paired operation."""
        return {pair.operation: pair.endpoint.title for pair in self.pairs}

    def of(self, operation: str) -> Match | None:
        """Return the pair of an operation."""
        return next((pair for pair in self.pairs if pair.operation == operation), None)


def match(document: Document) -> Matching:
    """Pair endpoints with operations. Each is used once; the surest pairs are made first."""
    named = _named(document.endpoints)
    taken = {pair.endpoint.title for pair in named}
    done = {pair.operation for pair in named}
    left = [endpoint for endpoint in document.endpoints if endpoint.title not in taken]
    scored = [found for endpoint in left for rule in RULES if (found := _scored(document, rule, endpoint))]
    scored.sort(key=lambda pair: (-pair.confidence, len(pair.endpoint.path), pair.endpoint.path))
    pairs, possible = list(named), []
    for pair in scored:
        free = pair.operation not in done and pair.endpoint.title not in taken
        if free and pair.confidence >= PROPOSED:
            pairs.append(pair)
            done.add(pair.operation)
            taken.add(pair.endpoint.title)
        elif pair.endpoint.title not in taken:
            possible.append(pair)
    possible = [pair for pair in possible if pair.endpoint.title not in taken]
    order = list(neutral_operations())
    pairs.sort(key=lambda pair: order.index(pair.operation) if pair.operation in order else len(order))
    theirs = tuple(endpoint for endpoint in document.endpoints if endpoint.title not in taken)
    return Matching(tuple(pairs), theirs, tuple(possible))


def _named(endpoints: Iterable[Endpoint]) -> list[Match]:
    """Take at its word what is named exactly as one of our operations."""
    ours = neutral_operations()
    return [
        Match(item.name, item, 1.0, ("its operationId is the operation's name",))
        for item in endpoints
        if item.name in ours
    ]


def _scored(document: Document, rule: Rule, endpoint: Endpoint) -> Match | None:
    if endpoint.method not in rule.methods:
        return None
    segments = _segments(endpoint.path)
    shape = shape_of(segments)
    if (shape not in rule.shapes and "any" not in rule.shapes) or (rule.asks and not _asks(segments)):
        return None
    evidence = _Evidence()
    if not _noun(evidence, rule, segments, endpoint):
        return None
    if shape == rule.shapes[0]:
        evidence.add(0.1, f"{endpoint.method} of a path of that shape")
    _deed(evidence, rule, endpoint)
    _arguments(evidence, rule, document, endpoint)
    _answer(evidence, rule, document, endpoint)
    _foreign(evidence, rule, segments)
    if evidence.score < POSSIBLE:
        return None
    return Match(rule.operation, endpoint, round(min(evidence.score, 0.98), 2), tuple(evidence.reasons))


def _asks(segments: list[str]) -> bool:
    return bool(set(tokens(segments[-1])[:1]) & {"query", "get", "inquire", "enquire", "find", "read"})


@dataclass(slots=True)
class _Evidence:
    score: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def add(self, weight: float, reason: str) -> None:
        self.score += weight
        if reason:
            self.reasons.append(reason)


def _segments(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    # What stands below a tenant stands at the top, for each of them: /projects/{project}/bills.
    while len(parts) > 2 and _variable(parts[1]) and set(tokens(parts[0])) & TENANTS:
        parts = parts[2:]
    return [part for part in parts if not re.fullmatch(r"v\d+(\.\d+)*|api|rest|open-banking|services?", part.lower())]


def shape_of(segments: list[str]) -> str:
    """Return collection, item, sub or action by where a path has its parameters."""
    if not segments:
        return "none"
    variable = [_variable(part) for part in segments]
    if variable[-1]:
        return "item"
    if not any(variable):
        return "collection"
    if len(segments) >= 2 and variable[-2]:
        word = tokens(segments[-1])
        deed = bool(word) and any(
            word[-1] in NOUNS[kind] for kind in ("cancel", "confirm", "refresh", "refund", "image")
        )
        return "action" if deed else "sub"
    return "sub"


def _variable(part: str) -> bool:
    return part.startswith(("{", ":"))


def _noun(evidence: _Evidence, rule: Rule, segments: list[str], endpoint: Endpoint) -> bool:
    """Weigh what the path's last word and the words before it name; False where they name something else."""
    words = [part for part in segments if not _variable(part)]
    if not words:
        return False
    weight, word = _weight(rule.noun, words[-1])
    if not weight:
        return False
    evidence.add(0.5 * weight, f'"{words[-1]}" in the path is a word for {rule.noun}')
    if not rule.within:
        _weigh_parents(evidence, rule, words)
        return True
    before = " ".join((*words[:-1], *endpoint.tags, endpoint.name if len(words) == 1 else ""))
    inner, word = max((_weight(rule.within, part) for part in before.split()), default=(0.0, ""))
    if inner:
        evidence.add(0.2 * inner, f'"{word}" before it is a word for {rule.within}')
        return True
    evidence.add({"refund": -0.05, "balance": -0.15}.get(rule.noun, -0.4), "")
    return True


def _weigh_parents(evidence: _Evidence, rule: Rule, words: list[str]) -> None:
    """A collection inside another resource is rarely the collection we mean."""
    parents = [tokens(part) for part in words[:-1]]
    if any(set(part) & FOREIGN for part in parents):
        evidence.add(-0.2, "")
    evidence.add(-0.1 * max(0, len(words) - 2), "")


def _weight(kind: str, text: str) -> tuple[float, str]:
    words = tokens(text)
    if not words:
        return 0.0, ""
    known = NOUNS[kind]
    joined = "_".join(words)
    if joined in known:
        return known[joined], text
    # The last word carries the meaning: "domestic-payments" are payments, "payment-methods" are methods.
    last = known.get(words[-1], 0.0)
    return (last * (0.9 if len(words) > 1 else 1.0), text) if last else (0.0, "")


def _deed(evidence: _Evidence, rule: Rule, endpoint: Endpoint) -> None:
    said = {*tokens(endpoint.name), *tokens(endpoint.summary)}
    if rule.verb and said & VERBS[rule.verb]:
        evidence.add(0.1, f'"{min(said & VERBS[rule.verb])}" in its name or summary')
    if said & set(NOUNS[rule.noun]):
        evidence.add(0.1, f'"{min(said & set(NOUNS[rule.noun]))}" in its name or summary')
    schema = str((endpoint.body or {}).get("title") or "")
    if schema and set(tokens(schema)) & set(NOUNS[rule.noun]):
        evidence.add(0.05, f"its request is called {schema}")


def _arguments(evidence: _Evidence, rule: Rule, document: Document, endpoint: Endpoint) -> None:
    """Weigh whether it takes what the operation needs: a payment without an amount is none."""
    given = given_members(document, endpoint)
    for name in rule.takes:
        found = find_member(given, name, rule.operation)
        if found:
            evidence.add(0.15 / len(rule.takes) + 0.05, f'takes "{found.name}" as {name}')
        elif name == "amount" and any(set(item.tokens()) & {"bolt11", "invoice"} for item in given):
            evidence.add(0.1, "pays an invoice")
        elif not (name == "amount" and rule.noun == "refund"):
            evidence.add(-0.4 if rule.noun == "token" else -0.25, "")
    if rule.operation == "supervisor.freeze" and not given:
        evidence.add(-0.2, "")


def given_members(document: Document, endpoint: Endpoint) -> list[Member]:
    """Return what an endpoint takes, in its body, query and path."""
    parameters = [Member((item.name,), item.schema, item.required) for item in endpoint.parameters]
    return [*members(document, endpoint.body), *parameters] if endpoint.body else parameters


def _answer(evidence: _Evidence, rule: Rule, document: Document, endpoint: Endpoint) -> None:
    if rule.lists is None or endpoint.answer is None:
        return
    listed = list_of(document, endpoint.answer) is not None
    if listed == rule.lists:
        evidence.add(0.1, "answers a list" if listed else "answers one thing")
    else:
        evidence.add(-0.35, "")


def _foreign(evidence: _Evidence, rule: Rule, segments: list[str]) -> None:
    last = next((tokens(part) for part in reversed(segments) if not _variable(part)), ())
    others = (set(last) & FOREIGN) - set(NOUNS[rule.noun])
    if others:
        evidence.add(-0.4, "")
    depth = sum(1 for part in segments if _variable(part)) - (
        1 if "item" in rule.shapes or "action" in rule.shapes else 0
    )
    if depth > 1:
        evidence.add(-0.1 * (depth - 1), "")
