"""The verb ``load``: its options become parameters, and wrong ones are refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.cli import verb_run
from conformance.cli.main import cli
from conformance.errors import ConfigError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[verb_run.Options]:
    """What the verb would run."""
    seen: list[verb_run.Options] = []
    monkeypatch.setattr(verb_run, "perform", lambda options: seen.append(options) or 0)
    return seen


def load(*words: str) -> Any:
    return cli.main(["load", *words], standalone_mode=False)


def test_it_runs_the_load_suite_alone_under_a_load_profile(asked: list[verb_run.Options]) -> None:
    assert load("--demo") == 0
    (options,) = asked
    assert (options.suites, options.profile, options.demo) == (("load",), "core-payment-load-ci", True)
    assert (options.words, options.limitations) == ((), ())
    assert options.overrides == {"workers": "0", "crew": "", "bind": "127.0.0.1:0", "ui_port": 0}


def test_settings_reach_all_scenarios_or_one(asked: list[verb_run.Options]) -> None:
    load("-c", "x.toml", "--set", "rate_per_s=50", "--set", "payments-burst.shape=square", "--workers", "3")
    (options,) = asked
    assert options.candidate == Path("x.toml")
    assert options.overrides["rate_per_s"] == 50
    assert options.overrides["scenarios"] == {"payments-burst": {"shape": "square"}}
    assert options.overrides["workers"] == "3"
    assert ("--set", "payments-burst.shape=square") in options.words
    assert any("payments-burst.shape=square" in text for text in options.limitations)


@pytest.mark.parametrize(("factor", "permille"), [("1/100", 10), ("0.25", 250), ("1", None)])
def test_a_scale_is_a_parameter_and_a_limitation_of_the_report(
    factor: str, permille: int | None, asked: list[verb_run.Options]
) -> None:
    load("--demo", "--scale", factor)
    (options,) = asked
    assert options.overrides.get("scale_permille") == permille
    assert bool(options.limitations) == (permille is not None)


@pytest.mark.parametrize("factor", ["2", "0", "-1/2", "1/0", "many", "1/100000"])
def test_a_factor_out_of_range_is_refused(factor: str) -> None:
    with pytest.raises(ConfigError, match="not a factor") as refusal:
        load("--demo", "--scale", factor)
    assert refusal.value.where == "--scale"


@pytest.mark.parametrize("text", ["rate", "=5", "A.b=1", "a b=1"])
def test_a_setting_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not of the form"):
        load("--demo", "--set", text)
