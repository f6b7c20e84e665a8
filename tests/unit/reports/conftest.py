"""The sample report: all seven outcomes, load, calibration, Chinese text, and a product that attacks its reader."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "reports"


def _load(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


@pytest.fixture
def statement() -> dict[str, Any]:
    return copy.deepcopy(_load("statement.json"))


@pytest.fixture
def evidence() -> Callable[[int], Mapping[str, Any]]:
    records: dict[str, Any] = _load("exchanges.json")
    return lambda number: records[str(number)]


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare text with a golden file; CONFORMANCE_GOLDEN=write rewrites the file instead."""
    import os

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("CONFORMANCE_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; CONFORMANCE_GOLDEN=write rewrites it"

    return compare
