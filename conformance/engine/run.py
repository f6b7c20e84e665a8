"""A run: candidate file and profile in, signed report out. Resumable: finished checks are never repeated."""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.attest.canonical import canonical_bytes
from conformance.attest.envelope import sign
from conformance.attest.keys import Signer
from conformance.candidate.listening import require_listening
from conformance.candidate.open import bind
from conformance.engine.checks_pass import CheckWorker, Workplace, run_pass
from conformance.engine.events import EventLog, Listener
from conformance.engine.load import run_scenario, spec_for
from conformance.engine.matrix import SuiteCalibration, load_calibration
from conformance.engine.omitted import left_out
from conformance.engine.plan import Selection, make_plan, plan_digest, require_parameters
from conformance.engine.report import ReportInput, make_statement
from conformance.engine.rundir import RunDirectory, disk_error, locked, read_events, read_json
from conformance.engine.spec import CheckSpec
from conformance.engine.tracing import NullRecorder
from conformance.engine.world import World, load_world
from conformance.errors import ConfigError, HarnessError
from conformance.evidence.canary import canaries_of, canary_leaks
from conformance.evidence.journal import FINISHING_S, describe_evidence
from conformance.evidence.sidecar import run_key
from conformance.files.candidate_file import file_digest, named_files, named_secrets, read_candidate
from conformance.files.profile_file import profile_digest
from conformance.files.waiver_file import Waiver
from conformance.model.candidate import CandidateFile
from conformance.model.outcome import CheckOutcome
from conformance.model.plan import Plan
from conformance.model.profile import Profile
from conformance.model.requirement import Level
from conformance.plugins import PluginSource, load_drivers, load_modules

#: Shorter values of the environment are no secrets worth searching for: they occur everywhere.
SECRET_LENGTH_MIN = 12


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked to do. ``environment`` holds secrets for the child processes and stays in memory."""

    candidate: Path
    profile: Profile
    selection: Selection = field(default_factory=Selection)
    waivers: tuple[Waiver, ...] = ()
    only_plugins: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    subject_digest: str = ""
    mode: str = "self-test"
    issuer: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    allow_changed_candidate: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to: the statement, and where the signed report lies."""

    run: RunDirectory
    statement: dict[str, Any]


def prepare(request: RunRequest, run: RunDirectory, world: World, candidate: CandidateFile) -> Plan:
    """Fix the plan and write it with its digest, before the first request; on a resumed run, check that it still holds.

    Raises ConfigError when a resumed run's files have changed (a report must describe one plan), and when something
    is to be tested and nothing listens at the candidate's base URL.
    """
    inputs = {
        "candidate": request.subject_digest or file_digest(request.candidate),
        "profile": profile_digest(request.profile),
        **{f"suite:{item.id}": item.loaded.source.digest for item in world.suites},
    }
    require_parameters(world, request.overrides)
    operations = offered_operations(candidate, request.only_plugins)
    plan = make_plan(
        run.id, world, candidate, operations, request.profile, request.selection, inputs, request.overrides
    )
    _check_parameters(plan, world, candidate if request.overrides else _without_limit(candidate))
    if run.plan.exists():
        plan = _same_plan(run, plan)
    if _left(run, plan):
        require_listening(candidate)
    if run.plan.exists():
        return plan
    run.write(
        run.plan, json.dumps({**plan.as_json(), "digest": plan_digest(plan)}, ensure_ascii=False, indent=1).encode()
    )
    return plan


def _check_parameters(plan: Plan, world: World, candidate: CandidateFile) -> None:
    for scenario in plan.scenarios:
        contents = world.suite(scenario.suite)
        if contents is not None:
            contents.loaded.check_parameters(scenario.parameters, candidate)


def _without_limit(candidate: CandidateFile) -> CandidateFile:
    """Return the candidate as if any load were welcome.

    A rate of the profile's that is beyond the limit keeps its own scenario from being pressed, and takes nothing from
    other scenarios and suites; only what somebody has just asked for is refused at once.
    """
    return replace(candidate, limits=replace(candidate.limits, load_per_second_max=sys.maxsize))


def execute(
    request: RunRequest,
    run: RunDirectory,
    signer: Signer,
    listeners: tuple[Listener, ...] = (),
) -> RunResult:
    """Run everything that the plan expects and has not finished, then sign the report.

    Raises ConformanceError of any kind; KeyboardInterrupt leaves a resumable run.
    """
    place = Workplace(run.root, run.root / "log.txt", request.environment)
    with locked(run), CheckWorker(place, recording=True) as worker:
        worker.process()  # it imports what checks need while the plan is made
        world = load_world(request.only_plugins, tuple(request.profile.select))
        candidate = read_candidate(request.candidate)
        require_secrets(candidate, request.environment)
        plan = prepare(request, run, world, candidate)
        log = EventLog(run.events, listeners)
        try:
            _work(request, run, world, plan, log, worker)
            worker.drop()
            statement = _statement(request, run, world, candidate, plan, signer)
            _check_canaries(run, request.environment)
            _sign(run, statement, signer)
            verdict = statement["predicate"]["verdict"]["value"]
            log.emit({"event": "run-finished", "at": int(time.time()), "verdict": verdict})
        finally:
            log.close()
        return RunResult(run, statement)


