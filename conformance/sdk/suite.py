"""Suites: catalogue, checks, reference part, faults and load scenarios, declared in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model.text import Text


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load scenario, run by its module's ``run(context)`` in a child process before the checks that read it."""

    id: str
    title: Text
    module: str
    needs: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suite:
    """The whole public face of a suite plugin.

    Modules and objects are named as text ("package.module" or "package.module:NAME") so that listing a suite
    imports none of them. ``parameters`` are the defaults of what a profile may set. ``calibration_workers``: how many
    reference candidates calibration runs side by side, 0 for one a core; more where checks mostly wait. ``observer``
    names an :class:`conformance.sdk.ObserverFactory`, for checks that judge all exchanges of a run.
    ``parameter_check`` names a function of a scenario's parameters and the candidate file that raises ConfigError for
    wrong ones, so that a run is refused before its first request. ``load_worker`` names the module whose
    ``run(context)`` generates load for a master elsewhere. ``probes`` are operations that checks look at where they are
    offered, and do without where not: a report names those that are missing beside others of their kind.
    """

    id: str
    prefix: str
    title: Text
    version: str
    package: str
    checks: tuple[str, ...]
    reference: str | None = None
    faults: str | None = None
    scenarios: tuple[Scenario, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    calibration_workers: int = 0
    observer: str | None = None
    parameter_check: str | None = None
    load_worker: str | None = None
    probes: tuple[str, ...] = ()
