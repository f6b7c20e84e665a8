"""The plan: everything that is expected of a run, fixed and digested before the first request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """One check that will run, or, with ``settled`` set, an outcome that is already known and why.

    ``settled`` is a pair (outcome, reason), for example a *not tested* because the candidate lacks an operation.
    """

    id: str
    requirement: str
    suite: str
    module: str
    function: str
    deadline_s: int
    scenarios: tuple[str, ...] = ()
    settled: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that the plan file and the plan digest use."""
        return {
            "id": self.id,
            "requirement": self.requirement,
            "suite": self.suite,
            "module": self.module,
            "function": self.function,
            "deadlineS": self.deadline_s,
            "scenarios": list(self.scenarios),
            "settled": list(self.settled) if self.settled else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PlannedCheck:
        """Read the form that :meth:`as_json` writes."""
        settled = value.get("settled")
        return cls(
            id=value["id"],
            requirement=value["requirement"],
            suite=value["suite"],
            module=value["module"],
            function=value["function"],
            deadline_s=int(value["deadlineS"]),
            scenarios=tuple(value["scenarios"]),
            settled=(settled[0], settled[1]) if settled else None,
        )


@dataclass(frozen=True, slots=True)
class PlannedScenario:
    """One load scenario that will run, with its parameters."""

    id: str
    suite: str
    module: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settled: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that the plan file and the plan digest use."""
        return {
            "id": self.id,
            "suite": self.suite,
            "module": self.module,
            "parameters": dict(self.parameters),
            "settled": list(self.settled) if self.settled else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PlannedScenario:
        """Read the form that :meth:`as_json` writes."""
        settled = value.get("settled")
        pair = (settled[0], settled[1]) if settled else None
        return cls(value["id"], value["suite"], value["module"], dict(value["parameters"]), pair)


@dataclass(frozen=True, slots=True)
class Plan:
    """The complete expected list of a run and the digests of what it was made from."""

    run: str
    requirements: tuple[str, ...]
    checks: tuple[PlannedCheck, ...]
    scenarios: tuple[PlannedScenario, ...]
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the form that is written, digested and signed."""
        return {
            "schema": "conformance/plan/v1",
            "run": self.run,
            "requirements": list(self.requirements),
            "checks": [item.as_json() for item in self.checks],
            "scenarios": [item.as_json() for item in self.scenarios],
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """Read the form that :meth:`as_json` writes."""
        return cls(
            run=value["run"],
            requirements=tuple(value["requirements"]),
            checks=tuple(PlannedCheck.from_json(item) for item in value["checks"]),
            scenarios=tuple(PlannedScenario.from_json(item) for item in value["scenarios"]),
            parameters=dict(value["parameters"]),
            inputs=dict(value["inputs"]),
        )
