"""Learning secrets from answers: what lets one in is known to the redactor before the answer is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from conformance.candidate.calls import Call
from conformance.candidate.extract import Response, Unreadable
from conformance.candidate.secrets import Secrets
from conformance.candidate.understand import Parsed, judge, keep, understand
from conformance.sdk.answers import Accepted, Exchange

#: Members of an answer that hold something to authenticate with.
TOKEN_NAMES = ("token", "session", "secret", "key", "code")


class Learning:
    """Picks tokens and credentials out of answers."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def of(self, call: Call) -> Callable[[Exchange], None] | None:
        """Return what picks secrets out of a call's answer before it is recorded; None for calls that give none."""
        operation = call.operation
        if operation.credentials:
            return partial(self._credentials, call)
        if operation.group == "auth" or (call.caller and call.caller.settings.get("operation") == operation.name):
            return partial(self._tokens, call)
        return None

    def _tokens(self, call: Call, exchange: Exchange) -> None:
        holder = (call.caller.name if call.caller else "caller").upper()
        answer = understand(call.operation, exchange, call.arguments)
        for name, value in answer.value.items() if isinstance(answer, Accepted) else ():
            if isinstance(value, str) and name.endswith(TOKEN_NAMES):
                self._secrets.remember(value, f"{holder}_TOKEN")

    def _credentials(self, call: Call, exchange: Exchange) -> None:
        found: Mapping[str, Any] = {}
        if call.main:
            answer = understand(call.operation, exchange, call.arguments)
            found = answer.value.get("credentials", {}) if isinstance(answer, Accepted) else {}
        elif isinstance(verdict := judge(call.step, exchange), Parsed):
            with suppress(Unreadable):
                kept = keep(call.step, Response(verdict.document, exchange, call.arguments))
                found = {name: value for name, value in kept.items() if name.endswith(TOKEN_NAMES)}
        for value in found.values():
            self._secrets.remember(str(value), "ACCOUNT_KEY")
