"""Who makes a call: the check's user, the user that the mapping names, or whoever owns the account it is about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from conformance.candidate.callers import Caller
from conformance.candidate.mapping import Operation, Step
from conformance.candidate.secrets import Secrets
from conformance.model.candidate import CandidateFile
from conformance.sdk.findings import NotApplicable, NotTested
from conformance.sdk.prepared import Prepared

#: Test set-up: made as the mapping says, whoever the check acts as.
SET_UP = frozenset({"accounts.open"})

#: Arguments that name a thing, and the group of operations that makes such things.
HELD = (("payment", "payments"), ("account", "accounts"), ("debtor", "accounts"))


class Acting:
    """The callers of a candidate file, and the owners of its accounts. Safe to use from many threads."""

    def __init__(self, candidate: CandidateFile, secrets: Secrets) -> None:
        self._file = candidate
        self._secrets = secrets
        self._callers = {name: Caller(name, candidate, secrets) for name in candidate.users}
        self._default = next(iter(candidate.users), "")
        self._owned: dict[str, Caller] = {}
        self._places: dict[tuple[str, str], list[Caller]] = {}
        self._lock = threading.Lock()
        for number, item in enumerate(candidate.pool):
            self._adopt(item, f"[[pool]][{number}].credentials")

    @property
    def default(self) -> str:
        """Return the user that checks act as where they choose none."""
        return self._default

    def caller(self, name: str | None) -> Caller | None:
        """Return a user, or None for nobody; raises NotTested where the file has no such user."""
        if name is None or (name == "" and not self._callers):
            return None
        if name not in self._callers:
            raise NotTested(f"no user {name!r} in candidate.toml; add [users.{name}]", blame="CONFIG")
        return self._callers[name]

    def of(
        self, operation: Operation, step: Step, prepared: Prepared, arguments: Mapping[str, Any], *, main: bool
    ) -> Caller | None:
        """Return who makes one call of an operation.

        A check that acts as somebody else, or as nobody, is never lent credentials: what it finds would be false.
        Raises NotApplicable where a request cannot even name the account that another user asks for.
        """
        own = self.caller(prepared.user)
        if not (step.caller or step.owner_of):
            return own
        set_up = not main or operation.name in SET_UP
        if main and prepared.user is None:
            return None
        if step.caller:
            lent = set_up or (not prepared.chosen and prepared.user in (self._default, step.caller, ""))
            return self.caller(step.caller) if lent else own
        owner = self._owned.get(str(arguments.get(step.owner_of)))
        if owner is None or set_up or own is None or owner.user == own.name:
            return owner or own
        if step.owner_of in step.names():
            return own
        raise NotApplicable(
            f"{operation.name} names no {step.owner_of}: credentials alone decide whose it is, "
            f"so {own.name} has no way to ask for another's"
        )

    def own(self, thing: str, caller: Caller | None) -> None:
        """Note whose something is, so that a later call about it can be made as its owner."""
        if caller is not None and thing:
            with self._lock:
                self._owned[thing] = caller

    def put(self, group: str, thing: str, caller: Caller | None) -> None:
        """Note in whose place something was made. Two users' things may bear the same number."""
        if caller is not None and thing:
            with self._lock:
                self._places.setdefault((group, thing), []).append(caller)

    def place(
        self, arguments: Mapping[str, Any], caller: Caller | None, own: Callable[[str], Any]
    ) -> Callable[[str], Any]:
        """Return what ``user.…`` means in a path: whose place the thing asked for is in, whoever asks.

        It is the caller's own if the thing is there, else its owner's, and the first user's for a stranger.
        Credentials are never lent: what is not public is read by ``own``.
        """
        named = (self._places.get((group, str(arguments.get(argument)))) for argument, group in HELD)
        there = next(filter(None, named), [])
        holder = caller if not there or caller in there else there[0]
        holder = holder or self._callers.get(self._default)
        return lambda name: found if holder and (found := holder.public(name)) is not None else own(name)

    def opened(self, account: str, user: str, credentials: Mapping[str, Any]) -> None:
        """Note an account that was opened with credentials of its own."""
        for name, value in credentials.items():
            self._secrets.remember(str(value), f"{user}_ACCOUNT_{name}".upper())
        place = '[operations."accounts.open"].credentials'
        self.own(account, Caller(user, self._file, self._secrets, credentials, f"{user}/{account}", place))

    def _adopt(self, item: Mapping[str, Any], place: str) -> None:
        owner = str(item.get("owner", ""))
        own = item.get("credentials")
        if isinstance(own, Mapping):
            caller = Caller(owner, self._file, self._secrets, own, f"{owner}/{item['id']}", place)
            self._owned[str(item["id"])] = caller
        elif owner in self._callers:
            self._owned[str(item["id"])] = self._callers[owner]
