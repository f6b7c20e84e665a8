"""Preflight: what is wrong or unreachable, and what a run would cover, before anything is tested."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from conformance.candidate.doctor import Row, examine
from conformance.candidate.open import bind
from conformance.engine.plan import Selection, make_plan
from conformance.engine.run import offered_operations
from conformance.engine.tracing import NullRecorder
from conformance.engine.world import load_world
from conformance.errors import ConformanceError
from conformance.files.candidate_file import read_candidate
from conformance.model.profile import Profile
from conformance.plugins import load_drivers


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run under a profile would do: checks that would run, and why others would not."""

    suite: str
    runnable: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything the doctor found. ``errors`` stop a run, ``rows`` are operations that were called."""

    errors: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    coverage: tuple[Coverage, ...] = field(default=())

    @property
    def good(self) -> bool:
        """Tell whether a run can start and every operation that was called was understood."""
        return not self.errors and all(row.good for row in self.rows)


def preflight(path: Path, profile: Profile, *, only: tuple[str, ...] | None = None, offline: bool = False) -> Preflight:
    """Examine a candidate file; with ``offline`` nothing is contacted.

    Mistakes become entries of ``errors``, each with its remedy; nothing is raised for them.
    """
    try:
        candidate = read_candidate(path)
        operations = offered_operations(candidate, only)
        world = load_world(only, tuple(profile.select))
        plan = make_plan("preflight", world, candidate, operations, profile, Selection(), {})
    except ConformanceError as error:
        return Preflight((error.diagnostics(),))
    coverage = []
    for contents in world.suites:
        mine = [item for item in plan.checks if item.suite == contents.id]
        reasons = Counter(f"{item.settled[0]}: {item.settled[1]}" for item in mine if item.settled)
        runnable = sum(1 for item in mine if not item.settled)
        coverage.append(Coverage(contents.id, runnable, tuple(reasons.most_common())))
    if offline:
        return Preflight(coverage=tuple(coverage))
    errors, rows = _called(path, only)
    return Preflight(errors, rows, tuple(coverage))


def _called(path: Path, only: tuple[str, ...] | None) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    drivers = {name: factory for name, (factory, _) in load_drivers(only).items()}
    try:
        candidate = bind(read_candidate(path), NullRecorder("doctor"), drivers)
    except ConformanceError as error:
        return (error.diagnostics(),), ()
    try:
        return (), tuple(examine(candidate))
    except ConformanceError as error:
        return (error.diagnostics(),), ()
    finally:
        candidate.driver.close()
