"""Personal data and secrets behind an encoding: Base64, percent, JSON and XML escapes, gzip, one inside another.

What a reader of the evidence could decode is decoded here first. A piece in which something is found is hidden as a
whole; everything else stays byte for byte. Bytes that are no text are skipped unless they are compressed, so that
digests, signatures and images are not destroyed. Unpacking is bounded: a compressed stream too long to be read to its
end cannot be vouched for and is hidden.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from typing import Protocol
from urllib.parse import unquote_to_bytes

from conformance.evidence.personal import replace_personal
from conformance.evidence.stretches import redo_stretches

#: Encodings taken off one another.
DEPTH_MAX = 3
#: Bytes unpacked for one message, beside a multiple of its own length.
BYTES_MAX = 4 * 1024 * 1024
#: How often a message's own length may be decoded: once for each reading of a word and each depth.
TIMES_MAX = 16
#: Bytes unpacked from one compressed stream.
STREAM_MAX = 1024 * 1024
#: Bytes of a damaged stream that are still tried, one by one.
_DAMAGED_MAX = 64 * 1024
#: An eleven-digit phone number in Base64, without padding.
WORD_MIN = 15
#: Characters of a word that show whether it is text at all.
_SAMPLE = 16
#: Nothing shorter is personal, or a secret with its name.
_JUDGED_MIN = 5
#: Words joined to others by a separator are also read from each of so many separators on.
_SUFFIXES_MAX = 4

_GZIP = "\x1f\x8b\x08"
_ZLIB = (b"x\x01", b"x^", b"x\x9c", b"x\xda")
_PACKED = (b"\x1f\x8b\x08", *_ZLIB)
_ZLIB_TEXT = tuple(start.decode("latin-1") for start in _ZLIB)
_LETTER = "[A-Za-z0-9+/_-]"
#: A word that may be Base64, with the lines that follow it: MIME and PEM wrap long ones.
_WORD = re.compile(rf"{_LETTER}{{{WORD_MIN},}}+(?:\r?\n{_LETTER}{{1,76}}+)*+={{0,2}}")
#: Digits become M, N or O in Base64; what these become one encoding further out, or an escape, has a capital as well.
_CAPITAL = re.compile(r"[A-Z]")
_SEPARATOR = re.compile(r"([+/_\r\n-])")
_CHARACTER = r"\\u[0-9A-Fa-f]{4}|&#(?:[0-9]{1,6}|[xX][0-9A-Fa-f]{1,5});"
#: An escaped character, or a blank between digits as forms write it. What all begin with comes first: that is fast.
_ESCAPE = re.compile(
    r"[%\\&+](?:(?<=%)[0-9A-Fa-f]{2}|(?<=\\)u[0-9A-Fa-f]{4}|(?<=&)#[0-9xX][0-9A-Fa-f]{0,5};|(?<=\d{3}\+)\d{4})"
)
#: What escapes stand in: a name or a value of a form or query, or a word.
_ESCAPED = re.compile(rf"(?:[\w.~+*!()/:@|$?-]|%[0-9A-Fa-f]{{2}}|{_CHARACTER})++")
_BLANK = re.compile(r"\+(?=[1-9]\d{7})")
_CHARACTER_ESCAPE = re.compile(_CHARACTER)
#: Readable UTF-8; a character cut at the end is no objection.
_TEXT = re.compile(
    rb"(?:[\t-\r -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+"
    rb"(?:[\xc2-\xf4][\x80-\xbf]{0,2})?\Z"
)
_UNREADABLE = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
#: Three digits in Base64, as every number that is looked for has them, whatever stands before it: of text in GBK.
_DIGITS_INSIDE = re.compile(r"[MNO][DTjz][AEIMQUYcgk][w-z0-5]")


class Finding(IntEnum):
    """What a decoded text holds, the worse the higher."""

    NOTHING = 0
    PERSONAL = 1
    SECRET = 2


class Budget:
    """How many bytes may still be decoded for one message."""

    def __init__(self) -> None:
        self.left = BYTES_MAX

    def allow(self, length: int) -> None:
        """Let a text of ``length`` characters be decoded as often as its readings need."""
        self.left += TIMES_MAX * length


class Judge(Protocol):
    """Who knows what is personal and what is secret, and what stands in its place."""

    budget: Budget

    def judge(self, decoded: str) -> Finding:
        """Tell what a decoded text holds."""
        ...

    def hide(self, piece: str, finding: Finding) -> str:
        """Return what stands for an encoded piece."""
        ...

    def known_harmless(self, piece: str) -> bool:
        """Tell whether nothing was found in this piece before."""
        ...


def replace_encoded(text: str, judge: Judge) -> str:
    """Return ``text`` with each encoded piece hidden that holds something personal or secret."""
    if _GZIP in text or text.startswith(_ZLIB_TEXT):
        text = _without_streams(text, judge)
    if _escapes_in(text):
        text = _without_escapes(text, judge)
    if len(text) < WORD_MIN:
        return text
    return _WORD.sub(lambda found: _word(found.group(), judge), text)


# -- compressed streams -------------------------------------------------------------------------------------------


def _without_streams(text: str, judge: Judge) -> str:
    """Hide compressed streams in bytes that were read as Latin-1, wherever they begin."""
    pieces: list[str] = []
    end, start = 0, 0 if text.startswith(_ZLIB_TEXT) else text.find(_GZIP)
    while start >= 0:
        raw = text[start:].encode("latin-1", "replace") if judge.budget.left > 0 else b""
        judge.budget.left -= len(raw)
        finding, length = _stream(raw, judge) if raw else (Finding.PERSONAL, len(text) - start)
        if finding:
            pieces += (text[end:start], judge.hide(text[start : start + length], finding))
            end = start + length
        start = text.find(_GZIP, start + max(length, 1))
    return "".join(pieces) + text[end:]


def _stream(raw: bytes, judge: Judge) -> tuple[Finding, int]:
    """Judge the stream that ``raw`` begins with; return the finding and the stream's length, 0 if it is none."""
    stream = zlib.decompressobj(47)
    try:
        inner = stream.decompress(raw, max(1, min(STREAM_MAX, judge.budget.left)))
    except zlib.error:
        inner, stream = _damaged(raw), zlib.decompressobj(47)
        length = 0
    else:
        length = len(raw) - len(stream.unused_data)
    judge.budget.left -= len(inner)
    finding = judge.judge(_as_text(inner)) if inner else Finding.NOTHING
    if stream.unconsumed_tail and not finding:
        finding = Finding.PERSONAL
    return finding, length or (len(raw) if finding else 0)


