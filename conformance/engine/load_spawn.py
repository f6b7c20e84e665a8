"""What a load process gives its scenario beside the candidate: further processes, and where connections go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.sdk.drivers import Driver

#: Seconds a worker may take to end by itself, and then to die.
STOP_S = 3


class Worker:
    """A load process as its parent holds it; see :class:`conformance.sdk.Spawned`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self) -> str:
        """Return how it ended, or "" while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        return f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}"

    def stop(self) -> None:
        """Wait a little for its own end, then end it."""
        for send in (None, signal.SIGTERM, signal.SIGKILL):
            if send is not None:
                self._process.send_signal(send)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
                return


class Spawner:
    """Starts load processes from the work order of another; ``spec`` is that order as plain data."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._count = 0

    def __call__(self, module: str, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> Worker:
        """Start ``module`` on the same candidate. ``environment`` holds what must not stand on disk."""
        self._count += 1
        directory = Path(self._spec["directory"])
        stem = f"{self._spec['scenario']}-process-{self._count}"
        order = {
            **self._spec,
            "module": module,
            "parameters": dict(parameters),
            "keep": "",
            "output": str(directory / f"{stem}.json"),
        }
        path = directory / f"{stem}.spec.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        command = [sys.executable, "-m", "conformance.engine.load_child", str(path)]
        variables = {name: value for name, value in os.environ.items() if name != "CONFORMANCE_EVENTS_FD"}
        # In the parent's process group, so that whoever ends the parent ends the worker too.
        return Worker(subprocess.Popen(command, env={**variables, **environment}, stdin=subprocess.DEVNULL))


def address_of(driver: Driver) -> Callable[[str], str] | None:
    """Return what finds the address that the driver's own session goes to, so that no name is resolved again."""
    session = getattr(driver, "session", None)
    return (lambda url: str(session.boundary.target(url).address)) if session is not None else None
