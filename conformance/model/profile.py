"""Profiles: which requirements count for one kind of product, their parameters, and the decision rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from conformance.model.text import Text
from conformance.model.verdict import DecisionRule


@dataclass(frozen=True, slots=True)
class Without:
    """What does not concern a product that offers none of these operations, both as patterns."""

    operations: tuple[str, ...]
    not_applicable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A selection of requirements with parameters and a decision rule.

    ``select`` maps a suite to patterns of requirement ids (``SEC-V*``); ``exclude`` takes some away again.
    ``not_applicable`` holds patterns of requirements that may be *not applicable* when the candidate lacks the
    operation or capability; any other one is then *not tested*. ``without`` says so of requirements that need a whole
    kind of operation. ``required`` withdraws both. ``parameters`` overrides the suites' defaults.
    """

    id: str
    version: str
    title: Text
    select: Mapping[str, tuple[str, ...]]
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_applicable: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    without: tuple[Without, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rule: DecisionRule = field(default_factory=DecisionRule)

    def selects(self, suite: str, requirement: str) -> bool:
        """Tell whether the requirement counts under this profile."""
        chosen = _matches(self.select.get(suite, ()), requirement)
        return chosen and not _matches(self.exclude.get(suite, ()), requirement)

    def allows_absence(self, requirement: str) -> bool:
        """Tell whether a product may lack what the requirement is about."""
        return _matches(self.not_applicable, requirement) and not _matches(self.required, requirement)

    def lacking(self, requirement: str, operations: frozenset[str]) -> tuple[str, ...]:
        """Return the kinds of operations for which alone the requirement is there, if a product offers none of them."""
        if _matches(self.required, requirement):
            return ()
        for item in self.without:
            offered = any(_matches(item.operations, operation) for operation in operations)
            if not offered and _matches(item.not_applicable, requirement):
                return item.operations
        return ()


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
