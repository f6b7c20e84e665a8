"""Crew files: made once, kept to their owner, and nothing else is taken for one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from conformance.errors import ConfigError
from conformance.files.crew_file import crew_secret


def test_a_crew_file_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "crew"
    first = crew_secret(path, make=True)
    assert len(bytes.fromhex(first)) == 32
    assert crew_secret(path, make=True) == crew_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "crew"
    crew_secret(path, make=True)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read") as refusal:
        crew_secret(path)
    assert "chmod 600" in refusal.value.remedy


@pytest.mark.parametrize("content", [b"", b"secret", b"\xff" * 64, b"0" * 63])
def test_something_else_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "crew"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no crew file") as refusal:
        crew_secret(path)
    assert "secret" not in refusal.value.diagnostics().replace("crew's secret", "")


def test_a_missing_file_is_not_made_for_a_worker_nor_where_that_is_impossible(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        crew_secret(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be made"):
        crew_secret(tmp_path / "none" / "crew", make=True)
