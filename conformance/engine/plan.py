"""Making the plan: the complete expected list, fixed before the first request."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import rfc8785

from conformance.candidate.callers import same_caller
from conformance.contract.neutral import neutral_operations
from conformance.engine.world import SuiteContents, World
from conformance.errors import ConfigError, NothingSelected
from conformance.model.candidate import CandidateFile
from conformance.model.outcome import Outcome
from conformance.model.plan import Plan, PlannedCheck, PlannedScenario
from conformance.model.profile import Profile
from conformance.model.requirement import Method
from conformance.sdk.checks import CheckDeclaration
from conformance.sdk.suite import Scenario

Settled = tuple[str, str] | None

#: The two customers of whom neither may see what is the other's, wherever a check asks for both.
CUSTOMERS = ("alice", "bob")
#: Reasons named where nothing is left to run.
_REASONS_MAX = 3

#: The parameter that holds parameters of single scenarios, by their ids.
SCENARIOS = "scenarios"
#: How many names are suggested at most, and how alike two are to be taken for each other (of 1): alone, beside others.
_SUGGESTIONS_MAX = 5
_ALIKE = 0.6
_NEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line leaves of the profile: suites and patterns of check or requirement ids."""

    suites: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def keeps(self, suite: str, check: CheckDeclaration) -> bool:
        """Tell whether a check is to run."""
        if self.suites and suite not in self.suites:
            return False
        return self.names(check.id) or self.names(check.requirement)

    def names(self, check: str) -> bool:
        """Tell whether the patterns of checks leave one in."""
        return not self.checks or any(fnmatchcase(check, pattern) for pattern in self.checks)

    def describe(self) -> str:
        """Return the options that narrowed the run, or ""."""
        parts = [f"--suite {name}" for name in self.suites] + [f"--check {pattern}" for pattern in self.checks]
        return " ".join(parts)


def plan_digest(plan: Plan) -> str:
    """Return ``sha256:…`` over the plan's canonical bytes (RFC 8785)."""
    return f"sha256:{hashlib.sha256(rfc8785.dumps(plan.as_json())).hexdigest()}"


def make_plan(
    run: str,
    world: World,
    candidate: CandidateFile,
    operations: frozenset[str],
    profile: Profile,
    selection: Selection,
    inputs: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
) -> Plan:
    """Return the plan of a run, with ``overrides`` over all parameters. Raises NothingSelected when nothing is left.

    Checks that cannot run here stay in the plan with their outcome settled and its reason, so that what was
    expected and what happened can always be compared. Raises ConfigError when the profile selects what is not there.
    """
    require_selection(world, profile)
    require_absences(world, profile)
    terms = _Terms(candidate, operations, profile, selection)
    checks = [
        _planned(contents, item, terms)
        for contents in world.suites
        for item in contents.checks
        if profile.selects(contents.id, item.requirement)
    ]
    if not any(item.settled is None for item in checks):
        raise NothingSelected(
            f"nothing to run under profile {profile.id} {selection.describe()}".strip() + _why_nothing(checks),
            remedy="See `conformance list` for what there is, and `conformance doctor` for what each gap needs.",
        )
    scenarios = [item for contents in world.suites for item in _scenarios(contents, checks, profile, overrides or {})]
    return Plan(
        run=run,
        requirements=tuple(_selected(world, profile)),
        checks=tuple(checks),
        scenarios=tuple(scenarios),
        parameters={
            contents.id: {**parameters_of(contents, profile), **(overrides or {})} for contents in world.suites
        },
        inputs=dict(inputs),
    )


def parameters_of(contents: SuiteContents, profile: Profile) -> dict[str, Any]:
    """Return a suite's parameters: its defaults, overridden by the profile."""
    return {**contents.loaded.suite.parameters, **profile.parameters.get(contents.id, {})}


def require_selection(world: World, profile: Profile) -> None:
    """Raise ConfigError when the profile counts on something that is not installed or not loaded.

    What a profile selects and nobody has cannot be tested, so leaving it out silently would be a false green.
    """
    missing = [
        f"{suite}: {pattern}"
        for suite, patterns in profile.select.items()
        for pattern in patterns
        if not _matches_something(world, suite, pattern)
    ]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise ConfigError(
            f"profile {profile.id} {profile.version} selects what no loaded suite has: {shown}",
            where="--profile",
            remedy="Install the suite or load it with --only-plugins; to run a part, use --suite or --check.",
        )


