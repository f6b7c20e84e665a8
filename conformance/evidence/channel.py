"""The channel to a recorder process: orders and records go one way, answers the other, each a frame on a pipe.

A frame is its length and then plain values as ``marshal`` writes them: both ends are this program, one the parent of
the other. The end of the pipe ends the recorder process, which first writes what it was given.
"""

from __future__ import annotations

import contextlib
import fcntl
import marshal
import struct
import subprocess
import sys
from typing import IO, Any, Self

from conformance.errors import ConfigError, ConformanceError, HarnessError, RunInUse

#: What a frame's first value says: give me a journal, append this, make it durable, let another process record.
OPEN, RECORD, FLUSH, CLOSE = range(4)
#: What an answer's first value says.
DONE, REFUSED = range(2)
#: How much may wait in the pipe, in bytes; what the system allows everybody by default.
_PIPE_BYTES = 1024 * 1024
_LENGTH = struct.Struct("<Q")
#: Errors that reach the check process as what they are; all others as HarnessError.
_ERRORS: dict[str, type[ConformanceError]] = {item.__name__: item for item in (ConfigError, RunInUse)}


def packed(values: tuple[Any, ...]) -> bytes:
    """Return plain values (text, bytes, numbers, tuples, lists, dicts and None) as one frame."""
    try:
        data = marshal.dumps(values)
    except ValueError:  # a subclass of one of those types is among them
        data = marshal.dumps(_plain(values))
    return _LENGTH.pack(len(data)) + data


def received(stream: IO[bytes]) -> tuple[Any, ...] | None:
    """Return the next frame's values, None at the end of the pipe, where a frame cut short counts for nothing."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        return None
    values: tuple[Any, ...] = marshal.loads(data)  # noqa: S302 - written by our own parent or child
    return values


def refusal(error: Exception) -> tuple[Any, ...]:
    """Return the answer that tells of an error."""
    if isinstance(error, ConformanceError):
        return (REFUSED, type(error).__name__, error.summary, error.where, error.remedy)
    return (REFUSED, "HarnessError", f"{type(error).__name__}: {error}", "", "")


class RecorderProcess:
    """A process that can record beside this one, started at once; it ends with the context or with its parent.

    :class:`conformance.evidence.beside.RecorderBeside` puts it to work. One thread at a time may talk to it.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "conformance.evidence.recorder_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None  # noqa: S101 - opened as pipes above
        assert answers is not None  # noqa: S101
        self._orders, self._answers = orders, answers
        with contextlib.suppress(OSError):  # a smaller pipe only fills sooner
            fcntl.fcntl(self._orders, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def send(self, *values: Any) -> None:
        """Send a frame; raises HarnessError with what the process last said, when it is gone."""
        try:
            self._orders.write(packed(values))
            self._orders.flush()
        except OSError:
            self._answer()
            raise self._ended() from None

    def ask(self, *values: Any) -> Any:
        """Send an order and return the answer; raises the ConformanceError that the process met."""
        self.send(*values)
        return self._answer()

    def end(self) -> None:
        """Return when the process has written what it was given and is gone."""
        with contextlib.suppress(OSError):
            self._orders.close()
        self._answers.close()
        self._process.wait()

    def _answer(self) -> Any:
        answer = received(self._answers)
        if answer is None:
            raise self._ended()
        if answer[0] == REFUSED:
            kind, summary, where, remedy = answer[1:]
            raise _ERRORS.get(kind, HarnessError)(summary, where=where, remedy=remedy)
        return answer[1]

    def _ended(self) -> HarnessError:
        code = self._process.wait()
        return HarnessError(
            f"the process that writes the evidence ended early, with code {code}",
            remedy="Resume the run; nothing was reported whose evidence is not on disk.",
        )


def _plain(value: Any) -> Any:
    """Return a value made of the very types that it is made of or that its types derive from."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else value
