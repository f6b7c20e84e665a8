"""waivers.toml: requirement, justification, approver and an end are all mandatory, and the end is judged."""

import datetime
from pathlib import Path

import pytest

from conformance.errors import FileProblems
from conformance.files.waiver_file import read_waivers

TODAY = datetime.date(2026, 6, 1)


def write(tmp_path: Path, expires: str) -> Path:
    path = tmp_path / "waivers.toml"
    path.write_text(
        f'[[waivers]]\nrequirement = "SEC-V06"\njustification = "accepted risk"\napprover = "Audit board"\n{expires}\n'
    )
    return path


def test_a_waiver_is_read(tmp_path: Path) -> None:
    (waiver,) = read_waivers(write(tmp_path, "expires = 2026-12-31"), TODAY)
    assert waiver.as_json()["expires"] == "2026-12-31"


@pytest.mark.parametrize(
    ("expires", "said"),
    [
        ("", "'expires' is missing"),
        ("expires = 2026-05-31", "expired on 2026-05-31"),
        ('expires = "2026-12-31"', "a TOML date"),
        ("expires = 2026-12-31T00:00:00Z", "a TOML date"),
    ],
)
def test_a_waiver_without_a_living_end_is_refused(tmp_path: Path, expires: str, said: str) -> None:
    with pytest.raises(FileProblems, match=said):
        read_waivers(write(tmp_path, expires), TODAY)
