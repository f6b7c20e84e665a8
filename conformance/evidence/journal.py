"""The journal: every exchange of a run, append-only, in segments of Zstandard frames that survive ``kill -9``.

One process writes at a time (a lock says so); each opens a segment of its own and continues the sequence numbers.
A frame is complete on disk (``fdatasync``) before the next begins, so a crash costs at most the frame being written:
opening the journal again drops that torn end and nothing else. The leaf hashes beside a segment follow from its
records and are worked out again then, so they alone need not be on disk before the segment is closed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Self

from conformance.errors import HarnessError, RunInUse
from conformance.evidence import merkle
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.frames import BadFrame, TruncatedFrame, frames, pack, unpack
from conformance.evidence.reader import leaves_path, parse_record, segment_name, segment_number, segments_in, summary

#: A frame is written when it holds this many records, or at once after a record of so many bytes.
RECORDS_PER_FRAME = 500
_RECORD_LARGE = 256 * 1024
#: How long a writer is given that finishes what a process left to it that has ended, in seconds.
FINISHING_S = 15.0
_LOCK_POLL_S = 0.02
_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class _Committed:
    """How far both files of the segment are good, and the records waiting for the next frame.

    Replaced as a whole: whatever interrupts a write (a signal, a full disk), the next one cuts the files back to
    these lengths and begins again, so no frame is ever torn or written twice.
    """

    segment_bytes: int
    leaf_bytes: int
    records: int
    waiting: list[bytes]


class Journal:
    """Writes records into ``directory`` (a run's ``evidence/``). Safe to use from several threads.

    Raises RunInUse if another process writes there after ``patience_s`` still, HarnessError when the disk refuses.
    """

    def __init__(self, directory: Path, *, records_per_frame: int = RECORDS_PER_FRAME, patience_s: float = 0.0) -> None:
        self.directory = directory
        self._records_per_frame = records_per_frame
        self._mutex = threading.RLock()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _locked(directory, patience_s)
        number, self._first_seq = recover(directory)
        self._segment = directory / segment_name(number + 1)
        self._frames = _Growing(self._segment)
        self._leaves = _Growing(leaves_path(self._segment))
        self._state = _Committed(0, 0, 0, [])

    @property
    def next_seq(self) -> int:
        """Return the sequence number that the next record will have; the first is 1."""
        state = self._state
        return self._first_seq + state.records + len(state.waiting)

    def append(self, make: Callable[[int], bytes]) -> int:
        """Add the record that ``make`` returns for the sequence number it is given; return that number."""
        with self._mutex:
            seq = self.next_seq
            line = make(seq)
            if b"\n" in line:
                raise ValueError("a record is one line")
            waiting = self._state.waiting
            waiting.append(line)
            if len(waiting) >= self._records_per_frame or len(line) >= _RECORD_LARGE:
                self.flush()
            return seq

    def flush(self) -> None:
        """Make everything appended so far durable. After an error it may be called again."""
        with self._mutex:
            state = self._state
            if not state.waiting:
                return
            frame = pack(b"\n".join(state.waiting) + b"\n")
            leaves = b"".join(map(merkle.leaf_hash, state.waiting))
            try:
                self._frames.write_at(state.segment_bytes, frame, durable=True)
                self._leaves.write_at(state.leaf_bytes, leaves, durable=False)
            except OSError as error:
                raise _refused(error, self._segment) from error
            self._state = _Committed(
                state.segment_bytes + len(frame),
                state.leaf_bytes + len(leaves),
                state.records + len(state.waiting),
                [],
            )

    def close(self) -> None:
        """Write what is left and let another process write here."""
        with self._mutex:
            try:
                self.flush()
                self._leaves.sync()
            except OSError as error:
                raise _refused(error, self._segment) from error
            finally:
                self._frames.close()
                self._leaves.close()
                self._lock_file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Growing:
    """A file that is written at its end, made and opened when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: FileIO | None = None

    def write_at(self, start: int, data: bytes, *, durable: bool) -> None:
        """Let ``data`` follow the first ``start`` bytes; on an error the file ends there."""
        stream = self._opened()
        stream.truncate(start)
        stream.seek(start)
        try:
            view = memoryview(data)
            while view:
                view = view[stream.write(view) :]
            if durable:
                self.sync()
        except OSError:
            stream.truncate(start)
            raise

    def sync(self) -> None:
        """Make durable what was written."""
        if self._stream is not None:
            os.fdatasync(self._stream.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()

    def _opened(self) -> FileIO:
        if self._stream is None:
            stream = FileIO(self._path, "r+" if self._path.exists() else "x+")
            _sync_directory(self._path.parent)
            self._stream = stream
        return self._stream


def describe_evidence(directory: Path, *, patience_s: float = 0.0) -> dict[str, Any]:
    """Return the report's ``evidence`` member for a run nobody is writing, its torn end, if any, dropped first.

    Raises RunInUse if a process writes there after ``patience_s`` still, :class:`EvidenceDamaged` if more than the
    end is damaged.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(directory, patience_s):
        recover(directory)
        return summary(directory)


def recover(directory: Path) -> tuple[int, int]:
    """Drop the torn end of the last segment, if any; return its number (0: none) and the next sequence number.

    Raises :class:`EvidenceDamaged` when more than the end is damaged.
    """
    while segments := segments_in(directory):
        last = segments[-1]
        lines = _whole_lines(last)
        if lines:
            _restore_leaves(last, lines)
            return segment_number(last.name), _seq_of(lines[-1], last) + 1
        last.unlink()
        leaves_path(last).unlink(missing_ok=True)
    return 0, 1


def _seq_of(line: bytes, segment: Path) -> int:
    seq = parse_record(line, segment).get("seq")
    if not isinstance(seq, int):
        raise EvidenceDamaged("RECORD_DAMAGED", "a record has no sequence number", segment)
    return seq


def _whole_lines(segment: Path) -> list[bytes]:
    """Return the records of all whole frames and cut the file after them."""
    lines: list[bytes] = []
    good = 0
    with segment.open("r+b") as stream:
        try:
            for frame in frames(stream):
                lines += unpack(frame)[:-1].split(b"\n")
                good += len(frame)
        except TruncatedFrame:
            stream.truncate(good)
        except BadFrame as error:
            stream.seek(good)
            if stream.read().strip(b"\0"):
                raise EvidenceDamaged("SEGMENT_DAMAGED", str(error), segment) from None
            stream.truncate(good)
    return lines


def _restore_leaves(segment: Path, lines: list[bytes]) -> None:
    leaves = b"".join(map(merkle.leaf_hash, lines))
    path = leaves_path(segment)
    if not path.exists() or path.read_bytes() != leaves:
        path.write_bytes(leaves)
    with path.open("rb") as stream:
        os.fdatasync(stream.fileno())


def _refused(error: OSError, segment: Path) -> HarnessError:
    full = error.errno in _OUT_OF_SPACE
    return HarnessError(
        "the disk is full; the evidence written before is intact" if full else f"cannot be written: {error.strerror}",
        where=str(segment),
        remedy="Free some space, then resume the run." if full else "Check the directory, then resume the run.",
    )


def _locked(directory: Path, patience_s: float) -> BinaryIO:
    stream = (directory / ".lock").open("ab")
    limit = time.monotonic() + patience_s
    while not _taken(stream):
        if time.monotonic() >= limit:
            stream.close()
            raise RunInUse(
                "another process is writing this run's evidence",
                where=str(directory),
                remedy="Wait until it ends, or start a new run.",
            )
        time.sleep(_LOCK_POLL_S)
    return stream


def _taken(stream: BinaryIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