def require_absences(world: World, profile: Profile) -> None:
    """Raise ConfigError when what the profile says of absent operations names nothing that is there.

    A slip of the pen in ``required`` would leave the permission standing, and one in the operations of ``without``
    would make every product one that lacks them: both would be a false green.
    """
    selected = _selected(world, profile)
    wrong = [
        f"required: {pattern}" for pattern in profile.required if not any(fnmatchcase(i, pattern) for i in selected)
    ]
    known = {*neutral_operations(), *(need for contents in world.suites for c in contents.checks for need in c.needs)}
    wrong += [
        f"without: {pattern}"
        for item in profile.without
        for pattern in item.operations
        if not any(fnmatchcase(operation, pattern) for operation in known)
    ]
    if wrong:
        raise ConfigError(
            f"profile {profile.id} {profile.version} names what is not there: {', '.join(wrong)}",
            where="--profile",
            remedy="`required` holds ids of requirements that the profile selects, `without` names of operations.",
        )


def require_parameters(world: World, overrides: Mapping[str, Any]) -> None:
    """Raise ConfigError when a parameter, or a scenario, is set that no loaded suite has: it would change nothing."""
    suites = [contents.loaded.suite for contents in world.suites]
    scenarios = {item.id: {*suite.parameters, *item.parameters} for suite in suites for item in suite.scenarios}
    known = {name for suite in suites for name in suite.parameters}.union(*scenarios.values())
    given = {name: known for name in overrides if name != SCENARIOS}
    for scenario, values in overrides.get(SCENARIOS, {}).items():
        given |= {f"{scenario}.{name}": scenarios.get(scenario, set()) for name in values}
    for name, allowed in given.items():
        scenario, _, last = name.rpartition(".")
        if last in allowed:
            continue
        strange = bool(scenario) and scenario not in scenarios
        close = _likely(scenario, scenarios) if strange else _likely(last, allowed)
        raise ConfigError(
            f"no loaded suite has a scenario {scenario}" if strange else f"no loaded suite has a parameter {name}",
            where="--set",
            remedy=f"Did you mean {', '.join(close)}?" if close else "See docs/reference/load-parameters.md.",
        )


def _likely(given: str, names: Iterable[str]) -> list[str]:
    """Return at most five names that may have been meant: those of the same words first, then those spelt alike."""
    names = sorted(names)
    words = _words(given)
    same = [name for name in names if words in _words(name) or _words(name) in words]
    same.sort(key=lambda name: (not _words(name).startswith(words), name.count("_")))
    # Beside a name of the same words, only one that is nearly the given text is a likely one.
    alike = difflib.get_close_matches(given, names, 3, cutoff=_NEARLY if same else _ALIKE)
    return list(dict.fromkeys([*same, *alike]))[:_SUGGESTIONS_MAX]


def _words(name: str) -> str:
    """Return the words of a parameter's or a scenario's name, each between underscores."""
    return f"_{name.replace('-', '_')}_"


def _matches_something(world: World, suite: str, pattern: str) -> bool:
    contents = world.suite(suite)
    return contents is not None and any(fnmatchcase(item.id, pattern) for item in contents.catalogue.requirements)


def _selected(world: World, profile: Profile) -> list[str]:
    return [
        item.id
        for contents in world.suites
        for item in contents.catalogue.requirements
        if profile.selects(contents.id, item.id)
    ]


@dataclass(frozen=True)
class _Terms:
    """What decides whether a check can run."""

    candidate: CandidateFile
    operations: frozenset[str]
    profile: Profile
    selection: Selection

    @cached_property
    def one_customer(self) -> bool:
        """Whether the product has nothing by which to tell the two customers apart."""
        return same_caller(self.candidate, *CUSTOMERS)


def _why_nothing(checks: Iterable[PlannedCheck]) -> str:
    """Return the reasons that leave most checks out, "" where the selection leaves them all out."""
    reasons = Counter(item.settled[1] for item in checks if item.settled and not item.settled[1].startswith("left out"))
    named = "; ".join(
        f"{'1 check' if count == 1 else f'{count} checks'}: {reason}"
        for reason, count in reasons.most_common(_REASONS_MAX)
    )
    return f": {named}" if named else ""


