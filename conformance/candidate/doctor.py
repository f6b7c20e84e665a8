"""Proof of a mapping before a run: every reading operation is called once, and what was understood is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from conformance.candidate.mapping import Operation
from conformance.contract.neutral import neutral_operations
from conformance.model.candidate import Effect
from conformance.sdk.answers import Accepted, Answer, Broken, Refused, describe
from conformance.sdk.candidate import Candidate
from conformance.sdk.findings import Undecided

State = Literal["understood", "refused", "broken", "not called"]

#: Where an example of an argument comes from: the first item of a list.
SOURCES: Mapping[str, tuple[str, str]] = {
    "account": ("accounts.list", "id"),
    "payment": ("payments.list", "id"),
}

#: Called only by checks that know what to send.
UNPROVEN = frozenset({"login", "codes.parse", "supervisor.identity", "ledger.call"})

#: Of a value that was understood, this much is shown.
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What is known about one operation (or, with ``user``, about one user's credentials).

    ``missing`` names arguments that no example could be found for.
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

    @property
    def good(self) -> bool:
        """Tell whether nothing needs to be done about it."""
        return self.state in ("understood", "not called")


def examine(candidate: Candidate) -> list[Row]:
    """Call every mapped reading operation once with a harmless example, and one as each user.

    Nothing is written and no money moves. Operations that do more are listed as *not called*.
    """
    examples = _Examples(candidate)
    rows = [_row(candidate, name, examples) for name in sorted(candidate.driver.operations())]
    return rows + _user_rows(candidate, [row for row in rows if row.state == "understood"])


class _Examples:
    """Harmless argument values, found in the pool or by reading lists."""

    def __init__(self, candidate: Candidate) -> None:
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

    def find(self, name: str) -> Any:
        """Return an example of an argument, or None."""
        if name not in self._known and name in SOURCES:
            self._known[name] = self._first(*SOURCES[name])
        return self._known.get(name)

    def _first(self, operation: str, member: str) -> Any:
        if not self._candidate.offers(operation):
            return None
        account = {"account": self.find("account")} if operation == "payments.list" else {}
        answer = _called(self._candidate, operation, {**account, "limit": 1})
        items = answer.value.get("items", []) if isinstance(answer, Accepted) else []
        return items[0].get(member) if items and isinstance(items[0], Mapping) else None


def _row(candidate: Candidate, name: str, examples: _Examples) -> Row:
    operation = _mapped(candidate, name)
    effect = operation.effect if operation else Effect(neutral_operations().get(name, {}).get("effect", "write"))
    if effect is not Effect.READ:
        return Row(name, "not called", f"effect {effect}: mapped, proven only by checks", effect=effect)
    if name in UNPROVEN:
        return Row(name, "not called", "needs arguments that only a check can give", effect=effect)
    wanted = operation.main.path.names() if operation else frozenset[str]()
    missing = tuple(sorted(argument for argument in wanted if examples.find(argument) is None))
    if missing:
        return Row(name, "not called", f"no example for {', '.join(missing)}", effect=effect, missing=missing)
    placed = operation.placed if operation else frozenset({"limit"})
    return _asked(candidate, name, {argument: examples.find(argument) for argument in placed}, effect)


def _asked(candidate: Candidate, name: str, arguments: Mapping[str, Any], effect: Effect) -> Row:
    """Ask as the first user; where that is not allowed or not there, as the others and at the other endpoints."""
    first = row = _judged(name, _called(candidate, name, arguments), effect)
    others = [candidate.as_user(user) for user in candidate.file.users if user != candidate.user]
    others += [candidate.at(endpoint) for endpoint in candidate.endpoints]
    for other in others:
        if row.state != "refused" or row.status not in (401, 403, 404):
            break
        answer = _called(other, name, arguments)
        by = other.user if other.user != candidate.user else ""
        row = _judged(name, answer, effect, endpoint=other.endpoint, seen_by=by or "")
    return row if row.state == "understood" else first


def _judged(
    name: str, answer: Answer | Undecided, effect: Effect, *, user: str = "", endpoint: str = "", seen_by: str = ""
) -> Row:
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
        understood={} if isinstance(answer, Broken) else _shown(answer.value),
        curl=answer.exchange.curl,
        status=answer.exchange.status,
    )


def _user_rows(candidate: Candidate, proven: list[Row]) -> list[Row]:
    """Ask as each user for something that worked as the first: who is not let in has wrong credentials."""
    with_login = [row.operation for row in proven if _needs_credentials(candidate, row.operation)]
    if not with_login:
        return []
    name = min(with_login, key=lambda item: (item != "accounts.list", item != "payments.list", item))
    rows = []
    for user in candidate.file.users:
        answer = _called(candidate.as_user(user), name, {})
        row = _judged(name, answer, Effect.READ, user=user)
        # A 403 or 404 shows that the credentials were understood: this user's role simply does not cover it.
        let_in = row.state == "refused" and row.status != 401
        rows.append(replace(row, state="understood") if let_in else row)
    return rows


def _needs_credentials(candidate: Candidate, name: str) -> bool:
    operation = _mapped(candidate, name)
    return operation is None or (operation.main.auth and not operation.main.path.names())


def _called(candidate: Candidate, name: str, arguments: Mapping[str, Any]) -> Answer | Undecided:
    try:
        return candidate.call(name, **arguments)
    except Undecided as undecided:
        return undecided


def _mapped(candidate: Candidate, name: str) -> Operation | None:
    mapped = getattr(candidate.driver, "mapped", None)
    return mapped().get(name) if mapped else None


def _shown(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(item)[:SHOWN_MAX] for key, item in value.items()}