def require_secrets(candidate: CandidateFile, environment: Mapping[str, str]) -> None:
    """Raise ConfigError naming every variable, or else every file, that the candidate file names and that is absent."""
    named = named_secrets(candidate)
    missing = [name for name in named if not environment.get(name) and not os.environ.get(name)]
    if missing:
        told = ", ".join(f"{name} ({named[name]})" for name in missing)
        raise ConfigError(
            f"environment variables that the file names are not set: {told}",
            where=str(candidate.path),
            remedy=f"Set them, for example `export {missing[0]}=…`, or in the pipeline's secret store.",
        )
    absent = [str(path) for path in named_files(candidate) if not path.is_file()]
    if absent:
        raise ConfigError(
            f"files that the candidate file names do not exist: {', '.join(absent)}",
            where=str(candidate.path),
            remedy="Put them there, or correct their names: they are seen from the candidate file's directory.",
        )


def offered_operations(candidate: CandidateFile, only: tuple[str, ...] | None) -> frozenset[str]:
    """Return the operations that the candidate offers through its driver, without contacting it."""
    drivers = {name: factory for name, (factory, _) in load_drivers(only, candidate.driver).items()}
    bound = bind(candidate, NullRecorder(), drivers)
    try:
        return bound.driver.operations()
    finally:
        bound.driver.close()


def _same_plan(run: RunDirectory, plan: Plan) -> Plan:
    stored = read_json(run.plan)
    if stored.get("digest") == plan_digest(plan):
        return plan
    changed = [name for name, digest in plan.inputs.items() if stored.get("inputs", {}).get(name) != digest]
    raise ConfigError(
        f"the run was planned from other files ({', '.join(changed) or 'options or offered operations'} changed)",
        where=str(run.plan),
        remedy="Put them back to resume, or start a new run.",
    )


def _left(run: RunDirectory, plan: Plan) -> bool:
    """Tell whether anything has still to be asked of the candidate."""
    events = read_events(run.events)
    done = {str(event["check"]) for event in events if event["event"] == "outcome"}
    measured = {str(event["scenario"]) for event in events if event["event"] == "scenario-finished"}
    checks = any(item.settled is None and item.id not in done for item in plan.checks)
    return checks or any(item.id not in measured for item in plan.scenarios)


# -- working off the plan ---------------------------------------------------------------------------------


def _work(request: RunRequest, run: RunDirectory, world: World, plan: Plan, log: EventLog, worker: CheckWorker) -> None:
    before = read_events(run.events)
    attempt = 1 + sum(1 for event in before if event["event"] == "run-started")
    done = {str(event["check"]) for event in before if event["event"] == "outcome"}
    log.emit(_started(plan, attempt, done))
    _scenarios(request, run, plan, attempt, worker.place, log)
    todo = tuple(item for item in plan.checks if item.settled is None and item.id not in done)
    if todo:
        spec = CheckSpec(
            run=run.id,
            candidate=str(request.candidate.resolve()),
            directory=str(run.root),
            checks=tuple(
                item.as_json() | {"mayLack": request.profile.allows_absence(item.requirement)} for item in todo
            ),
            warn=_warnings(world),
            parameters={key: dict(value) for key, value in plan.parameters.items()},
            measurements={path.stem: str(path) for path in _measured(run, plan)},
            attempt=attempt,
            only_plugins=request.only_plugins,
            rootdir=str(run.root),
        )
        run_pass(spec, worker, log.emit)


def _started(plan: Plan, attempt: int, done: set[str]) -> dict[str, Any]:
    return {
        "event": "run-started",
        "at": int(time.time()),
        "run": plan.run,
        "plan": plan_digest(plan),
        "attempt": attempt,
        "checks": [
            {"id": item.id, "suite": item.suite, "settled": item.settled is not None, "done": item.id in done}
            for item in plan.checks
        ],
        "scenarios": [{"id": item.id, "suite": item.suite} for item in plan.scenarios],
    }


