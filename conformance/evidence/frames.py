"""Zstandard frames one by one, with bounds: a file from a stranger must not fill memory.

A segment is a plain concatenation of frames (any ``zstdcat`` reads it). Each states the size of its content and
carries a checksum; a reader finds where it ends by walking the block headers (RFC 8878 section 3.1.1), so nothing
is decompressed before its size is known to be acceptable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import zstandard

#: No frame may hold more than this, compressed or not, in bytes.
FRAME_BYTES_MAX = 64 * 1024 * 1024
_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER_MAX = 18
_LEVEL = 3


class BadFrame(Exception):
    """Not a frame that this project writes; the text says why."""


class TruncatedFrame(BadFrame):
    """The file ends in the middle of a frame: what a killed writer leaves behind."""


def pack(content: bytes) -> bytes:
    """Return ``content`` as one frame."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True).compress(content)


def unpack(frame: bytes, limit: int = FRAME_BYTES_MAX) -> bytes:
    """Return the content of one whole frame; raises :class:`BadFrame` if it is larger than ``limit`` or damaged."""
    try:
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= limit:
            raise BadFrame(f"a frame announces {size} bytes, allowed are 0 to {limit}")
        content = zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False) if size else b""
    except zstandard.ZstdError as error:
        raise BadFrame(f"a frame cannot be decompressed ({error})") from error
    if len(content) != size:
        raise BadFrame(f"a frame announces {size} bytes and holds {len(content)}")
    return content


def frames(stream: BinaryIO) -> Iterator[bytes]:
    """Yield each whole frame of ``stream``; raises :class:`TruncatedFrame` if the last one is cut short."""
    while head := stream.read(_HEADER_MAX):
        yield _one_frame(stream, head)


def _one_frame(stream: BinaryIO, head: bytes) -> bytes:
    if head[:4] != _MAGIC[: len(head[:4])]:
        raise BadFrame("this is not a Zstandard frame")
    header_size, has_checksum = _header(head)
    if len(head) < header_size:
        raise TruncatedFrame("the file ends inside a frame header")
    stream.seek(header_size - len(head), 1)
    parts, total, last = [head[:header_size]], header_size, False
    while not last:
        header = _exactly(stream, 3)
        number = int.from_bytes(header, "little")
        last, kind, size = bool(number & 1), (number >> 1) & 3, number >> 3
        block = _exactly(stream, 1 if kind == 1 else size)
        total += 3 + len(block)
        if kind == 3 or total > FRAME_BYTES_MAX:
            raise BadFrame("a frame has an impossible block or is too large")
        parts += (header, block)
    if has_checksum:
        parts.append(_exactly(stream, 4))
    return b"".join(parts)


def _header(head: bytes) -> tuple[int, bool]:
    try:
        return zstandard.frame_header_size(head), zstandard.get_frame_parameters(head).has_checksum
    except zstandard.ZstdError as error:
        if len(head) < _HEADER_MAX:
            raise TruncatedFrame("the file ends inside a frame header") from error
        raise BadFrame(f"a frame header is damaged ({error})") from error


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise TruncatedFrame("the file ends inside a frame")
    return data
