"""The handle that a run holds on the embedded reference bank."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from conformance.errors import HarnessError
from conformance.reference import demo
from conformance.reference.keys import Seed
from conformance.reference.order import SEED_VARIABLE

#: Seconds the bank may take until it is ready, and until it has stopped.
READY_S = 30
STOP_S = 5


class ReferenceProcess:
    """Starts the bank and its minder as child processes on loopback ports and stops them; a context manager.

    ``directory`` receives database, certificates and ``candidate.toml``. ``faults`` are on from the start.
    ``only_plugins`` names the suites whose parts are hosted; None means all.
    """

    def __init__(self, directory: Path, faults: Sequence[str] = (), only_plugins: Sequence[str] | None = None) -> None:
        self._directory = directory
        self._initial = tuple(faults)
        self._only = only_plugins
        self._seed = Seed(secrets.token_bytes(32))
        self._child: subprocess.Popen[str] | None = None
        self._ready: dict[str, Any] = {}

    # -- what a run needs ---------------------------------------------------------------------------------

    @property
    def candidate_path(self) -> Path:
        """The complete ``candidate.toml`` of the running bank."""
        return self._directory / "candidate.toml"

    @property
    def environment(self) -> dict[str, str]:
        """Secrets that ``candidate.toml`` names, for the environment of processes that talk to the running bank."""
        return {**self._ready.get("environment", {}), **demo.environment(self._seed)}

    @property
    def base_url(self) -> str:
        """The bank's main URL."""
        return str(self._ready["base_url"])

    @property
    def pid(self) -> int:
        """The bank's process id, another after each restart; raises HarnessError when it is dead."""
        pid = int(self._control("GET", "/life")["pid"])
        if not pid:
            raise HarnessError("the reference candidate is dead", remedy="Start it first.")
        return pid

    @property
    def faults(self) -> list[str]:
        """The faults that are on."""
        return [str(fault) for fault in self._control("GET", "/faults")["faults"]]

    def hits(self) -> dict[str, int]:
        """Return how many payments each counted ``load.*`` fault has hit."""
        return {str(name): int(count) for name, count in self._control("GET", "/faults")["hits"].items()}

    def reset(self, faults: Sequence[str] = ()) -> None:
        """Start over with an empty database and exactly these faults; credentials and ports stay."""
        self._control("POST", "/reset", {"faults": list(faults)})

    def switch(self, faults: Sequence[str]) -> None:
        """Switch exactly these faults on and keep everything else."""
        self._control("PUT", "/faults", {"faults": list(faults)})

    def hook(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a hook of the test environment."""
        return self._control("POST", f"/hooks/{name}", arguments)

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the bank and wait until it is ready; raises HarnessError when it is not.

        A bank that was killed comes back on the same ports, with what was on disk and the faults it had.
        """
        if self._child is not None:
            self.hook("start")
            return self
        self._directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "conformance.reference.serve", "--directory", str(self._directory)]
        for fault in self._initial:
            command += ["--fault", fault]
        if self._only is not None:
            command += ["--only-plugins", ",".join(self._only)]
        variables = {**os.environ, SEED_VARIABLE: self._seed.secret.hex()}
        with (self._directory / "reference.err").open("wb") as errors:
            # In a session of its own: an interruption from the terminal ends the run, which has still to ask it what
            # became of its payments. It ends when its input is closed.
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=variables, text=True,
                start_new_session=True,
            )  # fmt: skip
        self._ready = self._await_ready()
        return self

    def stop(self) -> None:
        """Stop the bank; kill it if it does not."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOP_S)

    def kill(self) -> None:
        """End the bank at once, as a power cut would; :meth:`start` brings it back with what was on disk."""
        self.hook("kill")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[str]:
        if self._child is None:
            raise HarnessError("the reference candidate is not running", remedy="Start it first.")
        return self._child

    def _await_ready(self) -> dict[str, Any]:
        child = self._running()
        limit = time.monotonic() + READY_S
        assert child.stdout is not None  # noqa: S101 - asked for above
        while time.monotonic() < limit and child.poll() is None:
            if select.select([child.stdout], [], [], 0.1)[0] and (line := child.stdout.readline()):
                ready: dict[str, Any] = json.loads(line)
                return ready
        self.stop()
        raise HarnessError(
            f"the reference candidate did not start: {self._last_words()}",
            where=str(self._directory / "reference.err"),
            remedy="Read that file; it says what the child process met.",
        )

    def _last_words(self) -> str:
        lines = (self._directory / "reference.err").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._running()
        address = str(self._ready["control"]).partition("://")[2]
        token = self.environment[demo.CONTROL_VARIABLE]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(address, timeout=READY_S)
        try:
            connection.request(method, path, json.dumps(body or {}), headers)
            response = connection.getresponse()
            value: dict[str, Any] = json.loads(response.read())
        except (OSError, ValueError) as error:
            raise HarnessError(f"the reference candidate's control port failed: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise HarnessError(f"the reference candidate's control port answered {response.status}: {value}")
        return value