def _planned(contents: SuiteContents, check: CheckDeclaration, terms: _Terms) -> PlannedCheck:
    settled = _settle(contents, check, terms)
    return PlannedCheck(
        check.id,
        check.requirement,
        contents.id,
        check.module,
        check.function,
        check.deadline_s,
        check.scenarios,
        settled,
    )


def _settle(contents: SuiteContents, check: CheckDeclaration, terms: _Terms) -> Settled:
    profile, selection, operations = terms.profile, terms.selection, terms.operations
    requirement = contents.catalogue.find(check.requirement)
    if not selection.keeps(contents.id, check):
        return Outcome.NOT_TESTED.value, f"left out by {selection.describe()}"
    if requirement is not None and requirement.method is not Method.TEST:
        return Outcome.NOT_TESTED.value, f"established by {requirement.method.value}, not by test"
    lacking = profile.lacking(check.requirement, operations)
    if lacking:
        return Outcome.NOT_APPLICABLE.value, f"it is for products with {' or '.join(lacking)}; the candidate has none"
    absent = _absent(contents, check, terms.candidate, operations)
    if absent:
        allowed = profile.allows_absence(check.requirement)
        return (Outcome.NOT_APPLICABLE if allowed else Outcome.NOT_TESTED).value, absent
    return _environment(check, terms)


def _absent(
    contents: SuiteContents, check: CheckDeclaration, candidate: CandidateFile, operations: frozenset[str]
) -> str:
    needs = [*check.needs, *(need for name in check.scenarios for need in _scenario(contents, name).needs)]
    operations_missing = sorted({need for need in needs if need not in operations})
    if operations_missing:
        return f"the candidate does not offer {', '.join(operations_missing)}"
    claims_missing = [claim for claim in check.claims if claim not in candidate.supports]
    return f"the candidate does not claim {', '.join(claims_missing)}" if claims_missing else ""


def _environment(check: CheckDeclaration, terms: _Terms) -> Settled:
    candidate = terms.candidate
    users = [name for name in check.users if name not in candidate.users]
    if users:
        sections = " and ".join(f"[users.{name}]" for name in users)
        return Outcome.NOT_TESTED.value, f"candidate.toml has no user {', '.join(users)}; add {sections}"
    if set(CUSTOMERS) <= set(check.users) and terms.one_customer:
        reason = f"{' and '.join(CUSTOMERS)} are the same caller to the product; give each credentials of its own"
        return Outcome.NOT_TESTED.value, reason
    hooks = [name for name in check.hooks if name not in candidate.hooks]
    if hooks:
        return Outcome.NOT_TESTED.value, f"no hook {', '.join(hooks)}; add [hooks.{hooks[0]}] in candidate.toml"
    ceiling = candidate.scope.ceiling()
    if not check.effects.within(ceiling):
        reason = f"its side effects ({check.effects.value}) exceed what [scope] allows ({ceiling.value})"
        return Outcome.NOT_TESTED.value, reason
    return None


def _scenario(contents: SuiteContents, name: str) -> Scenario:
    return next(item for item in contents.loaded.suite.scenarios if item.id == name)


def _scenarios(
    contents: SuiteContents, checks: list[PlannedCheck], profile: Profile, overrides: Mapping[str, Any]
) -> list[PlannedScenario]:
    wanted = {name for item in checks if item.suite == contents.id and not item.settled for name in item.scenarios}
    found = [item for item in contents.loaded.suite.scenarios if item.id in wanted]
    return [
        PlannedScenario(item.id, contents.id, item.module, _parameters(contents, item, profile, overrides))
        for item in found
    ]


def _parameters(
    contents: SuiteContents, scenario: Scenario, profile: Profile, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a scenario's parameters: each source over the one before, and what it says of this scenario over all else.

    A source says things of one scenario under ``scenarios.<id>``.
    """
    made: dict[str, Any] = {}
    suite = contents.loaded.suite.parameters
    for source in (suite, scenario.parameters, profile.parameters.get(contents.id, {}), overrides):
        made |= source
        made |= source.get(SCENARIOS, {}).get(scenario.id, {})
    return {name: value for name, value in made.items() if name not in (SCENARIOS, "calibration")}
