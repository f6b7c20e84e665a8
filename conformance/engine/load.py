"""Running load scenarios, each in a child process, because importing the load generator patches sockets."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conformance.engine.checks_pass import Workplace
from conformance.engine.events import Event
from conformance.engine.process import ChildDied, EventProcess
from conformance.model.plan import PlannedScenario

#: How long a load process that is to end may take to undo what it did and to account for what it sent, in seconds.
UNWIND_S_MAX = 60.0
#: How long a load process may be silent beside its own length, in seconds.
SILENT_S_MAX = 120.0

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """The work order of a load process. ``output`` is where its measurement goes, ``keep`` the
    run directory whose journal takes its exchanges, or "" for none. ``settle``: why an earlier process of the
    scenario ended; then nothing is pressed, and only what it left is accounted for."""

    run: str
    scenario: str
    module: str
    candidate: str
    parameters: dict[str, Any]
    directory: str
    output: str
    keep: str
    attempt: int = 1
    only_plugins: tuple[str, ...] | None = None
    seed: int = 0
    settle: str = ""


def run_scenario(spec: LoadSpec, place: Workplace, emit: Emit) -> bool:
    """Run one scenario; its measurement is in ``spec.output`` if this returns True.

    A scenario that fails leaves no measurement, or one that is invalid and says what is known of its payments: the
    checks that read it are then not tested or inconclusive, never passed. KeyboardInterrupt goes on when the load
    process has undone what it did and told what it knows.
    """
    Path(spec.directory).mkdir(parents=True, exist_ok=True)
    emit({"event": "scenario-started", "scenario": spec.scenario})
    try:
        return _run(spec, place, emit)
    except ChildDied as death:
        reason = death.reason
    with contextlib.suppress(ChildDied):
        _run(replace(spec, settle=reason), place, emit)
    emit({"event": "scenario-failed", "scenario": spec.scenario, "reason": reason})
    return False


def _run(spec: LoadSpec, place: Workplace, emit: Emit) -> bool:
    """Run a load process to its end; raises ChildDied where that was none of its own."""
    order = Path(spec.directory) / f"{spec.scenario}.spec.json"
    order.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    patience = float(spec.parameters.get("duration_s", 60)) + float(spec.parameters.get("warmup_s", 0)) + SILENT_S_MAX
    with EventProcess(
        "conformance.engine.load_child", [str(order)], place.environment, place.log, place.directory
    ) as child:
        try:
            return _heard(child, spec, patience, emit)
        except (KeyboardInterrupt, ChildDied):
            _unwound(child, spec, emit)
            raise


def _heard(child: EventProcess, spec: LoadSpec, patience_s: float, emit: Emit) -> bool:
    """Pass events on until the scenario ends, and tell whether it has a measurement that counts."""
    for event in child.events(patience_s):
        if event["event"] in ("scenario-finished", "scenario-failed", "scenario-interrupted"):
            emit({**event, "scenario": spec.scenario})
            return bool(event["event"] == "scenario-finished")
        emit(event)
    return False


def _unwound(child: EventProcess, spec: LoadSpec, emit: Emit) -> None:
    """Let the process end the pressure, undo its disturbances and account for its payments, within bounds."""
    child.close_orders()
    limit = time.monotonic() + UNWIND_S_MAX
    with contextlib.suppress(ChildDied):
        for event in child.events(UNWIND_S_MAX):
            if event["event"] in ("scenario-finished", "scenario-failed", "scenario-interrupted"):
                emit({**event, "scenario": spec.scenario})
                return
            if event["event"] == "progress":
                emit(event)
            if time.monotonic() > limit:
                return


def spec_for(
    planned: PlannedScenario,
    *,
    run: str,
    candidate: Path,
    directory: Path,
    keep: str,
    common: Mapping[str, Any],
) -> LoadSpec:
    """Return the work order of a planned scenario."""
    return LoadSpec(
        run=run,
        scenario=planned.id,
        module=planned.module,
        candidate=str(candidate),
        parameters=dict(planned.parameters),
        directory=str(directory),
        output=str(directory / f"{planned.id}.json"),
        keep=keep,
        **common,
    )
