"""The run directory: where everything a run leaves behind lies, and the lock that keeps a second run out."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import ConfigError, HarnessError, RunInUse

#: Where runs go unless told otherwise, below the working directory.
RUNS = Path(".conformance") / "runs"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths of one run, and the few ways in which its small files are written."""

    root: Path

    @property
    def id(self) -> str:
        """The run's id: the name of its directory."""
        return self.root.name

    @property
    def plan(self) -> Path:
        """The plan, written before the first request."""
        return self.root / "plan.json"

    @property
    def events(self) -> Path:
        """What happened, one JSON object a line."""
        return self.root / "events.jsonl"

    @property
    def evidence(self) -> Path:
        """The journal's segments."""
        return self.root / "evidence"

    @property
    def load(self) -> Path:
        """Measurements and payment journals of load scenarios."""
        return self.root / "load"

    @property
    def payload(self) -> Path:
        """The report statement's canonical bytes."""
        return self.root / "report.json"

    @property
    def envelope(self) -> Path:
        """The signed report."""
        return self.root / "report.dsse.json"

    def write(self, path: Path, data: bytes) -> None:
        """Write a file so that after a crash it is either whole or not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except OSError as error:
            raise disk_error(path, error) from error


def new_run(base: Path | None = None, now: float | None = None) -> RunDirectory:
    """Make a new run directory named by time and a random suffix."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    root = (base or RUNS) / f"{stamp}-{secrets.token_hex(3)}"
    try:
        root.mkdir(parents=True)
    except OSError as error:
        raise disk_error(root, error) from error
    return RunDirectory(root.resolve())


def discard_unplanned(run: RunDirectory) -> None:
    """Remove the directory of a run that ended before it had a plan: nothing was asked of any product."""
    if not run.plan.exists():
        shutil.rmtree(run.root, ignore_errors=True)


def open_run(root: Path) -> RunDirectory:
    """Return an existing run; raises ConfigError if it has no plan."""
    run = RunDirectory(root.resolve())
    if not run.plan.is_file():
        raise ConfigError(
            "not a run directory: there is no plan.json",
            where=str(root),
            remedy="Name a directory below .conformance/runs, see `conformance runs`.",
        )
    return run


@contextmanager
def locked(run: RunDirectory) -> Iterator[None]:
    """Hold the run for this process; raises RunInUse when another one does."""
    with (run.root / "lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunInUse(
                "another process is writing this run",
                where=str(run.root),
                remedy="Wait for it to end, or start a new run in a directory of its own.",
            ) from None
        yield


def read_json(path: Path) -> Any:
    """Return the JSON in a file of the run; raises HarnessError if it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HarnessError(f"cannot be read: {error}", where=str(path), remedy="Start a new run.") from error


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return all whole events; a last line cut short by a crash is dropped."""
    if not path.exists():
        return []
    found: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            event = json.loads(line) if line else None
        except ValueError:
            break
        if isinstance(event, Mapping):
            found.append(dict(event))
    return found


def disk_error(path: Path, error: OSError) -> HarnessError:
    """Return the error for a file that cannot be written."""
    remedy = "Free some space" if error.errno == 28 else "Check the directory's permissions"
    return HarnessError(
        f"cannot be written: {error.strerror}", where=str(path), remedy=f"{remedy}, then `conformance run --resume`."
    )
