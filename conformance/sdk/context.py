"""What else a check may ask for by name: profile parameters and load measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk.findings import NotTested


class Params(Mapping[str, Any]):
    """Parameters of the check's suite: the suite's defaults, overridden by the profile."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Measurements(Mapping[str, Mapping[str, Any]]):
    """Results of load scenarios by scenario id; a missing one is *not tested*, never an empty success."""

    def __init__(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._values = dict(values)

    def __getitem__(self, scenario: str) -> Mapping[str, Any]:
        if scenario not in self._values:
            raise NotTested(f"load scenario {scenario!r} left no measurement", blame="HARNESS")
        return self._values[scenario]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
