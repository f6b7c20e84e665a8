"""The run that is attacked."""

from pathlib import Path

import pytest
import small_run


@pytest.fixture
def run(tmp_path: Path) -> small_run.SmallRun:
    """A fresh valid run."""
    return small_run.build(tmp_path)
