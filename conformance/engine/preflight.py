"""Preflight: what is wrong or unreachable, and what a run would cover, before anything is tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from conformance.candidate.doctor import Row, examine
from conformance.candidate.listening import require_listening
from conformance.candidate.open import bind
from conformance.candidate.proving import prove
from conformance.engine.foreseen import Foreseen, foreseen
from conformance.engine.plan import Selection, make_plan
from conformance.engine.run import offered_operations, require_secrets
from conformance.engine.tracing import NullRecorder
from conformance.engine.world import load_world
from conformance.errors import ConformanceError
from conformance.files.candidate_file import read_candidate
from conformance.model.candidate import CandidateFile
from conformance.model.outcome import Outcome
from conformance.model.plan import PlannedCheck
from conformance.model.profile import Profile
from conformance.plugins import load_drivers

#: Of the requirements that a gap leaves untested, this many are named as required by the profile.
REQUIRED_MAX = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """Checks that would not run, for one reason, and what would have to be added; ``remedy`` is "" for none."""

    outcome: str
    reason: str
    checks: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run under a profile would do: how many checks it would begin, and why others would not be.

    A check that begins may still find that it lacks something; see :class:`conformance.engine.foreseen.Foreseen`.
    """

    suite: str
    runnable: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything the doctor found.

    ``errors`` stop a run, ``rows`` are operations that were called, ``warnings`` gaps that checks meet when they run.
    """

    errors: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    coverage: tuple[Coverage, ...] = field(default=())
    warnings: tuple[Foreseen, ...] = field(default=())

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
        coverage.append(Coverage(contents.id, runnable, _gaps(mine, profile, candidate)))
    warnings = foreseen(world, plan.checks, candidate, operations)
    errors, rows = ((), ()) if offline else _called(path, only, write)
    return Preflight(errors, rows, tuple(coverage), warnings)


def _gaps(checks: list[PlannedCheck], profile: Profile, candidate: CandidateFile) -> tuple[Gap, ...]:
    """Return why checks would not run, the reason that stops most of them first."""
    found: dict[tuple[str, str], list[PlannedCheck]] = {}
    for item in checks:
        if item.settled:
            found.setdefault(item.settled, []).append(item)
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(
        Gap(outcome, reason, tuple(item.id for item in items), _remedy(outcome, reason, items, profile, candidate))
        for (outcome, reason), items in ranked
    )


def _remedy(outcome: str, reason: str, checks: list[PlannedCheck], profile: Profile, candidate: CandidateFile) -> str:
    """Return what to write into candidate.toml, where the reason does not say it already."""
    offer = reason.removeprefix("the candidate does not offer ")
    if offer != reason:
        required = _required(checks, profile) if outcome == Outcome.NOT_TESTED.value else ""
        return _to_map(offer.split(", "), required, candidate)
    claim = reason.removeprefix("the candidate does not claim ")
    if claim != reason:
        return "supports = [" + ", ".join(f'"{name}"' for name in ["…", *claim.split(", ")]) + "]"
    if reason.startswith("candidate.toml has no user ") and _anonymous(candidate):
        return (
            "only where the product can tell it apart: by credentials, or by a member that the mapping sends as user.…"
        )
    return '[scope] effects = "…" allows more' if "side effects" in reason else ""


def _to_map(names: list[str], required: str, candidate: CandidateFile) -> str:
    """Return how to offer operations; ``false`` helps only where the profile does not require them."""
    absent = [name for name in names if candidate.operations.get(name) is False]
    sections = " and ".join(f'[operations."{name}"]' for name in names if name not in absent)
    if not sections:
        return f"{' and '.join(absent)} = false changes nothing here: {required}" if required else ""
    return f"map {sections}" + (f" ({required}: `false` would change nothing)" if required else "")


def _required(checks: list[PlannedCheck], profile: Profile) -> str:
    """Say which requirements the profile does not let be not applicable."""
    found = list(dict.fromkeys(item.requirement for item in checks))
    more = f" and {len(found) - REQUIRED_MAX} more" if len(found) > REQUIRED_MAX else ""
    return f"profile {profile.id} requires {', '.join(found[:REQUIRED_MAX])}{more}"


def _anonymous(candidate: CandidateFile) -> bool:
    return str(candidate.auth.get("scheme", "none")) == "none" and not any(
        "scheme" in u for u in candidate.users.values()
    )


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
    """Leave out what was proven instead, unless something else is wrong with it than the proof has found already."""
    done = {row.operation for row in proven}
    told = {(row.operation, row.detail) for row in proven} | {
        (row.operation, row.sent) for row in proven if not row.good
    }
    return [
        row
        for row in rows
        if row.operation not in done
        or row.user
        or (row.state == "broken" and not told & {(row.operation, row.detail), (row.operation, row.sent)})
    ]
