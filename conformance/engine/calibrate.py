"""Calibration: every check against the sound reference candidate, and against each seeded fault.

A check counts only if it passes the sound one and fails its fault with the fault's words. Any other failure under a
fault is a false alarm, unless the fault says that its defect shows there too.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conformance.engine.checks_pass import CheckWorker, Workplace, run_pass
from conformance.engine.events import Event
from conformance.engine.load import run_scenario, spec_for
from conformance.engine.matrix import Detection, SuiteCalibration, code_digest
from conformance.engine.plan import Selection, make_plan
from conformance.engine.run import offered_operations
from conformance.engine.spec import CheckSpec
from conformance.engine.world import SuiteContents, World
from conformance.files.candidate_file import read_candidate
from conformance.model.fault import Fault
from conformance.model.outcome import CheckOutcome, Outcome
from conformance.model.plan import Plan
from conformance.model.profile import Profile
from conformance.model.text import Text
from conformance.reference.process import ReferenceProcess
from conformance.sdk.checks import CheckDeclaration

#: Told after each trial: suite, fault ("" for the sound candidate), number done, number in all.
Progress = Callable[[str, str, int, int], None]

Outcomes = dict[str, CheckOutcome]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a calibration: patterns of faults and of checks; empty means all.

    ``named_only``: each fault meets the checks that it names and no others. That proves every detection; that no other
    check raises a false alarm takes the whole matrix, and the square of the time.
    """

    faults: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    named_only: bool = False

    def __bool__(self) -> bool:
        return bool(self.faults or self.checks or self.named_only)

    def selection(self, fault: Fault | None, checks: Sequence[CheckDeclaration]) -> Selection:
        """Return the checks to run under a fault, or on the sound candidate.

        In the whole matrix a fault meets every check, but for those that read load scenarios which no check that it
        must trip reads: each scenario takes seconds to measure again.
        """
        asked = Selection(checks=self.checks)
        if fault is None:
            return asked
        tripped = {trip.check for trip in fault.trips}
        measured = {scenario for check in checks if check.id in tripped for scenario in check.scenarios}
        named = tripped | set(fault.also) if self.named_only else {check.id for check in checks}
        meeting = (check.id for check in checks if check.id in named and measured.issuperset(check.scenarios))
        return Selection(checks=tuple(name for name in meeting if asked.names(name)))

    def trials(self, faults: Sequence[Fault]) -> list[Fault]:
        """Return the faults to try: those named, else those that a named check must find."""
        selection = Selection(checks=self.checks)
        return [
            fault
            for fault in faults
            if (not self.faults or any(fnmatchcase(fault.id, pattern) for pattern in self.faults))
            and any(selection.names(trip.check) for trip in fault.trips)
        ]


@dataclass(frozen=True, slots=True)
class Trial:
    """One pass of a suite's checks under one fault, or none."""

    fault: Fault | None


def calibrate(
    contents: SuiteContents,
    *,
    only: tuple[str, ...] | None = None,
    workers: int = 0,
    progress: Progress | None = None,
    part: Part | None = None,
) -> SuiteCalibration:
    """Calibrate one suite, or a part of it, with ``workers`` reference candidates side by side.

    The default is what the suite asks for, else one a core. Raises PluginError or HarnessError when the reference
    candidate or a check process cannot be started.
    """
    part = part or Part()
    faults = part.trials(contents.loaded.faults())
    trials = [Trial(None), *(Trial(fault) for fault in faults)]
    benches = workers or contents.loaded.suite.calibration_workers or min(os.cpu_count() or 1, 4)
    selection = Selection(checks=part.checks)
    results = _run_all(contents, trials, only, part, benches, progress)
    sound = {check: outcome for check, outcome in results.pop("").items() if selection.names(check)}
    rows = [row for fault in faults for row in _rows(fault, results[fault.id]) if selection.names(row.check)]
    return SuiteCalibration(
        suite=contents.id,
        code=code_digest(contents.loaded.suite.package),
        sound={check: outcome.outcome.value for check, outcome in sorted(sound.items())},
        rows=tuple(rows),
        false_alarms=tuple(_false_alarms(sound, faults, results)),
    )