def _damaged(raw: bytes) -> bytes:
    """Return what a damaged stream gives before the damage."""
    stream = zlib.decompressobj(47)
    inner = bytearray()
    with suppress(zlib.error):
        for place in range(min(len(raw), _DAMAGED_MAX)):
            inner += stream.decompress(raw[place : place + 1])
            if len(inner) >= STREAM_MAX:
                break
    return bytes(inner)


def _as_text(raw: bytes) -> str:
    """Return bytes as text; where more compressed bytes are inside, so that these can be found again."""
    if b"\x1f\x8b\x08" in raw or raw.startswith(_ZLIB):
        return raw.decode("latin-1")
    return raw.decode("utf-8", "replace")


# -- escapes ------------------------------------------------------------------------------------------------------


def _escapes_in(text: str) -> bool:
    """Tell whether a text holds an escape; most hold not even what one begins with, which is seen at once."""
    begun = "%" in text or "+" in text or "&" in text or "\\" in text
    return begun and bool(_ESCAPE.search(text))


def _without_escapes(text: str, judge: Judge) -> str:
    text = redo_stretches(text, _ESCAPE, lambda stretch: _between_quotes(stretch, judge))
    if any(replace_personal(plain, _marked) != plain for plain in _unescaped(text)):
        return judge.hide(text, Finding.PERSONAL)
    return text


