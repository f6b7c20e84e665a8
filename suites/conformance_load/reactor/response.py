"""Reading one response byte by byte: the slow path, for everything that does not arrive whole and plain.

A :class:`Reader` takes bytes as they come, however they were split, and knows when the response is complete. It is a
generator inside: each step waits for the bytes that it needs, and what is left over belongs to nobody.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator
from dataclasses import replace

from conformance_load.reactor.head import (
    HEAD_MAX,
    Head,
    MalformedError,
    TooLargeError,
    check_trailers,
    read_head,
)

#: Interim responses (100, 103) before the final one.
INTERIM_MAX = 16
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[\t \x21-\x7e\x80-\xff]*)?\r\n")
#: Longest line with a chunk's size and extensions, in bytes.
_CHUNK_LINE_MAX = 4096
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")

_Steps = Generator[None, None, None]


class Reader:
    """One response. ``bodiless``: it answers HEAD; ``body_max`` bounds the body, before and after decoding."""

    __slots__ = ("_at", "_buffer", "_ended", "_steps", "bodiless", "body_max", "done", "head", "pieces", "started")

    def __init__(self, *, bodiless: bool, body_max: int) -> None:
        self.bodiless = bodiless
        self.body_max = body_max
        self.head: Head | None = None
        self.pieces: list[bytes] = []
        #: Whether the response is complete, and whether any byte of it came.
        self.done = False
        self.started = False
        self._buffer = bytearray()
        self._at = 0
        self._ended = False
        self._steps = self._response()
        next(self._steps)

    def feed(self, data: bytes) -> bool:
        """Take bytes that came; return whether the response is complete. Raises MalformedError and TooLargeError."""
        self.started = True
        self._buffer += data
        return self._step()

    def end(self) -> bool:
        """Note that the server closed; return whether that completes the response. Raises MalformedError."""
        self._ended = True
        return self._step()

    @property
    def surplus(self) -> bool:
        """Tell whether bytes came that do not belong to the response."""
        return self.done and len(self._buffer) > self._at

    @property
    def close(self) -> bool:
        """Tell whether the connection ends with this response."""
        return self._ended or (self.head is not None and self.head.close)

    def body(self) -> bytes:
        """Return the body, its Content-Encoding undone; raises MalformedError and TooLargeError."""
        whole = b"".join(self.pieces)
        coding = self.head.coding if self.head else ""
        return decoded(whole, coding, self.body_max) if coding and whole else whole

    def _step(self) -> bool:
        if not self.done:
            try:
                self._steps.send(None)
            except StopIteration:
                self.done = True
        return self.done

    def _response(self) -> _Steps:
        for _ in range(INTERIM_MAX):
            raw = yield from self._section()
            self.head = head = read_head(raw)
            if head.status == 101:
                raise MalformedError("101 Switching Protocols was not asked for")
            if head.status >= 200:
                break
        else:
            raise MalformedError(f"more than {INTERIM_MAX} interim responses")
        if self.bodiless or head.status in (204, 304):
            return
        if head.chunked:
            yield from self._chunks()
        elif head.length is not None:
            self._bounded(head.length)
            self.pieces.append((yield from self._exactly(head.length)))
        else:
            yield from self._until_closed()

    def _chunks(self) -> _Steps:
        total = 0
        while True:
            line = yield from self._line(_CHUNK_LINE_MAX)
            found = _CHUNK.fullmatch(line)
            if found is None:
                raise MalformedError(f"not the size of a chunk: {line[:40]!r}")
            size = int(found[1], 16)
            if size == 0:
                break
            total += size
            self._bounded(total)
            self.pieces.append((yield from self._exactly(size)))
            if (yield from self._exactly(2)) != b"\r\n":
                raise MalformedError("a chunk is longer than its size")
        yield from self._trailers()

    def _trailers(self) -> _Steps:
        lines = b""
        while not lines.endswith(b"\r\n\r\n") and lines != b"\r\n":
            lines += yield from self._line(HEAD_MAX - len(lines))
        check_trailers(lines)

    def _until_closed(self) -> _Steps:
        if not self._ended and self.head is not None and not self.head.close:
            # Without a length the connection must end, whatever the fields say of it.
            self.head = replace(self.head, close=True)
        total = 0
        while True:
            piece = bytes(self._buffer[self._at :])
            self._at = len(self._buffer)
            total += len(piece)
            self._bounded(total)
            self.pieces.append(piece)
            if self._ended:
                return
            yield

    def _section(self) -> Generator[None, None, bytes]:
        """Wait for a head, up to its empty line."""
        looked = self._at
        while (found := self._buffer.find(b"\r\n\r\n", max(self._at, looked - 3))) < 0:
            if _BARE_LINE_FEED.search(self._buffer, self._at):
                raise MalformedError("a line ends with a bare line feed")
            looked = len(self._buffer)
            if looked - self._at > HEAD_MAX:
                raise TooLargeError(f"a head of more than {HEAD_MAX} bytes")
            self._still_open()
            yield
        return self._take(found + 4, HEAD_MAX, "a head")

    def _line(self, most: int) -> Generator[None, None, bytes]:
        looked = self._at
        while (found := self._buffer.find(b"\n", looked)) < 0:
            looked = len(self._buffer)
            if looked - self._at > most:
                raise TooLargeError(f"a line of more than {most} bytes")
            self._still_open()
            yield
        return self._take(found + 1, most, "a line")

    def _exactly(self, count: int) -> Generator[None, None, bytes]:
        while len(self._buffer) - self._at < count:
            self._still_open()
            yield
        return self._take(self._at + count, count, "a piece")

    def _take(self, end: int, most: int, what: str) -> bytes:
        if end - self._at > most:
            raise TooLargeError(f"{what} of more than {most} bytes")
        piece = bytes(self._buffer[self._at : end])
        self._at = end
        return piece

    def _bounded(self, size: int) -> None:
        if size > self.body_max:
            raise TooLargeError(f"more than {self.body_max} bytes")

    def _still_open(self) -> None:
        if self._ended:
            raise ConnectionError("closed before the response was complete")


def decoded(body: bytes, coding: str, most: int) -> bytes:
    """Undo a Content-Encoding; raises TooLargeError beyond ``most`` bytes, MalformedError where it is not that."""
    if coding == "identity":
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise MalformedError(f"Content-Encoding {coding[:60]!r} was not asked for")
    bits = 16 + zlib.MAX_WBITS if coding != "deflate" else zlib.MAX_WBITS
    if coding == "deflate" and not _has_zlib_header(body):
        bits = -zlib.MAX_WBITS
    machine = zlib.decompressobj(bits)
    try:
        made = machine.decompress(body, most + 1)
    except zlib.error as error:
        raise MalformedError(f"the body is not {coding}: {error}") from None
    if len(made) > most:
        raise TooLargeError(f"more than {most} bytes when decoded")
    if not machine.eof:
        raise MalformedError(f"the {coding} body is cut short")
    return made


def _has_zlib_header(body: bytes) -> bool:
    """Tell zlib's wrapping, which the standard means by deflate, from the bare stream that some servers send."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
