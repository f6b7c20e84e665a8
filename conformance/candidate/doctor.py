"""Proof of a mapping before a run: every reading operation is called once, and what was understood is shown.

With ``write`` money is proven too: a small payment between two accounts, read back and refunded.
"""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from conformance.candidate.fresh import FRESH
from conformance.candidate.hints import hints
from conformance.candidate.mapping import Operation
from conformance.candidate.offering import offer_of_neutral
from conformance.candidate.templates import MISSING, Reference
from conformance.contract.neutral import neutral_operations
from conformance.model.candidate import Effect
from conformance.sdk.answers import Accepted, Answer, Broken, Refused, describe
from conformance.sdk.candidate import Candidate
from conformance.sdk.findings import NotApplicable, Undecided

State = Literal["understood", "refused", "broken", "not called"]

#: Where an example of an argument comes from: the first item of a list.
SOURCES: Mapping[str, tuple[str, str]] = {
    "account": ("accounts.list", "id"),
    "payment": ("payments.list", "id"),
}

#: Called only by checks that know what to send.
UNPROVEN = frozenset(
    {
        "login",
        "codes.parse",
        "supervisor.identity",
        "ledger.call",
        "oauth.authorize",
        "oauth.introspect",
        "oauth.resource",
    }
)

#: Of a value that was understood, this much is shown.
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What is known about one operation (or, with ``user``, about one user's credentials).

    ``missing`` names arguments that no example could be found for, ``sent`` is the request in short, and ``hints``
    say what to try next.
    """

    operation: str
    state: State
    detail: str
    user: str = ""
    effect: str = ""
    understood: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    curl: str = ""
    status: int = 0
    sent: str = ""
    hints: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Tell whether nothing needs to be done about it."""
        return self.state in ("understood", "not called")


def examine(candidate: Candidate, known: Mapping[str, Any] | None = None) -> list[Row]:
    """Call every mapped reading operation once with a harmless example, and one as each user.

    Nothing is written and no money moves. Operations that do more are listed as *not called*. ``known`` are examples
    of arguments that are there already.
    """
    examples = _Examples(candidate, known or {})
    rows = [_row(candidate, name, examples) for name in sorted(candidate.driver.operations())]
    rows += _pool_rows(candidate)
    return rows + _user_rows(candidate, [row for row in rows if row.state == "understood"])


class _Examples:
    """Harmless argument values, found in the pool or by reading lists."""

    def __init__(self, candidate: Candidate, known: Mapping[str, Any]) -> None:
        self._candidate = candidate
        self._known: dict[str, Any] = {
            "limit": 1,
            "height": 1,
            "key": "example",
            "day": dt.datetime.now(dt.UTC).date().isoformat(),
        }
        pool = next((item for item in candidate.file.pool if item.get("owner", candidate.user) == candidate.user), None)
        if pool:
            self._known["account"] = str(pool["id"])
        self._known |= {name: value for name, value in known.items() if value is not None}
        self._failed: set[str] = set()

    def find(self, name: str) -> Any:
        """Return an example of an argument, or of ``user.x``, a member of the caller's section; or None."""
        if name.startswith("user."):
            return self._candidate.file.users.get(self._candidate.user or "", {}).get(name.removeprefix("user."))
        if name not in self._known and name in SOURCES:
            self._known[name] = self._first(*SOURCES[name])
        return self._known.get(name)

    def advice(self, name: str) -> tuple[str, ...]:
        """Return what would give an example of an argument."""
        if name.startswith("user."):
            member, user = name.removeprefix("user."), self._candidate.user or "alice"
            return (f'add {member} = "…" to [users.{user}], and to every other user',)
        if name in SOURCES:
            operation = SOURCES[name][0]
            if not self._candidate.offers(operation):
                pool = ", or list one under [[pool]]" if name == "account" else ""
                return (f"map {operation}, whose first item is the example{pool}",)
            if operation in self._failed:
                return (f"correct {operation} first: the {name} that it lists first is the example",)
            return (f"{operation} gave none: make one in the test environment, or run `conformance doctor --write`",)
        return ()

    def _first(self, operation: str, member: str) -> Any:
        if not self._candidate.offers(operation):
            return None
        account = {"account": self.find("account")} if operation == "payments.list" else {}
        answer = _called(self._candidate, operation, {**account, "limit": 1})
        if not isinstance(answer, Accepted):
            self._failed.add(operation)
            return None
        items = answer.value.get("items", [])
        return items[0].get(member) if items and isinstance(items[0], Mapping) else None


def _row(candidate: Candidate, name: str, examples: _Examples) -> Row:
    operation = _mapped(candidate, name)
    effect = operation.effect if operation else Effect(neutral_operations().get(name, {}).get("effect", "write"))
    if effect is not Effect.READ:
        return Row(name, "not called", f"effect {effect}: mapped, proven only by checks", effect=effect)
    if name in UNPROVEN:
        return Row(name, "not called", "needs arguments that only a check can give", effect=effect)
    missing = _without_example(operation, examples) if operation else ()
    if missing:
        advice = tuple(dict.fromkeys(advice for item in missing for advice in examples.advice(item)))
        detail = f"no example for {', '.join(missing)}"
        return Row(name, "not called", detail, effect=effect, missing=missing, hints=advice)
    placed = operation.placed | _asked_about(operation) if operation else frozenset({"limit"})
    given = {argument: value for argument in placed if (value := examples.find(argument)) is not None}
    row = _asked(candidate, name, given, effect)
    left_out = [argument for argument in SOURCES if argument in placed - given.keys()]
    if row.state != "refused" or row.status in (401, 403) or not left_out:
        return row
    advice = (f"it was sent without {' and '.join(left_out)}", *(a for item in left_out for a in examples.advice(item)))
    return replace(row, hints=(*advice, *row.hints))


def _asked(candidate: Candidate, name: str, arguments: Mapping[str, Any], effect: Effect) -> Row:
    """Ask as the first user; where that is not allowed or not there, as the others and at the other endpoints."""
    mapped = all_mapped(candidate)
    first = row = judged(name, _called(candidate, name, arguments), effect, mapped=mapped)
    others = [candidate.as_user(user) for user in candidate.file.users if user != candidate.user]
    others += [candidate.at(endpoint) for endpoint in candidate.endpoints]
    for other in others:
        if row.state != "refused" or row.status not in (401, 403, 404):
            break
        answer = _called(other, name, arguments)
        by = other.user if other.user != candidate.user else ""
        row = judged(name, answer, effect, mapped=mapped, endpoint=other.endpoint, seen_by=by or "")
    return row if row.state == "understood" else first


def judged(
    name: str,
    answer: Answer | Undecided,
    effect: Effect,
    *,
    mapped: Mapping[str, Operation] | None = None,
    user: str = "",
    endpoint: str = "",
    seen_by: str = "",
) -> Row:
    """Return the row of an answer; ``mapped`` are all operations of the mapping, for advice."""
    if isinstance(answer, NotApplicable):
        return Row(name, "not called", answer.reason, user, effect)
    if isinstance(answer, Undecided):
        return Row(name, "broken", answer.reason, user, effect)
    states: dict[type, State] = {Accepted: "understood", Refused: "refused", Broken: "broken"}
    place = f" as {seen_by}" if seen_by else f" at {endpoint}" if endpoint else ""
    return Row(
        operation=name,
        state=states[type(answer)],
        detail=describe(answer) + place,
        user=user,
        effect=effect,
        understood={} if isinstance(answer, Broken) else shown(answer.value),
        curl=answer.exchange.curl,
        status=answer.exchange.status,
        sent=sent_of(answer.exchange.curl),
        hints=hints(name, answer, mapped or {}),
    )


def _user_rows(candidate: Candidate, proven: list[Row]) -> list[Row]:
    """Ask as each user for something that worked as the first: who is not let in has wrong credentials."""
    with_login = [row.operation for row in proven if _needs_credentials(candidate, row.operation)]
    if not with_login:
        return []
    name = min(with_login, key=lambda item: (item != "accounts.list", item != "payments.list", item))
    rows = []
    lent = _lent(candidate)
    for user in candidate.file.users:
        if user in lent and user != candidate.user:
            continue  # it acts for others, in operations of its own
        answer = _called(candidate.as_user(user), name, {})
        row = judged(name, answer, Effect.READ, mapped=all_mapped(candidate), user=user)
        # A 403 or 404 shows that the credentials were understood: this user's role simply does not cover it.
        let_in = row.state == "refused" and row.status != 401
        rows.append(replace(row, state="understood") if let_in else row)
    return rows


def _pool_rows(candidate: Candidate) -> list[Row]:
    """Compare the balance of each owner's first prepared account with what the file says."""
    rows = []
    for item in {item.get("owner"): item for item in reversed(candidate.file.pool)}.values():
        owner = item.get("owner")
        if not candidate.offers("accounts.balance") or (owner and owner not in candidate.file.users):
            continue
        answer = _called(
            candidate.as_user(str(owner)) if owner else candidate, "accounts.balance", {"account": item["id"]}
        )
        if isinstance(answer, Accepted) and answer.value.get("available") != item.get("balance"):
            rows.append(_differing(str(item["id"]), item.get("balance"), answer))
    return rows


def _differing(account: str, stated: Any, answer: Accepted) -> Row:
    found = answer.value.get("available")
    said = f"the file says {stated}, the product {found}"
    advice = [f"correct the balance of {account} under [[pool]]: it must be what is really there"]
    if type(found) is int and type(stated) is int and stated and found:
        factor = max(found / stated, stated / found)
        if factor in (10, 100, 1000, 100_000, 100_000_000):
            advice.insert(0, f"they differ by {factor:g}: is `as`, `exponent` or `currency` of the balance right?")
    detail = f"balance of {account}: {said}"
    return Row("accounts.balance", "broken", detail, sent=sent_of(answer.exchange.curl), hints=tuple(advice))


def _needs_credentials(candidate: Candidate, name: str) -> bool:
    operation = _mapped(candidate, name)
    return operation is None or (operation.main.auth and not operation.main.path.names() - _users_own(operation))


def _users_own(operation: Operation) -> frozenset[str]:
    return frozenset(name for name in operation.main.path.names() if name.startswith("user."))


def _lent(candidate: Candidate) -> set[str]:
    """Return the users whom the mapping itself lets act for others."""
    return {step.caller for operation in all_mapped(candidate).values() for step in operation.steps if step.caller}


def _called(candidate: Candidate, name: str, arguments: Mapping[str, Any]) -> Answer | Undecided:
    try:
        return candidate.call(name, **arguments)
    except Undecided as undecided:
        return undecided


def all_mapped(candidate: Candidate) -> Mapping[str, Operation]:
    """Return the compiled mapping of a candidate; none where its driver has no mapping."""
    mapped: Mapping[str, Operation] = getattr(candidate.driver, "mapped", dict)()
    return mapped


def _mapped(candidate: Candidate, name: str) -> Operation | None:
    return all_mapped(candidate).get(name)


def _without_example(operation: Operation, examples: _Examples) -> tuple[str, ...]:
    """Return what the operation cannot do without and has neither example nor value; one of alternatives is enough.

    That is what stands in the path, and what names the thing asked about wherever it stands: without it in a body, a
    product refuses or answers something else, which would be taken for a mistake in the mapping.
    """
    missing = {name for name in _asked_about(operation) if examples.find(name) is None}
    for step in operation.steps:
        for item in step.references():
            needed = item in step.path.parts or _naming(operation.name) & set(item.alternatives)
            if needed and item.default is MISSING and not _known(item, operation, examples):
                missing.add(item.alternatives[0])
    return tuple(sorted(missing))


def _known(item: Reference, operation: Operation, examples: _Examples) -> bool:
    """Tell whether one of a reference's alternatives will have a value when the call is made."""
    given = {FRESH, *_kept(operation)}
    return any(name in given or examples.find(name) is not None for name in item.alternatives)


def _naming(name: str) -> frozenset[str]:
    """Return the arguments that name what an operation is about: those in the path of its neutral form."""
    neutral = offer_of_neutral().get(name)
    return neutral.main.path.names() if neutral else frozenset()


def _kept(operation: Operation) -> frozenset[str]:
    return frozenset(name for step in operation.steps for name in step.keep)


def _asked_about(operation: Operation) -> frozenset[str]:
    """Return the arguments that decide whose call it is or what is read of the answer, placed or not."""
    kept = _kept(operation)
    read = operation.result.arguments() if operation.result else frozenset[str]()
    return frozenset({operation.main.owner_of} - {""}) | (read - kept)


def shown(value: Mapping[str, Any]) -> dict[str, str]:
    """Return a value's members as short text."""
    return {str(key): str(item)[:SHOWN_MAX] for key, item in value.items()}


def sent_of(curl: str) -> str:
    """Return a request in short, out of the command that repeats it: method, path, query and body, secrets masked."""
    try:
        words = shlex.split(curl)
    except ValueError:
        return ""
    if len(words) < 4:
        return ""
    path = re.sub(r"^https?://[^/]+", "", words[3]) or "/"
    body = next((text for option, text in pairwise(words) if option in ("--data-binary", "--data-raw")), "")
    return f"{words[2]} {path}" + (f"  {body[:SHOWN_MAX]}" if body else "")
