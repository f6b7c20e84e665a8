"""The examples that people copy have no mistake."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from conformance.candidate.problems import http_problems
from conformance.files.candidate_file import read_candidate
from conformance.model.candidate import CandidateFile
from conformance.plugins import load_drivers

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "guides" / "bind-a-product.md"


def snippets() -> list[dict[str, Any]]:
    return [tomllib.loads(text) for text in re.findall(r"```toml part\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)]


@pytest.mark.parametrize("sections", snippets())
def test_every_example_of_the_guide_is_accepted(sections: dict[str, Any]) -> None:
    assert http_problems(CandidateFile("a", "1", "http://127.0.0.1:9", **sections)) == []


def candidate_files() -> list[Path]:
    """Return the example candidates; profiles that belong to one lie beside it."""
    found = sorted((ROOT / "examples" / "candidates").glob("*.toml"))
    return [path for path in found if "version" in (read := tomllib.loads(path.read_text("utf-8"))) and "name" in read]


@pytest.mark.parametrize("path", candidate_files(), ids=lambda path: path.stem)
def test_every_example_file_is_accepted(path: Path) -> None:
    candidate = read_candidate(path)
    factory, _ = load_drivers()[candidate.driver]
    assert factory.problems(candidate) == []
