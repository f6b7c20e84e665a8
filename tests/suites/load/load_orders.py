"""Work orders of load scenarios against a reference bank, and what comes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.engine.checks_pass import Workplace
from conformance.engine.load import LoadSpec, run_scenario
from conformance.reference.process import ReferenceProcess


def order(
    candidate: Path, folder: Path, scenario: str, parameters: Mapping[str, Any], *, directory: str = "", keep: str = ""
) -> LoadSpec:
    """Return the order for one scenario, whose measurement goes into ``folder``; journals go there or beneath it."""
    return LoadSpec(
        run="ordered",
        scenario=scenario,
        module="conformance_load.scenario",
        candidate=str(candidate),
        parameters=dict(parameters),
        directory=str(folder / directory),
        output=str(folder / "measurement.json"),
        keep=keep,
        seed=1,
    )


def measured(bank: ReferenceProcess, folder: Path, spec: LoadSpec) -> dict[str, Any]:
    """Run an order to its end and return the measurement; fails with the log where there is none."""
    place = Workplace(folder, folder / "log.txt", bank.environment)
    assert run_scenario(spec, place, lambda event: None), (folder / "log.txt").read_text()
    found: dict[str, Any] = json.loads(Path(spec.output).read_text())
    return found