def _scenarios(
    request: RunRequest, run: RunDirectory, plan: Plan, attempt: int, place: Workplace, log: EventLog
) -> None:
    run.load.mkdir(exist_ok=True)
    finished = {str(e["scenario"]) for e in read_events(run.events) if e["event"] == "scenario-finished"}
    for planned in plan.scenarios:
        if planned.id in finished and (run.load / f"{planned.id}.json").exists():
            continue
        spec = spec_for(
            planned,
            run=run.id,
            candidate=request.candidate.resolve(),
            directory=run.load,
            keep=str(run.root),
            common={"attempt": attempt, "only_plugins": request.only_plugins},
        )
        run_scenario(spec, place, log.emit)


def _measured(run: RunDirectory, plan: Plan) -> list[Path]:
    paths = [run.load / f"{item.id}.json" for item in plan.scenarios]
    return [path for path in paths if path.exists()]


def _warnings(world: World) -> tuple[str, ...]:
    """Return the checks whose failure only warns, because their requirement is not a *must*."""
    mild = {
        item.id for contents in world.suites for item in contents.catalogue.requirements if item.level is not Level.MUST
    }
    return tuple(item.id for contents in world.suites for item in contents.checks if item.requirement in mild)


# -- the report -------------------------------------------------------------------------------------------


def _statement(
    request: RunRequest, run: RunDirectory, world: World, candidate: CandidateFile, plan: Plan, signer: Signer
) -> dict[str, Any]:
    events = read_events(run.events)
    starts = [float(event["at"]) for event in events if event["event"] == "run-started"]
    starts_of = Counter(str(event["check"]) for event in events if event["event"] == "check-started")
    outcomes = {
        str(event["check"]): replace(CheckOutcome.from_json(event), attempts=starts_of[str(event["check"])])
        for event in events
        if event["event"] == "outcome"
    }
    return make_statement(
        ReportInput(
            plan=plan,
            world=world,
            profile=request.profile,
            candidate=candidate,
            candidate_digest=plan.inputs["candidate"],
            outcomes=outcomes,
            load=_load_items(run, plan, events),
            calibrations=_calibrations(world),
            evidence=describe_evidence(run.evidence, patience_s=FINISHING_S),
            plugins=_plugins(world, candidate, request.only_plugins),
            waivers=request.waivers,
            issuer={"name": request.issuer or "self-declared", "keyid": signer.keyid},
            mode=request.mode,
            started_at=starts[0],
            finished_at=time.time(),
            attempts=len(starts),
            limitations=(*request.limitations, *_left_out(request, world, candidate)),
        )
    )


def _left_out(request: RunRequest, world: World, candidate: CandidateFile) -> tuple[str, ...]:
    probed = {name for contents in world.suites for name in contents.loaded.suite.probes}
    return left_out(offered_operations(candidate, request.only_plugins), probed)


def _load_items(run: RunDirectory, plan: Plan, events: list[dict[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return each planned scenario's measurement; one that left none is an invalid item with its reason."""
    why = {str(e["scenario"]): str(e.get("reason", "")) for e in events if e["event"] == "scenario-failed"}
    items: list[Mapping[str, Any]] = []
    for planned in plan.scenarios:
        path = run.load / f"{planned.id}.json"
        failed = {"scenario": planned.id, "validity": "invalid", "reasons": [why.get(planned.id, "it did not run")]}
        items.append(read_json(path) if path.exists() else failed)
    return tuple(items)


def _calibrations(world: World) -> tuple[SuiteCalibration, ...]:
    found = [load_calibration(contents) for contents in world.suites]
    return tuple(item for item in found if item is not None)


def _plugins(world: World, candidate: CandidateFile, only: tuple[str, ...] | None) -> tuple[PluginSource, ...]:
    suites = [item.loaded.source for item in world.suites]
    drivers = [source for name, (_, source) in load_drivers(only, candidate.driver).items() if name == candidate.driver]
    others = [source for kind in ("profile", "report") for _, source in load_modules(kind, only).values()]
    return (*suites, *drivers, *others)


def _check_canaries(run: RunDirectory, environment: Mapping[str, str]) -> None:
    """Search everything written for planted secrets and for the real ones; finding one voids the run."""
    real = tuple(value for value in environment.values() if len(value) >= SECRET_LENGTH_MIN)
    leaks = canary_leaks(run.root, (*canaries_of(run_key(run.root)), *real))
    if leaks:
        raise HarnessError(
            f"a secret reached the disk unmasked: {', '.join(leaks[:3])}",
            where=str(run.root),
            remedy="Destroy this run directory and report the defect in redaction.",
        )


def _sign(run: RunDirectory, statement: dict[str, Any], signer: Signer) -> None:
    payload = canonical_bytes(statement)
    run.write(run.payload, payload)
    try:
        run.write(run.envelope, sign(payload, signer))
    except OSError as error:
        raise disk_error(run.envelope, error) from error


def today() -> datetime.date:
    """Return today's date in UTC, the day on which waivers are judged."""
    return datetime.datetime.now(datetime.UTC).date()