def _run_all(
    contents: SuiteContents,
    trials: Sequence[Trial],
    only: tuple[str, ...] | None,
    part: Part,
    workers: int,
    progress: Progress | None,
) -> dict[str, Outcomes]:
    results: dict[str, Outcomes] = {}
    queue = list(reversed(trials))
    lock = threading.Lock()

    def take() -> Trial | None:
        with lock:
            return queue.pop() if queue else None

    def work() -> None:
        with (
            tempfile.TemporaryDirectory(prefix="conformance-calibrate-") as folder,
            _Bench(contents, Path(folder), only, part) as bench,
        ):
            while (trial := take()) is not None:
                name = trial.fault.id if trial.fault else ""
                outcomes = bench.run(trial)
                with lock:
                    results[name] = outcomes
                    if progress:
                        progress(contents.id, name, len(results), len(trials))

    with ThreadPoolExecutor(min(workers, len(trials))) as pool:
        for future in [pool.submit(work) for _ in range(min(workers, len(trials)))]:
            future.result()
    return results


class _Bench:
    """One reference candidate and the work orders that are run against it, trial after trial."""

    def __init__(self, contents: SuiteContents, folder: Path, only: tuple[str, ...] | None, part: Part) -> None:
        self._contents = contents
        self._folder = folder
        self._only = only
        self._part = part
        self._reference = ReferenceProcess(folder / "reference", only_plugins=only)

    def __enter__(self) -> _Bench:
        self._reference.__enter__()
        self._place = Workplace(self._folder, self._folder / "log.txt", self._reference.environment)
        self._worker = CheckWorker(self._place)
        return self

    def __exit__(self, *details: Any) -> None:
        self._worker.drop()
        self._reference.__exit__(*details)

    def run(self, trial: Trial) -> Outcomes:
        """Reset the reference candidate to the trial's fault and run all checks of the suite."""
        self._reference.reset([trial.fault.id] if trial.fault else [])
        name = trial.fault.id if trial.fault else "sound"
        plan = self._plan(f"calibration-{name}", self._part.selection(trial.fault, self._contents.checks))
        measurements = dict(self._measure(plan, name))
        outcomes: Outcomes = {
            item.id: CheckOutcome(item.id, Outcome(item.settled[0]), item.settled[1])
            for item in plan.checks
            if item.settled
        }

        def listen(event: Event) -> None:
            if event["event"] == "outcome":
                outcomes[str(event["check"])] = CheckOutcome.from_json(dict(event))

        run_pass(self._spec(plan, measurements), self._worker, listen)
        return outcomes

    def _plan(self, run: str, selection: Selection) -> Plan:
        candidate = read_candidate(self._reference.candidate_path)
        everything = Profile("calibration", "1", Text("calibration"), {self._contents.id: ("*",)})
        operations = offered_operations(candidate, self._only)
        short = self._contents.loaded.suite.parameters.get("calibration", {})
        return make_plan(run, World((self._contents,)), candidate, operations, everything, selection, {}, short)

    def _measure(self, plan: Plan, name: str) -> Iterable[tuple[str, str]]:
        for planned in plan.scenarios:
            spec = spec_for(
                planned,
                run=plan.run,
                candidate=self._reference.candidate_path,
                directory=self._folder / "load" / name,
                keep="",
                common={"only_plugins": self._only, "seed": 1},
            )
            if run_scenario(spec, self._place, lambda _event: None):
                yield planned.id, spec.output

    def _spec(self, plan: Plan, measurements: dict[str, str]) -> CheckSpec:
        return CheckSpec(
            run=plan.run,
            candidate=str(self._reference.candidate_path),
            directory="",
            checks=tuple(item.as_json() for item in plan.checks if not item.settled),
            warn=(),
            parameters={key: dict(value) for key, value in plan.parameters.items()},
            measurements=measurements,
            only_plugins=self._only,
            rootdir=str(self._folder),
        )


def _rows(fault: Fault, outcomes: Outcomes) -> list[Detection]:
    failed = sorted(check for check, outcome in outcomes.items() if outcome.outcome is Outcome.FAILED)
    found = []
    for trip in fault.trips:
        outcome = outcomes.get(trip.check)
        said = outcome.reason if outcome else "the check did not run"
        detected = outcome is not None and outcome.outcome is Outcome.FAILED and trip.says in outcome.reason
        others = tuple(check for check in failed if check != trip.check)
        found.append(Detection(fault.id, fault.title.as_json(), trip.check, trip.says, detected, said, others))
    return found


def _false_alarms(sound: Outcomes, faults: Sequence[Fault], results: dict[str, Outcomes]) -> list[str]:
    alarms = [
        f"{check} on the sound candidate: {o.reason}" for check, o in sound.items() if o.outcome is Outcome.FAILED
    ]
    for fault in faults:
        allowed = {trip.check for trip in fault.trips} | set(fault.also)
        alarms += [
            f"{check} under {fault.id}: {outcome.reason}"
            for check, outcome in results[fault.id].items()
            if outcome.outcome is Outcome.FAILED and check not in allowed
        ]
    return sorted(alarms)
