"""The head of a response: status, fields, and what they say about the body. Strict, because money follows from it.

Heads repeat: a server sends the same bytes thousands of times, apart from a date that changes once a second. So what
a head means is remembered by its bytes, and every head is read in full, strictly, but once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: Longest head, and longest section of trailers, in bytes.
HEAD_MAX = 64 * 1024
#: How many heads are remembered before the memory starts anew.
REMEMBERED_MAX = 512
_TEXT = rb"[\t \x21-\x7e\x80-\xff]*"
_FIELDS = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:" + _TEXT + rb"\r\n)*"
_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: " + _TEXT + rb")?\r\n(" + _FIELDS + rb")\r\n")
_TRAILERS = re.compile(_FIELDS + rb"\r\n")
_FOLD = re.compile(rb"\r\n[\t ]+")
_DIGITS = re.compile(rb"[0-9]{1,18}")
#: Fields that decide how a response is read.
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"content-encoding"))


class MalformedError(ValueError):
    """What came is not an HTTP/1 response. The message says why."""


class TooLargeError(ValueError):
    """A response exceeds a bound of ours. The message says which."""


class Fields(Mapping[str, str]):
    """Header fields, read when somebody asks; names compare in any case, and of equal names the last counts."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._read: dict[str, tuple[str, str]] | None = None

    def _fields(self) -> dict[str, tuple[str, str]]:
        if self._read is None:
            pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields_of(self._raw))
            self._read = {name.lower(): (name, value) for name, value in pairs}
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._fields()[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields()

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields().values())

    def __len__(self) -> int:
        return len(self._fields())


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says. ``length`` is None where no Content-Length was given; ``coding`` is the Content-Encoding.

    ``fields`` are the same object for all responses with this head: who has looked at it knows them all.
    """

    status: int
    length: int | None
    chunked: bool
    close: bool
    coding: str
    raw: bytes
    fields: Fields = field(compare=False, repr=False)

    @property
    def plain(self) -> bool:
        """Tell whether exactly ``length`` bytes follow, as they are, and the connection stays open."""
        return (
            self.length is not None
            and not self.close
            and not self.coding
            and self.status >= 200
            and self.status not in (204, 304)
        )


def fields_of(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields of a head that :func:`read_head` accepted."""
    for line in unfolded(raw).split(b"\r\n")[1:]:
        name, found, value = line.partition(b":")
        if found:
            yield name, value.strip(b" \t")


def unfolded(raw: bytes) -> bytes:
    """Join values that were folded over several lines, as RFC 9112, section 5.2 wants it of a client."""
    return _FOLD.sub(b" ", raw) if b"\r\n " in raw or b"\r\n\t" in raw else raw


def read_head(raw: bytes) -> Head:
    """Read a head up to and including its empty line; raises MalformedError."""
    first = raw.find(b"\r\n")
    if raw[first + 2 : first + 3] in (b" ", b"\t"):
        raise MalformedError("the first header line is a continuation")
    found = _HEAD.fullmatch(unfolded(raw))
    if found is None:
        raise MalformedError(_what_is_wrong(raw[:first]))
    given: dict[bytes, list[bytes]] = {}
    for line in found[3].split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in _FRAMING:
            given.setdefault(name, []).extend(item.strip(b" \t") for item in value.split(b","))
    version, status = found[1], int(found[2])
    chunked = _is_chunked(given.get(b"transfer-encoding", []), version)
    length = _length(given.get(b"content-length", []))
    if chunked and length is not None:
        raise MalformedError("both Transfer-Encoding and Content-Length")
    tokens = {token.lower() for token in given.get(b"connection", [])}
    close = b"close" in tokens or (version == b"0" and b"keep-alive" not in tokens)
    coding = b",".join(given.get(b"content-encoding", [])).decode("latin-1").lower()
    return Head(status, length, chunked, close, coding, raw, Fields(raw))


def check_trailers(raw: bytes) -> None:
    """Check the fields after the last chunk, up to and including the empty line; raises MalformedError."""
    if _TRAILERS.fullmatch(_FOLD.sub(b" ", raw)) is None:
        raise MalformedError("a trailer is not a field")


def _what_is_wrong(line: bytes) -> str:
    if re.match(rb"HTTP/1\.[01] [1-9][0-9][0-9](?: |$)", line):
        return "a header line is not a field, or holds a control character"
    return f"not a status line: {line[:60]!r}"


def _is_chunked(codings: list[bytes], version: bytes) -> bool:
    if not codings:
        return False
    if version == b"0":
        raise MalformedError("Transfer-Encoding in an HTTP/1.0 response")
    if [coding.lower() for coding in codings] != [b"chunked"]:
        raise MalformedError(f"Transfer-Encoding {b', '.join(codings)[:60]!r} is not chunked")
    return True


def _length(values: list[bytes]) -> int | None:
    if not values:
        return None
    if len(set(values)) > 1:
        raise MalformedError("two different Content-Lengths")
    if _DIGITS.fullmatch(values[0]) is None:
        raise MalformedError(f"Content-Length {values[0][:40]!r} is not a number")
    return int(values[0])
