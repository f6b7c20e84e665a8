"""Answers: what came back when an operation was asked of a candidate. Nothing here raises for the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Why an answer is not an answer. ``throttled`` is a 429: the candidate's own limit, not a refusal.
BrokenKind = Literal[
    "server-error",
    "timeout",
    "connection",
    "tls",
    "unparseable",
    "schema",
    "throttled",
    "too-large",
    "redirect",
]


#: A command that repeats an exchange, or what composes it when it is asked for: few are ever printed.
Command = str | Callable[[], str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back, as it was recorded.

    ``seq`` is its number in the journal; ``status`` is 0 where the protocol has none or nothing came back.
    ``command`` gives :attr:`curl`. ``elapsed_us`` is in microseconds.
    """

    seq: int
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    command: Command = field(default="", repr=False, compare=False)
    elapsed_us: int = 0
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: bytes = b""
    url: str = ""
    method: str = ""

    @property
    def curl(self) -> str:
        """Return the command that repeats it, with secrets named as environment variables; "" where there is none."""
        return composed(self.command)

    def header(self, name: str) -> str:
        """Return a response header by its name in any case, or ""."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The product did it. ``value`` is the canonical result of the neutral contract."""

    value: dict[str, Any]
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Refused:
    """The product understood and declined. ``code`` is its own error code, ``value`` the parsed body."""

    code: str
    exchange: Exchange
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """Neither: a 5xx, a timeout, a lost connection, a body that cannot be parsed, or a 429."""

    kind: BrokenKind
    detail: str
    exchange: Exchange


Answer = Accepted | Refused | Broken


def composed(command: Command) -> str:
    """Return a command as text."""
    return command if isinstance(command, str) else command()


def describe(answer: Answer) -> str:
    """Return an answer in a few words, for messages."""
    status = f"HTTP {answer.exchange.status}" if answer.exchange.status else "no status"
    match answer:
        case Accepted():
            return f"accepted ({status})"
        case Refused(code=code):
            return f"refused ({status}, code {code or 'none'})"
        case Broken(kind=kind, detail=detail):
            return f"broken: {kind} ({detail})"
