"""Check digits of personal numbers, and scanners for members named like secrets and for internals.

Pure functions over text; :mod:`conformance_security.privacy` looks for personal data with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECK = "10X98765432"

#: Names of members that hold sensitive authentication data, compared without case, blanks and punctuation.
SECRET_NAMES = frozenset(
    {
        "cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2", "cav2", "securitycode", "cardverificationvalue",
        "pin", "pinblock", "password", "passwordhash", "passwd", "track1", "track2", "trackdata", "magstripe",
    }
)  # fmt: skip

#: What gives away how a product is built. Each: what it is, how it looks, and whether it tells in any answer, not in
#: an error alone.
_INTERNALS: tuple[tuple[str, re.Pattern[str], bool], ...] = (
    ("a Python stack trace", re.compile(r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+"), True),
    ("a Java stack trace", re.compile(r"\bat [\w$.]+\([\w$]+\.java:\d+\)|java\.lang\.\w+(?:Exception|Error)"), True),
    ("a JavaScript stack trace", re.compile(r"\n\s+at .+\(?[\w/.-]+\.[cm]?[jt]s:\d+:\d+\)?"), True),
    ("a .NET stack trace", re.compile(r"\bat [\w.<>`]+\(.*\) in .+:line \d+|System\.\w+Exception"), True),
    ("a Go stack trace", re.compile(r"goroutine \d+ \[running\]|panic: runtime error"), True),
    ("a PHP error", re.compile(r"(?:Fatal error|Warning|Notice): .+ on line \d+"), True),
    ("a Ruby stack trace", re.compile(r"\.rb:\d+:in [`']"), True),
    (
        "an SQL statement",
        re.compile(r"\b(?:SELECT\b.+?\bFROM|INSERT INTO|UPDATE\s+\w+\s+SET|DELETE FROM)\b", re.DOTALL),
        False,
    ),
    (
        "an SQL statement",
        re.compile(
            r"\[SQL: |\binsert\s+into\s+[\w.`\"]+\s*\(|\bdelete\s+from\s+[\w.`\"]+\s+where\b"
            r"|\bupdate\s+[\w.`\"]+\s+set\s+[\w.`\"]+\s*=|\bselect\s+[\w.*,\s`\"]+\sfrom\s+[\w.`\"]+\s+where\b",
            re.IGNORECASE,
        ),
        False,
    ),
    (
        "a database error",
        re.compile(
            r"ORA-\d{5}|SQLSTATE|sqlite3?\.\w*Error|psycopg2?\.|MySQLSyntaxError|pq: "
            r"|\b\w+\.(?:IntegrityError|OperationalError|ProgrammingError|DataError)\b|\bPG::\w+"
        ),
        True,
    ),
    (
        "a file system path",
        re.compile(r"(?:^|[\s\"'(=])(?:/(?:usr|home|opt|var|srv|app|root|etc|tmp)/\w|[A-Z]:\\)"),
        False,
    ),
    (
        "a server version",
        re.compile(r"\b(?:nginx|Apache|Tomcat|Jetty|uvicorn|gunicorn|Werkzeug|Express|IIS|PHP)/\d"),
        False,
    ),
)


#: Characters of a piece that are shown.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Telling:
    """A piece of ``text`` that gives away ``what``; ``everywhere``: in any answer, not in an error alone."""

    what: str
    text: str
    everywhere: bool

    def __str__(self) -> str:
        shown = " ".join(self.text.split())
        return f"{self.what} ({shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'})"


def luhn(digits: str) -> bool:
    """Tell whether a run of digits has a valid check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def identity_number(text: str) -> bool:
    """Tell whether 18 characters are a citizen identification number: a real date and a valid check character."""
    if not re.fullmatch(r"\d{17}[\dXx]", text):
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _IDENTITY_WEIGHTS, strict=False))
    return _IDENTITY_CHECK[total % 11] == text[17].upper()


def telling(text: str) -> Iterator[Telling]:
    """Give the first piece of each kind that discloses the inside of a product."""
    for what, pattern, everywhere in _INTERNALS:
        if found := pattern.search(text):
            yield Telling(what, found[0], everywhere)


def secret_members(value: Any, path: str = "$") -> list[str]:
    """Return the places in a JSON value where a member named like a secret holds something."""
    return list(_secrets(value, path))


def _secrets(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            place = f"{path}.{name}"
            if re.sub(r"[^a-z0-9]", "", str(name).lower()) in SECRET_NAMES and _holds_something(item):
                yield place
            yield from _secrets(item, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, f"{path}[{index}]")


def _holds_something(item: Any) -> bool:
    """A boolean ("pin": true = has one) or a fully masked text discloses nothing."""
    if item is None or isinstance(item, bool):
        return False
    return bool(re.sub(r"[*•xX\s]", "", str(item)))
