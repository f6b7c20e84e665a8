"""Reading a journal that somebody else may have written: bounded, record by record.

The evidence directory holds, beside ``bodies/``, pairs of files: ``segment-0001.jsonl.zst`` (records, one JSON object
a line, in Zstandard frames) and ``segment-0001.leaves`` (their leaf hashes, 32 bytes each).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.evidence import merkle
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.frames import BadFrame, TruncatedFrame, frames, unpack

_NAME = re.compile(r"segment-(\d{4,6})\.jsonl\.zst")
#: A segment may expand to this many bytes, plus :data:`_EXPANSION_MAX` times its size on disk.
_EXPANSION_FREE = 256 * 1024 * 1024
_EXPANSION_MAX = 1000


def segment_name(number: int) -> str:
    """Return the file name of a segment, numbered from 1."""
    return f"segment-{number:04d}.jsonl.zst"


def segment_number(name: str) -> int:
    """Return the number in a segment's file name, 0 where it is not one."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


def leaves_path(segment: Path) -> Path:
    """Return the leaf file beside a segment."""
    return segment.with_name(segment.name.removesuffix(".jsonl.zst") + ".leaves")


def segments_in(directory: Path) -> list[Path]:
    """Return the segments of an evidence directory in order; none where it does not exist."""
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted((path for path in found if segment_number(path.name)), key=lambda path: segment_number(path.name))


def read_lines(segment: Path) -> Iterator[bytes]:
    """Yield each record's bytes, exactly as they were hashed; raises :class:`EvidenceDamaged`."""
    for content in _contents(segment):
        if not content.endswith(b"\n"):
            raise EvidenceDamaged("SEGMENT_DAMAGED", "a frame does not end with a whole record", segment)
        yield from content[:-1].split(b"\n")


def parse_record(line: bytes, segment: Path) -> dict[str, Any]:
    """Return one record; raises :class:`EvidenceDamaged` if the line is not a JSON object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EvidenceDamaged("RECORD_DAMAGED", f"a record is not JSON ({type(error).__name__})", segment) from None
    if not isinstance(record, dict):
        raise EvidenceDamaged("RECORD_DAMAGED", "a record is not a JSON object", segment)
    return record


def read_records(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield every record of a run's evidence directory in order."""
    for segment in segments_in(directory):
        for line in read_lines(segment):
            yield parse_record(line, segment)


def read_leaves(segment: Path) -> list[bytes]:
    """Return the leaf hashes kept beside a segment; raises :class:`EvidenceDamaged`."""
    path = leaves_path(segment)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvidenceDamaged("LEAVES_MISSING", f"the leaf file cannot be read ({error.strerror})", path) from None
    if len(data) % 32:
        raise EvidenceDamaged("LEAVES_DAMAGED", f"{len(data)} bytes are no whole number of leaf hashes", path)
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex; raises :class:`EvidenceDamaged` if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise EvidenceDamaged("SEGMENT_MISSING", f"cannot be read ({error.strerror})", path) from None


def summary(directory: Path) -> dict[str, Any]:
    """Return the report's ``evidence`` member, computed from the records themselves.

    Call it when the journal is closed. A segment's ``size`` counts records; ``first`` is its first sequence number.
    """
    tree = merkle.Tree()
    listed: list[dict[str, Any]] = []
    for segment in segments_in(directory):
        first = tree.size + 1
        for line in read_lines(segment):
            tree.append(merkle.leaf_hash(line))
        size = tree.size + 1 - first
        listed.append({"name": segment.name, "size": size, "first": first, "sha256": file_digest(segment)})
    return {"algorithm": merkle.ALGORITHM, "root": tree.root().hex(), "size": tree.size, "segments": listed}


def _contents(segment: Path) -> Iterator[bytes]:
    try:
        allowed = _EXPANSION_FREE + _EXPANSION_MAX * segment.stat().st_size
        with segment.open("rb") as stream:
            for frame in frames(stream):
                content = unpack(frame)
                allowed -= len(content)
                if allowed < 0:
                    raise EvidenceDamaged("SEGMENT_BOMB", "the segment expands beyond every measure", segment)
                yield content
    except TruncatedFrame as error:
        raise EvidenceDamaged("SEGMENT_TRUNCATED", str(error), segment) from None
    except BadFrame as error:
        raise EvidenceDamaged("SEGMENT_DAMAGED", str(error), segment) from None
    except OSError as error:
        raise EvidenceDamaged("SEGMENT_MISSING", f"cannot be read ({error.strerror})", segment) from None
