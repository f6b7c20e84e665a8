"""A child process that answers lines, bounded in time and output; its pipes are read by threads of ours."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import IO

from conformance.sdk.answers import BrokenKind

#: Of what the program says on standard error, this much is kept for messages.
TAIL_BYTES = 2000
#: Seconds a program has to end after its input was closed, before it is killed.
GRACE_S = 1.0

#: What a child needs of our environment; secrets of other sections are none of its business.
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


class ProgramFailed(Exception):
    """Why there is no answer line; ``output`` is what came of it."""

    def __init__(self, kind: BrokenKind, detail: str, output: bytes = b"") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.output = output


class Program:
    """A running program; raises ProgramFailed if it cannot be started."""

    def __init__(self, command: list[str], directory: str | None, environment: Mapping[str, str]) -> None:
        inherited = {name: os.environ[name] for name in PASSED if name in os.environ}
        try:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env={**inherited, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailed("connection", f"the program cannot be started: {error}") from error
        self._pieces: queue.Queue[bytes] = queue.Queue(maxsize=256)
        self._tail: deque[bytes] = deque(maxlen=8)
        self._rest = b""
        self._ended = threading.Event()
        self._start(self._read_output, self._process.stdout)
        self._stderr = self._start(self._read_errors, self._process.stderr)

    def ask(self, line: bytes, timeout_s: float, limit: int) -> bytes:
        """Write a line and return the next one; raises ProgramFailed for a crash, a timeout or too much output."""
        until = time.monotonic() + timeout_s
        self._require_silence()
        # Written by a thread: a program that does not read would block us beyond the deadline.
        self._start(self._write, self._process.stdin, line + b"\n")
        return self._line(until, timeout_s, limit)

    def stop(self) -> None:
        """Close its input, wait a moment, then kill it and what it started, by their group."""
        self._ended.set()
        if self._process.poll() is None:
            try:
                self._process.wait(0 if self._process.stdin is None else self._close_input())
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, 9)
                self._process.wait()

    def _require_silence(self) -> None:
        """Before a call nothing may be waiting: an answer nobody asked for would be taken for the next one."""
        waiting = self._rest
        while not self._pieces.empty():
            piece = self._pieces.get_nowait()
            if not piece and not waiting:
                raise ProgramFailed("connection", self._death())
            waiting += piece
        if waiting:
            raise ProgramFailed("schema", "the program wrote a line that nobody asked for", waiting[:65536])

    def _line(self, until: float, timeout_s: float, limit: int) -> bytes:
        data = self._rest
        while b"\n" not in data:
            if len(data) > limit:
                raise ProgramFailed("too-large", f"more than {limit} bytes in one line", data[:65536])
            try:
                piece = self._pieces.get(timeout=max(0.001, until - time.monotonic()))
            except queue.Empty:
                raise ProgramFailed("timeout", f"no answer line within {timeout_s:g} s", data[:65536]) from None
            if not piece:
                raise ProgramFailed("connection", self._death(), data[:65536])
            data += piece
        line, _, self._rest = data.partition(b"\n")
        return line

    def _death(self) -> str:
        self._stderr.join(GRACE_S)
        try:
            status = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return "the program closed its output"
        said = b"".join(self._tail)[-TAIL_BYTES:].decode("utf-8", "replace").strip()
        return f"the program ended with status {status}" + (f": {said}" if said else "")

    def _close_input(self) -> float:
        if self._process.stdin:
            try:
                self._process.stdin.close()
            except OSError:
                return 0.0
        return GRACE_S

    def _start(self, work: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        return thread

    def _read_output(self, pipe: IO[bytes]) -> None:
        while piece := os.read(pipe.fileno(), 65536):
            while not self._ended.is_set():
                try:
                    self._pieces.put(piece, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if self._ended.is_set():
                return
        self._pieces.put(b"")

    def _read_errors(self, pipe: IO[bytes]) -> None:
        while piece := os.read(pipe.fileno(), 4096):
            self._tail.append(piece[-TAIL_BYTES:])

    def _write(self, pipe: IO[bytes], data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[pipe.write(left) :]
        except (OSError, ValueError) as error:
            self._tail.append(f"[its input was closed: {error}]".encode())
