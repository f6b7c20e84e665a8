"""Preflight: what is wrong or unreachable, and what a run would cover, before anything is tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from conformance.candidate.doctor import Row, examine
from conformance.candidate.listening import require_listening
from conformance.candidate.open import bind
from conformance.candidate.proving import prove
from conformance.engine.plan import Selection, make_plan
from conformance.engine.run import offered_operations, require_secrets
from conformance.engine.tracing import NullRecorder
from conformance.engine.world import load_world
from conformance.errors import ConformanceError
from conformance.files.candidate_file import read_candidate
from conformance.model.plan import PlannedCheck
from conformance.model.profile import Profile
from conformance.plugins import load_drivers


@dataclass(frozen=True, slots=True)
class Gap:
    """Checks that would not run, for one reason, and what would have to be added; ``remedy`` is "" for none."""

    outcome: str
    reason: str
    checks: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run under a profile would do: checks that would run, and why others would not."""

    suite: str
    runnable: int
    gaps: tuple[Gap, ...]


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


def preflight(
    path: Path, profile: Profile, *, only: tuple[str, ...] | None = None, offline: bool = False, write: bool = False
) -> Preflight:
    """Examine a candidate file; with ``offline`` nothing is contacted, with ``write`` a small payment is made.

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
        runnable = sum(1 for item in mine if not item.settled)
        coverage.append(Coverage(contents.id, runnable, _gaps(mine)))
    if offline:
        return Preflight(coverage=tuple(coverage))
    errors, rows = _called(path, only, write)
    return Preflight(errors, rows, tuple(coverage))


def _gaps(checks: list[PlannedCheck]) -> tuple[Gap, ...]:
    """Return why checks would not run, the reason that stops most of them first."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in checks:
        if item.settled:
            found.setdefault(item.settled, []).append(item.id)
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(Gap(outcome, reason, tuple(ids), _remedy(reason)) for (outcome, reason), ids in ranked)


def _remedy(reason: str) -> str:
    """Return what to write into candidate.toml, where the reason does not say it already."""
    offer = reason.removeprefix("the candidate does not offer ")
    if offer != reason:
        names = offer.split(", ")
        return " and ".join(f'[operations."{name}"]' for name in names) + ", or false where the product has none"
    claim = reason.removeprefix("the candidate does not claim ")
    if claim != reason:
        return "supports = [" + ", ".join(f'"{name}"' for name in ["…", *claim.split(", ")]) + "]"
    return '[scope] effects = "…" allows more' if "side effects" in reason else ""


def _called(path: Path, only: tuple[str, ...] | None, write: bool) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    drivers = {name: factory for name, (factory, _) in load_drivers(only).items()}
    try:
        file = read_candidate(path)
        require_secrets(file, {})
        require_listening(file)
        candidate = bind(file, NullRecorder("doctor"), drivers)
    except ConformanceError as error:
        return (error.diagnostics(),), ()
    try:
        proven, made = prove(candidate) if write else ([], {})
        return (), (*proven, *_others(examine(candidate, made), proven))
    except ConformanceError as error:
        return (error.diagnostics(),), ()
    finally:
        candidate.driver.close()


def _others(rows: list[Row], proven: list[Row]) -> list[Row]:
    """Leave out what was not called because it moves money, where it was proven instead."""
    done = {row.operation for row in proven}
    return [row for row in rows if row.operation not in done or row.user or row.state == "broken"]
