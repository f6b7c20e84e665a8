"""Reading one whole number from a scenario's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.errors import ConfigError


def whole(parameters: Mapping[str, Any], name: str, defaults: Mapping[str, int], least: int) -> int:
    """Return a parameter or its default; raises ConfigError for what is not a whole number of ``least`` or more."""
    value = parameters.get(name, defaults[name])
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"{value!r} is not a whole number of {least} or more",
            where=f"load.{name}",
            remedy=f"Set it in the profile under [parameters.load]; the default is {defaults[name]}.",
        )
    return value
