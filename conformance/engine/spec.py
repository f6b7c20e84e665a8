"""The work order of a check process: what it runs, against what, and where it writes. No secrets in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One pass of checks.

    ``checks`` are planned checks as JSON; ``warn`` holds ids whose requirement is a *should*; ``directory`` is the
    run's, or "" for a trial that keeps no evidence; ``attempt`` counts process starts of the run.
    """

    run: str
    candidate: str
    directory: str
    checks: tuple[dict[str, Any], ...]
    warn: tuple[str, ...]
    parameters: dict[str, dict[str, Any]]
    measurements: dict[str, str] = field(default_factory=dict)
    attempt: int = 1
    only_plugins: tuple[str, ...] | None = None
    rootdir: str = ""

    def write(self, path: Path) -> None:
        """Write the work order as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> CheckSpec:
        """Read what :meth:`write` wrote."""
        value = json.loads(path.read_text(encoding="utf-8"))
        only = value["only_plugins"]
        value |= {"checks": tuple(value["checks"]), "warn": tuple(value["warn"])}
        return cls(**{**value, "only_plugins": tuple(only) if only is not None else None})
