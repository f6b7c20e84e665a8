"""The neutral operations, read once from ``neutral.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def neutral_operations() -> Mapping[str, Mapping[str, Any]]:
    """Return the mapping entry of every operation of the neutral contract, by operation name."""
    text = files("conformance.contract").joinpath("neutral.toml").read_text(encoding="utf-8")
    operations: Mapping[str, Mapping[str, Any]] = tomllib.loads(text)["operations"]
    return operations
