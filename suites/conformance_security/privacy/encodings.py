"""What a message says once its encodings are taken off: base64, percent, JSON escapes and gzip, at most two deep.

Everything is bounded: a product cannot make the harness unpack more than it was sent, times a constant.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

#: Encodings taken off one another.
DEPTH_MAX = 2
#: Bytes unpacked of one message, all encodings together.
BYTES_MAX = 4 * 1024 * 1024
#: Bytes unpacked from one compressed stream.
_STREAM_MAX = 1024 * 1024
#: Words tried as base64 in one text: as many as stand in a large log, and read in a moment.
_WORDS_MAX = 20_000
#: Characters of a word that show whether it is text at all.
_SAMPLE = 64

_GZIP = b"\x1f\x8b\x08"
#: What may be base64 of text or of gzip: the first character tells the first byte, ASCII, Chinese or 1f.
_WORD = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-f56][A-Za-z0-9+/_-]{15,}={0,2}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_UNREADABLE = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class View:
    """A text, and the encodings taken off to read it, the outermost first."""

    text: str
    through: tuple[str, ...] = ()


def views(data: bytes) -> Iterator[View]:
    """Give every text in ``data``: as it stands, and with encodings taken off."""
    waiting: list[tuple[bytes, tuple[str, ...]]] = [(data, ())]
    left = BYTES_MAX
    while waiting and left > 0:
        raw, through = waiting.pop(0)
        left -= len(raw)
        text = _readable(raw)
        if text is not None:
            yield View(text, through)
        if len(through) < DEPTH_MAX:
            waiting += ((inner, (*through, name)) for name, inner in _inside(raw, text))


def _inside(raw: bytes, text: str | None) -> Iterator[tuple[str, bytes]]:
    """Give what lies one encoding deeper, with the name of that encoding."""
    if raw.startswith(_GZIP):
        yield "gzip", _unzipped(raw)
    if text is None:
        return
    if "\\u" in text:
        plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
        yield "JSON escapes", plain.encode("latin-1" if plain.startswith("\x1f\x8b") else "utf-8", "replace")
    if "%" in text and _PERCENT.search(text):
        yield "percent", unquote_to_bytes(text)
    for number, word in enumerate(_WORD.finditer(text)):
        if number >= _WORDS_MAX:
            return
        decoded = _unbase64(word.group())
        if decoded:
            yield "base64", decoded


def _readable(raw: bytes) -> str | None:
    """Return bytes as text, or None for what is no text: an image, a compressed stream, random bytes."""
    if _UNREADABLE.search(raw[:1024]):
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unbase64(word: str) -> bytes:
    """Return what a word means in either alphabet, or b"" where that is neither text nor compressed."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1 or not _meaningful(_decoded(plain[:_SAMPLE])):
        return b""
    return _decoded(plain)


def _decoded(plain: str) -> bytes:
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return b""


def _meaningful(sample: bytes) -> bool:
    """Tell whether bytes begin as text or as a gzip stream does; a cut character at the end is no objection."""
    if sample.startswith(_GZIP):
        return True
    if not sample or _UNREADABLE.search(sample):
        return False
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and error.start > 0
    return True


def _unzipped(raw: bytes) -> bytes:
    """Return the beginning of a gzip stream; a damaged one gives what could be read."""
    stream = zlib.decompressobj(31)
    try:
        return stream.decompress(raw, _STREAM_MAX)
    except zlib.error:
        return b""
