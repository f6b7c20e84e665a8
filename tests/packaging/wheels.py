"""The types of the packaging fixtures."""

from collections.abc import Callable
from pathlib import Path

#: Installs wheels into a new environment at a path and returns its interpreter.
Install = Callable[[Path, list[Path]], Path]
