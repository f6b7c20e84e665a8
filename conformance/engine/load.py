"""Running load scenarios, each in a child process, because importing the load generator patches sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.engine.checks_pass import Workplace
from conformance.engine.events import Event
from conformance.engine.process import ChildDied, EventProcess
from conformance.model.plan import PlannedScenario


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """The work order of a load process. ``output`` is where its measurement goes, ``keep`` the
    run directory whose journal takes its exchanges, or "" for none."""

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


def run_scenario(spec: LoadSpec, place: Workplace, emit: Callable[[Event], None]) -> bool:
    """Run one scenario; its measurement is in ``spec.output`` if this returns True.

    A scenario that fails leaves no measurement: the checks that read it are then not tested, never passed.
    """
    directory = Path(spec.directory)
    directory.mkdir(parents=True, exist_ok=True)
    order = directory / f"{spec.scenario}.spec.json"
    order.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    emit({"event": "scenario-started", "scenario": spec.scenario})
    patience = float(spec.parameters.get("duration_s", 60)) + float(spec.parameters.get("warmup_s", 0)) + 120.0
    arguments = [str(order)]
    with EventProcess(
        "conformance.engine.load_child", arguments, place.environment, place.log, place.directory
    ) as child:
        try:
            for event in child.events(patience):
                if event["event"] in ("scenario-finished", "scenario-failed"):
                    emit({**event, "scenario": spec.scenario})
                    return bool(event["event"] == "scenario-finished")
                emit(event)
        except ChildDied as death:
            emit({"event": "scenario-failed", "scenario": spec.scenario, "reason": death.reason})
    return False


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
