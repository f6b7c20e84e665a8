"""One pass of checks over the planned list, surviving the death of the process that runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.engine.events import Event
from conformance.engine.process import GRACE_S, ChildDied, EventProcess
from conformance.engine.spec import CheckSpec
from conformance.errors import ConfigError, HarnessError
from conformance.model.outcome import Blame, CheckOutcome, Outcome

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where child processes run: working directory, log file, and the environment that holds secrets."""

    directory: Path
    log: Path
    environment: Mapping[str, str]


@dataclass(slots=True)
class CheckWorker:
    """A check process that is started when needed, kept for the next pass, and replaced when it dies.

    ``recording``: its first pass will write evidence, for which it makes itself ready at once.
    """

    place: Workplace
    recording: bool = False
    _process: EventProcess | None = field(default=None)

    def __enter__(self) -> CheckWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def process(self) -> EventProcess:
        """Return the running process, started if there is none."""
        if self._process is None:
            place = self.place
            words = ["--recording"] if self.recording else []
            self._process = EventProcess(
                "conformance.engine.check_child", words, place.environment, place.log, place.directory
            )
        return self._process

    def drop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stop()
            self._process = None


def run_pass(spec: CheckSpec, worker: CheckWorker, emit: Emit) -> None:
    """Run all checks of ``spec``; each ends with exactly one ``outcome`` event.

    A check whose process died is inconclusive (HARNESS) and the rest goes on in a new process: each death settles at
    least one check, so this ends. Raises ConfigError or HarnessError when the candidate cannot be bound at all.
    """
    remaining: dict[str, dict[str, Any]] = {item["id"]: item for item in spec.checks}
    while remaining:
        order = replace(spec, checks=tuple(remaining.values()))
        victim, reason = _one_process(order, worker, emit, remaining)
        if remaining:
            victim = victim or next(iter(remaining))
            emit({"event": "attempt-failed", "check": victim, "reason": reason})
            remaining.pop(victim, None)
            outcome = CheckOutcome(victim, Outcome.INCONCLUSIVE, reason, Blame.HARNESS)
            emit({"event": "outcome", **outcome.as_json()})


def _one_process(
    spec: CheckSpec, worker: CheckWorker, emit: Emit, remaining: dict[str, dict[str, Any]]
) -> tuple[str | None, str]:
    """Run until the pass or the process ends; return the check that was running and why it ended."""
    path = worker.place.directory / "checks.spec.json"
    spec.write(path)
    running: str | None = None
    try:
        child = worker.process()
        child.order(str(path))
        for event in child.events(_patience(spec)):
            match event["event"]:
                case "check-started" | "check-resumed":
                    running = str(event["check"])
                case "outcome":
                    # It may come when the next check has already begun: it waited for the disk.
                    running = None if running == event["check"] else running
                    remaining.pop(str(event["check"]), None)
                case "pass-finished":
                    return None, "the check process skipped it"
                case "pass-failed":
                    raise _failure(event)
            emit(event)
    except ChildDied as death:
        worker.drop()
        return running, death.reason
    return running, "the check process stopped"


def _patience(spec: CheckSpec) -> float:
    return max((int(item["deadlineS"]) for item in spec.checks), default=30) + GRACE_S


def _failure(event: Event) -> Exception:
    text = str(event["reason"])
    return ConfigError(text) if event.get("blame") == "CONFIG" else HarnessError(text)
