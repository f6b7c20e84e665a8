"""The cradle: a process with everything loaded that forks the bank, so that a killed bank is back in no time.

The minder starts it before any thread of its own and speaks to it in lines: one request, one reply. When the minder
is gone, the cradle kills the bank and goes too; a bank that is paused dies as well.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from conformance.reference.order import Order

#: Seconds that a bank may take until it is ready, and until it has stopped when asked to.
READY_S = 30.0
STOP_S = 3.0
#: How often a bank that was asked to stop is looked after, in seconds.
_LOOK_S = 0.005


class CradleGone(Exception):
    """The cradle does not answer any more."""


class Cradle:
    """The minder's end: forks the cradle and asks it."""

    def __init__(self, only_plugins: Sequence[str] | None) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _rock(theirs, only_plugins)
        theirs.close()
        self._replies = ours.makefile("r", encoding="utf-8")
        self._channel = ours

    def bear(self, order: Order) -> dict[str, Any]:
        """Start a bank and wait until it is ready; the reply has ``pid`` 0 if it died before that."""
        return self._ask("bear " + order.as_json())

    def signal(self, number: signal.Signals) -> int:
        """Send the bank a signal and return its pid, 0 when there is none. A killed one is gone on return."""
        return int(self._ask(f"signal {int(number)}")["pid"])

    def end(self) -> int:
        """Stop the bank in order, or kill it when it does not; return the pid that it had."""
        return int(self._ask("end")["pid"])

    def living(self) -> int:
        """Return the pid of the bank, 0 when it is dead."""
        return int(self._ask("living")["pid"])

    def close(self) -> None:
        """End the bank and the cradle."""
        self._replies.close()
        self._channel.close()
        os.waitpid(self.pid, 0)

    def _ask(self, line: str) -> dict[str, Any]:
        try:
            self._channel.sendall(line.encode() + b"\n")
            reply = self._replies.readline()
        except OSError as error:
            raise CradleGone(str(error)) from error
        if not reply:
            raise CradleGone("it ended")
        value: dict[str, Any] = json.loads(reply)
        return value


def _rock(channel: socket.socket, only_plugins: Sequence[str] | None) -> NoReturn:
    """Be the cradle until the minder is gone."""
    status = 0
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _Nursery(channel, only_plugins).run()
    except BaseException:  # noqa: BLE001 - the last frame of this process; whoever reads its errors sees it
        traceback.print_exc()
        status = 1
    finally:
        sys.stderr.flush()
        os._exit(status)


class _Nursery:
    """The cradle's end: at most one bank, its child."""

    def __init__(self, channel: socket.socket, only_plugins: Sequence[str] | None) -> None:
        # Loaded here once, so that no bank has to.
        from conformance.reference import serving
        from conformance.reference.parts import load_parts

        self._live = serving.live
        self._warm = serving.warm
        self._parts = load_parts(only_plugins)
        self._channel = channel
        self._pid = 0

    def run(self) -> None:
        """Do what the minder asks."""
        try:
            for line in self._channel.makefile("r", encoding="utf-8"):
                verb, _, rest = line.strip().partition(" ")
                self._channel.sendall(json.dumps(self._do(verb, rest)).encode() + b"\n")
        finally:
            self._send(signal.SIGKILL)

    def _do(self, verb: str, rest: str) -> dict[str, Any]:
        if verb == "bear":
            return self._bear(Order.of(rest))
        if verb == "signal":
            return {"pid": self._send(signal.Signals(int(rest)))}
        return {"pid": self._end() if verb == "end" else self._alive()}

    def _alive(self) -> int:
        """Return the bank's pid, or 0; buries a dead one."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return self._pid

    def _send(self, number: signal.Signals) -> int:
        pid = self._alive()
        if pid:
            os.kill(pid, number)
            if number is signal.SIGKILL:
                os.waitpid(pid, 0)
                self._pid = 0
        return pid

    def _end(self) -> int:
        pid = self._alive()
        if pid:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        limit = time.monotonic() + STOP_S
        while self._alive() and time.monotonic() < limit:
            time.sleep(_LOOK_S)
        self._send(signal.SIGKILL)
        return pid

    def _bear(self, order: Order) -> dict[str, Any]:
        if pid := self._alive():
            return {"pid": pid}
        self._warm(order)
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            self._be_born(order, writing)
        os.close(writing)
        try:
            ready = _line(reading)
        finally:
            os.close(reading)
        if not ready:
            self._send(signal.SIGKILL)
            return {"pid": 0}
        return {"pid": self._pid, **json.loads(ready)}

    def _be_born(self, order: Order, writing: int) -> NoReturn:
        """Be the bank from here on."""
        status = 0
        try:
            os.close(self._channel.fileno())  # the reader of its lines would keep the socket open
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

            def announce(line: str) -> None:
                os.write(writing, line.encode() + b"\n")
                os.close(writing)

            self._live(order, self._parts, announce)
        except BaseException:  # noqa: BLE001 - the last frame of this process; whoever reads its errors sees it
            traceback.print_exc()
            status = 1
        finally:
            sys.stderr.flush()
            os._exit(status)


def _line(reading: int) -> bytes:
    """Return the line that a bank writes when it is ready; empty when it dies, or takes too long."""
    found = b""
    limit = time.monotonic() + READY_S
    while not found.endswith(b"\n"):
        left = limit - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return b""
        piece = os.read(reading, 65536)
        if not piece:
            return b""
        found += piece
    return found
