"""One pass of checks over the planned list, surviving the death of the process that runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.engine.events import Event
from conformance.engine.process import GRACE_S, ChildDied, EventProcess
from conformance.engine.spec import CheckSpec
from conformance.errors import ConfigError, HarnessError
from conformance.model.outcome import Blame, CheckOutcome, Outcome

#: A check process that dies is replaced this many times in a row without finishing any check in between.
RESTARTS_MAX = 3

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where check processes run: working directory, log file, and the environment that holds secrets."""

    directory: Path
    log: Path
    environment: Mapping[str, str]


def run_pass(spec: CheckSpec, place: Workplace, emit: Emit) -> None:
    """Run all checks of ``spec``; each ends with exactly one ``outcome`` event.

    A check whose process died is inconclusive (HARNESS) and the rest goes on in a new process. Raises ConfigError
    or HarnessError when the candidate cannot be bound at all.
    """
    remaining = {item["id"]: item for item in spec.checks}
    failures = 0
    while remaining:
        before = len(remaining)
        order = replace(spec, checks=tuple(remaining.values()))
        victim, reason = _one_process(order, place, emit, remaining)
        if not remaining:
            return
        failures = failures + 1 if len(remaining) == before else 0
        if victim is None or failures >= RESTARTS_MAX:
            victim = victim or next(iter(remaining))
        emit({"event": "attempt-failed", "check": victim, "reason": reason})
        _settle(remaining, victim, reason, emit)


def _settle(remaining: dict[str, object], victim: str, reason: str, emit: Emit) -> None:
    outcome = CheckOutcome(victim, Outcome.INCONCLUSIVE, reason, Blame.HARNESS)
    remaining.pop(victim, None)
    emit({"event": "outcome", **outcome.as_json()})


def _one_process(spec: CheckSpec, place: Workplace, emit: Emit, remaining: dict[str, object]) -> tuple[str | None, str]:
    """Run until the pass or the process ends; return the check that was running and why it ended."""
    path = place.directory / "checks.spec.json"
    spec.write(path)
    running: str | None = None
    with EventProcess("conformance.engine.check_child", [], place.environment, place.log, place.directory) as child:
        try:
            child.order(str(path))
            for event in child.events(_patience(spec)):
                match event["event"]:
                    case "check-started":
                        running = str(event["check"])
                        emit(event)
                    case "outcome":
                        running = None
                        remaining.pop(str(event["check"]), None)
                        emit(event)
                    case "pass-finished":
                        return None, "the check process skipped it"
                    case "pass-failed":
                        raise _failure(event)
                    case _:
                        emit(event)
        except ChildDied as death:
            return running, death.reason
    return running, "the check process stopped"


def _patience(spec: CheckSpec) -> float:
    return max((int(item["deadlineS"]) for item in spec.checks), default=30) + GRACE_S


def _failure(event: Event) -> Exception:
    text = str(event["reason"])
    return ConfigError(text) if event.get("blame") == "CONFIG" else HarnessError(text)
