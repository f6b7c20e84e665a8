"""Profiles: selection by pattern, decision rule, digest over everything that decides."""

from pathlib import Path

import pytest

from conformance.engine.profiles import find_profile
from conformance.errors import ConfigError, FileProblems
from conformance.files.profile_file import profile_digest, read_profiles
from conformance.model.profile import Profile
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


def read_profile(path: Path) -> Profile:
    (profile,) = read_profiles(path)
    return profile


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


LEVELS = """
[levels.a1]
title = { en = "Reading", zh-CN = "只读" }
select = { security = ["SEC-T01"] }
[levels.a2]
title = { en = "Paying", zh-CN = "支付" }
includes = "a1"
select = { security = ["SEC-S*"], barcode = ["BAR-01"] }
not_applicable = ["SEC-T17"]
parameters = { security = { window_s = 30 } }
"""


def test_each_level_is_a_profile_that_builds_on_another(tmp_path: Path) -> None:
    reading, paying = read_profiles(write(tmp_path, TEXT + LEVELS))
    assert (reading.id, paying.id) == ("small-a1", "small-a2")
    assert paying.title.zh == "支付"
    assert reading.selects("security", "SEC-V06"), "the common part counts at every level"
    assert reading.selects("security", "SEC-T01")
    assert not reading.selects("security", "SEC-S01")
    assert paying.selects("security", "SEC-T01"), "what it includes counts too"
    assert paying.selects("security", "SEC-S01")
    assert paying.selects("barcode", "BAR-01")
    assert not paying.selects("security", "SEC-V12")
    assert paying.not_applicable == ("BAR-*", "SEC-T17")
    assert (reading.parameters["security"]["window_s"], paying.parameters["security"]["window_s"]) == (60, 30)
    assert profile_digest(reading) != profile_digest(paying)


ABSENCES = """
[levels.a1]
title = { en = "Reading", zh-CN = "只读" }
not_applicable = ["SEC-V*"]
without = [{ operations = ["accounts.*"], not_applicable = ["SEC-Z01"] }]
[levels.a2]
title = { en = "Paying", zh-CN = "支付" }
includes = "a1"
required = ["SEC-V0*", "SEC-Z01"]
[levels.a3]
title = { en = "Paying more", zh-CN = "更多支付" }
includes = "a2"
not_applicable = ["SEC-V06"]
"""


def test_a_level_withdraws_what_one_above_it_permits(tmp_path: Path) -> None:
    reading, paying, more = read_profiles(write(tmp_path, TEXT + ABSENCES))
    nothing = frozenset[str]()
    assert reading.allows_absence("SEC-V06")
    assert reading.lacking("SEC-Z01", nothing) == ("accounts.*",)
    assert not paying.allows_absence("SEC-V06")
    assert paying.allows_absence("SEC-V11"), "only what is named is withdrawn"
    assert paying.allows_absence("BAR-01"), "the common part still holds"
    assert paying.lacking("SEC-Z01", nothing) == ()
    assert not more.allows_absence("SEC-V06"), "what was withdrawn stays so"


def test_what_needs_a_kind_of_operation_does_not_concern_products_that_have_none(tmp_path: Path) -> None:
    reading = read_profiles(write(tmp_path, TEXT + ABSENCES))[0]
    assert reading.lacking("SEC-Z01", frozenset({"payments.create"})) == ("accounts.*",)
    assert reading.lacking("SEC-Z01", frozenset({"accounts.list"})) == ()
    assert reading.lacking("SEC-V06", frozenset()) == ()


@pytest.mark.parametrize(("old", "new"), [('required = ["SEC-V0*"', 'required = ["SEC-V1*"'), ("accounts.*", "token")])
def test_the_digest_changes_with_what_may_be_lacking(tmp_path: Path, old: str, new: str) -> None:
    paying = profile_digest(read_profiles(write(tmp_path, TEXT + ABSENCES))[1])
    assert profile_digest(read_profiles(write(tmp_path, TEXT + ABSENCES.replace(old, new)))[1]) != paying


@pytest.mark.parametrize("without", ['{ not_applicable = ["SEC-Z01"] }', '{ operations = [], not_applicable = ["*"] }'])
def test_without_names_operations(tmp_path: Path, without: str) -> None:
    with pytest.raises(FileProblems, match="without"):
        read_profile(write(tmp_path, f"without = [{without}]\n{TEXT}"))


@pytest.mark.parametrize("included", ["a2", "a3"])
def test_a_level_builds_only_on_one_above_it(tmp_path: Path, included: str) -> None:
    with pytest.raises(FileProblems, match=r"levels\.a2\.includes"):
        read_profiles(write(tmp_path, TEXT + LEVELS.replace('includes = "a1"', f'includes = "{included}"')))


def test_a_profile_with_levels_is_asked_for_by_level(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT + LEVELS)
    assert find_profile(f"{path}:a2").id == "small-a2"
    for asked in (str(path), f"{path}:a3"):
        with pytest.raises(ConfigError, match="holds 2 profiles") as caught:
            find_profile(asked)
        assert f"{path}:a1, {path}:a2" in caught.value.diagnostics()
    assert find_profile(str(write(tmp_path, TEXT))).id == "small"
