"""Profiles: selection by pattern, decision rule, digest over everything that decides."""

from pathlib import Path

import pytest

from conformance.errors import FileProblems
from conformance.files.profile_file import profile_digest, read_profile
from conformance.model.requirement import Severity

TEXT = """
id = "small"
version = "1.0.0"
title = { en = "Small", zh-CN = "小型" }
not_applicable = ["BAR-*"]
[select]
security = ["SEC-V*", "SEC-Z01"]
[exclude]
security = ["SEC-V12"]
[verdict]
fail_at = "high"
[parameters.security]
window_s = 60
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_selection_follows_the_patterns(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, TEXT))
    assert profile.selects("security", "SEC-V06")
    assert profile.selects("security", "SEC-Z01")
    assert not profile.selects("security", "SEC-V12")
    assert not profile.selects("security", "SEC-J01")
    assert not profile.selects("barcode", "BAR-01")
    assert profile.allows_absence("BAR-01")
    assert profile.rule.fail_at is Severity.HIGH


def test_the_digest_changes_with_the_rule_and_the_parameters(tmp_path: Path) -> None:
    first = profile_digest(read_profile(write(tmp_path, TEXT)))
    assert first == profile_digest(read_profile(write(tmp_path, TEXT)))
    for old, new in (('"high"', '"low"'), ("60", "61"), ('"SEC-Z01"', '"SEC-Z02"'), ('"1.0.0"', '"1.0.1"')):
        assert profile_digest(read_profile(write(tmp_path, TEXT.replace(old, new)))) != first


def test_an_unknown_key_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileProblems, match=r"unknown key 'fail_ta'; .*did you mean 'fail_at'"):
        read_profile(write(tmp_path, TEXT.replace("fail_at", "fail_ta")))
