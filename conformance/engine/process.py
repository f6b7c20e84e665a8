"""Child processes of a run: started in a group of their own, watched, and stopped by their own pid."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.engine.events import Event

#: How much longer than a check's own deadline the parent waits before it believes that the child hangs.
GRACE_S = 20.0


class ChildDied(Exception):
    """A child ended or hung before it had finished its work order. ``reason`` says how."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EventProcess:
    """A child that takes lines on standard input and tells events through a pipe of its own.

    What the child prints goes to ``log``. The context manager ends the child, politely, then firmly.
    """

    def __init__(self, module: str, arguments: list[str], environment: Mapping[str, str], log: Path, cwd: Path) -> None:
        reading, writing = os.pipe()
        self._reading = reading
        self._buffer = b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment, "CONFORMANCE_EVENTS_FD": str(writing)},
                pass_fds=(writing,),
                cwd=cwd,
                start_new_session=True,
            )
        os.close(writing)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def __enter__(self) -> EventProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def order(self, line: str) -> None:
        """Send one line of work; raises ChildDied when nobody reads it."""
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - opened as a pipe above
        try:
            stream.write(line.encode() + b"\n")
            stream.flush()
        except OSError as error:
            raise ChildDied(f"the child process is gone ({error.strerror})") from error

    def events(self, patience_s: float) -> Iterator[Event]:
        """Yield events as they come; raises ChildDied at the end of the pipe or after ``patience_s`` of silence.

        The patience starts anew with each event; an event may carry ``patienceS`` to change it.
        """
        limit = time.monotonic() + patience_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            while True:
                for event in self._lines():
                    patience_s = float(event.get("patienceS", patience_s))
                    yield event
                    limit = time.monotonic() + patience_s
                if not selector.select(max(0.0, limit - time.monotonic())):
                    raise ChildDied(f"the child process said nothing for {patience_s:g} s")
                data = os.read(self._reading, 65536)
                if not data:
                    raise ChildDied(self._ending())
                self._buffer += data

    def close_orders(self) -> None:
        """Close the child's input: it is to come to its end by itself."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def stop(self) -> None:
        """Close the child's input, wait shortly, then end its process group; an interruption ends it at once."""
        self.close_orders()
        try:
            self._end()
        finally:
            # Also when somebody did not want to wait: nothing is left that could go on.
            if self._process.poll() is None:
                self._signal(signal.SIGKILL)
                self._process.wait(5.0)
            if self._reading >= 0:
                os.close(self._reading)
                self._reading = -1

    def _end(self) -> None:
        for send, wait_s in ((None, 2.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            if send is not None:
                self._signal(send)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
                return

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _lines(self) -> Iterator[Event]:
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            yield _parse(line)

    def _ending(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        code = self._process.returncode
        if code is not None and code < 0:
            return f"the child process was killed by {signal.Signals(-code).name}"
        return f"the child process ended with code {code}"


def _parse(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {"event": "noise", "text": line[:200].decode(errors="replace")}
    return value if isinstance(value, dict) else {"event": "noise"}
