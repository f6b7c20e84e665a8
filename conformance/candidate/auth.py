"""Authentication: what each scheme adds to a request.

``[auth] scheme`` (or ``[users.x] scheme``):

    none        nothing
    bearer      token
    basic       username (a key may be the user), password
    api-key     key, sent in header (default X-Api-Key), after prefix; or in = "query" | "cookie" under name
    oauth2      client_id with client_secret, or with private_key, algorithm and kid (private_key_jwt); scope, audience;
                dpop binds the token to a key (see dpop.py)
    login       the operation ``operation`` (default login) gives a token at ``token_at`` (default $.session)
    cookie      like login, sent back as cookie ``cookie`` (default session)
    hmac        key; header, template, hash, encoding … (see keyed_hash.py)
    mtls        client_cert and client_key alone; they may stand beside any other scheme
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.candidate.callers import Caller
from conformance.candidate.draft import Draft
from conformance.candidate.extract import Query
from conformance.candidate.keyed_hash import SETTINGS as KEYED_SETTINGS
from conformance.candidate.keyed_hash import sign_keyed
from conformance.candidate.secrets import Secrets
from conformance.candidate.templates import MISSING
from conformance.errors import ConfigError
from conformance.sdk.answers import Accepted, Answer, describe
from conformance.sdk.findings import Inconclusive
from conformance.sdk.load import Lifetime

SCHEMES = ("none", "bearer", "basic", "api-key", "oauth2", "login", "cookie", "hmac", "mtls")

#: What ``[auth]`` may say, for one scheme or another.
SETTINGS = frozenset({
    "scheme", "header", "prefix", "token", "username", "password", "key", "in", "name", "client_id", "client_secret",
    "private_key", "algorithm", "kid", "scope", "audience", "dpop", "operation", "token_at", "expires_in", "cookie",
    "client_cert", "client_key", *KEYED_SETTINGS,
})  # fmt: skip

#: How long a token is used of which nobody says how long it lasts, in seconds.
ASSUMED_S = 3600.0
#: A token is fetched anew when less than this is left of it, in seconds.
MARGIN_S = 5.0

#: Schemes whose callers have a token that is fetched.
FETCHING = ("oauth2", "login", "cookie")

#: Asks the candidate for an operation as a caller, without credentials of its own.
Ask = Callable[[str, Caller], Answer]


@dataclass(frozen=True, slots=True)
class _Token:
    """``until`` it is used; ``over`` when it runs out, None where nobody said."""

    text: str
    until: float
    over: float | None


class Authentication:
    """Adds credentials to drafts, and keeps fetched tokens until they expire."""

    def __init__(self, ask: Ask, secrets: Secrets) -> None:
        self._ask = ask
        self._secrets = secrets
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._lock = threading.RLock()

    def apply(self, draft: Draft, caller: Caller) -> None:
        """Add what the caller's scheme says; a header that the draft already has is left alone."""
        match caller.scheme:
            case "none" | "mtls":
                return
            case "bearer":
                self._put(draft, caller, "Authorization", "Bearer " + caller.text("token"))
            case "basic":
                self._put(draft, caller, "Authorization", self._basic(caller))
            case "api-key":
                self._key(draft, caller)
            case "oauth2" | "login":
                prefix = "DPoP " if proves(caller) else "Bearer "
                self._put(draft, caller, "Authorization", caller.text("prefix", prefix) + self.token(caller))
            case "cookie":
                self._cookie(draft, caller)
            case "hmac":
                sign_keyed(draft, caller)
            case other:
                raise ConfigError(f"unknown scheme {other!r}", where=caller.where, remedy=f"One of {SCHEMES}.")

    def token(self, caller: Caller) -> str:
        """Return the caller's token, fetched when there is none or when it runs out."""
        return self._held(caller).text

    def lifetimes(self, caller: Caller) -> tuple[Lifetime, ...]:
        """Return how long the caller's token is good for; nothing where there is none or nobody said."""
        if caller.scheme not in FETCHING:
            return ()
        held = self._held(caller)
        if held.over is None:
            return ()
        left_s = max(0.0, held.over - time.monotonic())
        return (Lifetime(f"the token of {caller.name}", left_s, held.text, lambda: self._renewed(caller)),)

    def _renewed(self, caller: Caller) -> Lifetime:
        self.forget(caller)
        return next(iter(self.lifetimes(caller)))

    def _held(self, caller: Caller) -> _Token:
        key = (caller.name, caller.scheme)
        with self._lock:
            held = self._tokens.get(key)
            if held is None or held.until < time.monotonic():
                held = self._fetch(caller)
                self._tokens[key] = held
        return held

    def forget(self, caller: Caller) -> None:
        """Drop the caller's token, so that the next request fetches one."""
        with self._lock:
            self._tokens.pop((caller.name, caller.scheme), None)

    def _fetch(self, caller: Caller) -> _Token:
        default = "token" if caller.scheme == "oauth2" else "login"
        operation = caller.text("operation", default)
        answer = self._ask(operation, caller)
        if not isinstance(answer, Accepted):
            raise Inconclusive(f"{caller.name} cannot authenticate: {operation} was {describe(answer)}", blame="CONFIG")
        place = caller.text("token_at", "$.access_token" if caller.scheme == "oauth2" else "$.session")
        token = Query(place).first(answer.value)
        if token is MISSING or not isinstance(token, str):
            raise Inconclusive(f"{caller.name} cannot authenticate: no token at {place}", blame="CONFIG")
        self._secrets.remember(token, f"{caller.name.upper()}_TOKEN")
        stated, now = _stated(caller, answer.value), time.monotonic()
        assumed = ASSUMED_S if stated is None else stated
        return _Token(
            token, now + max(0.0, assumed - min(MARGIN_S, assumed / 10)), None if stated is None else now + stated
        )

    def _put(self, draft: Draft, caller: Caller, header: str, value: str) -> None:
        name = caller.text("header", header)
        if not draft.header(name):
            draft.set_header(name, value)

    def _basic(self, caller: Caller) -> str:
        pair = f"{caller.text('username')}:{caller.text('password')}"
        encoded = base64.b64encode(pair.encode()).decode()
        self._secrets.remember(encoded, f"{caller.name.upper()}_BASIC")
        return f"Basic {encoded}"

    def _key(self, draft: Draft, caller: Caller) -> None:
        key, name = caller.text("key"), caller.text("name", "api_key")
        match caller.text("in", "header"):
            case "query":
                if all(known != name for known, _ in draft.query):
                    draft.query.append((name, key))
            case "cookie":
                _add_cookie(draft, f"{name}={key}")
            case _:
                self._put(draft, caller, "X-Api-Key", caller.text("prefix") + key)

    def _cookie(self, draft: Draft, caller: Caller) -> None:
        _add_cookie(draft, f"{caller.text('cookie', 'session')}={self.token(caller)}")


def proves(caller: Caller) -> bool:
    """Tell whether a caller's tokens are bound to a key of its own (RFC 9449)."""
    return caller.scheme == "oauth2" and caller.settings.get("dpop") not in (None, False)


def _add_cookie(draft: Draft, pair: str) -> None:
    held = draft.header("Cookie")
    draft.set_header("Cookie", f"{held}; {pair}" if held else pair)


def _stated(caller: Caller, answer: dict[str, Any]) -> float | None:
    """Return how long a token lasts in seconds, None where neither the file nor the answer says so."""
    stated = caller.settings.get("expires_in", answer.get("expires_in"))
    try:
        return float(stated) if stated is not None else None
    except (TypeError, ValueError):
        return 60.0