def _between_quotes(text: str, judge: Judge) -> str:
    return _ESCAPED.sub(lambda found: _escaped(found.group(), judge), text)


def _escaped(piece: str, judge: Judge) -> str:
    if not _ESCAPE.search(piece) or judge.known_harmless(piece):
        return piece
    finding = max(_judged(plain, judge) for plain in _unescaped(piece))
    return judge.hide(piece, finding) if finding else piece


def _unescaped(piece: str) -> Iterator[str]:
    """Give a piece without its escapes; where plus signs may stand for blanks, with these too.

    A plus sign before a whole number is a blank: of telephone numbers it is escaped, or was found without this.
    """
    yield _plain(_BLANK.sub(" ", piece) if "+" in piece else piece)
    if "+" in piece:
        yield _plain(piece.replace("+", " "))


def _plain(piece: str) -> str:
    if "\\u" in piece or "&#" in piece:
        piece = _CHARACTER_ESCAPE.sub(_character, piece)
    if piece.startswith(_GZIP) or "%" not in piece:
        return piece
    return _as_text(unquote_to_bytes(piece.encode("utf-8", "replace")))


def _character(found: re.Match[str]) -> str:
    escape = found.group()
    if escape[0] == "\\":
        return chr(int(escape[2:], 16))
    number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
    return chr(number)


def _marked(_: str) -> str:
    return "~"


# -- Base64 -------------------------------------------------------------------------------------------------------


def _word(word: str, judge: Judge) -> str:
    if not _CAPITAL.search(word) or judge.known_harmless(word):
        return word
    finding = _reading(word, judge)
    if finding:
        return judge.hide(word, finding)
    parts = _SEPARATOR.split(word)
    return word if len(parts) == 1 else _joined(word, parts, judge)


def _joined(word: str, parts: list[str], judge: Judge) -> str:
    """Read the parts of a path or a compound name, then what follows each of the first separators."""
    clean = "".join(_part(part, judge) if len(part) >= WORD_MIN else part for part in parts)
    if clean != word:
        return clean
    start = 0
    for index in range(0, min(len(parts) - 2, 2 * _SUFFIXES_MAX), 2):
        start += len(parts[index]) + 1
        if finding := _reading(word[start:], judge):
            return word[:start] + judge.hide(word[start:], finding)
    return word


def _part(part: str, judge: Judge) -> str:
    finding = _reading(part, judge)
    return judge.hide(part, finding) if finding else part


def _reading(word: str, judge: Judge) -> Finding:
    """Judge what a word means in either alphabet of Base64; nothing where that is neither text nor compressed."""
    if len(word) < WORD_MIN or not _CAPITAL.search(word):
        return Finding.NOTHING
    sample = _decoded(word[:_SAMPLE])
    if sample.startswith(_PACKED):
        return _packed(word, judge)
    if not _TEXT.match(sample) and (_UNREADABLE.search(sample) or not _DIGITS_INSIDE.search(word)):
        return Finding.NOTHING
    return _judged(_decoded(word).decode("utf-8", "replace"), judge)


def _packed(word: str, judge: Judge) -> Finding:
    if judge.budget.left <= 0:
        return Finding.PERSONAL
    raw = _decoded(word)
    judge.budget.left -= len(raw)
    finding, _ = _stream(raw, judge)
    return finding or _judged(_as_text(raw), judge)


def _judged(plain: str, judge: Judge) -> Finding:
    """Judge a decoded text; one that the budget does not allow is taken for personal."""
    if len(plain) < _JUDGED_MIN:
        return Finding.NOTHING
    judge.budget.left -= len(plain)
    return judge.judge(plain) if judge.budget.left > 0 else Finding.PERSONAL


def _decoded(word: str) -> bytes:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    plain = plain.replace("\r", "").replace("\n", "") if "\n" in plain else plain
    return binascii.a2b_base64((plain[:-1] if len(plain) % 4 == 1 else plain) + "==")
