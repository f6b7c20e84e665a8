"""Plugins are validated when they are loaded, and digested by what their files hold."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from conformance import plugins
from conformance.errors import PluginError
from conformance.plugins import load_drivers, load_suites, tree_digest


def use(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [p for p in points if p.group == group])


def suite_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "conformance.suites")


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)


SUITE = "from conformance.sdk import Suite, Text\nSUITE = Suite('twin', 'TW', Text('Twin'), '1', '{0}', ())\n"


def test_the_built_in_suites_come_by_entry_point_like_anybodys() -> None:
    assert [item.suite.id for item in load_suites()] >= ["barcode", "ledger", "load", "security"]
    assert {"http", "stdio", "cometbft"} <= set(load_drivers())


def test_only_the_named_plugins_are_loaded() -> None:
    assert [item.suite.id for item in load_suites(["security"])] == ["security"]
    assert "http" in load_drivers(["security"]), "the harness's own drivers stay"


def test_a_plugin_that_raises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "raising_suite", "raise RuntimeError('no licence')")
    use(monkeypatch, suite_point("raising", "raising_suite"))
    with pytest.raises(PluginError, match="RuntimeError: no licence") as caught:
        load_suites()
    assert caught.value.plugin == "raising"
    assert "--only-plugins" in caught.value.diagnostics()


def test_a_plugin_without_a_suite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "empty_suite", "SUITE = 'none'")
    use(monkeypatch, suite_point("empty", "empty_suite"))
    with pytest.raises(PluginError, match="holds no SUITE"):
        load_suites()


def test_two_plugins_cannot_share_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twin_one", "twin_two"):
        package(tmp_path, monkeypatch, name, SUITE.format(name))
    use(monkeypatch, suite_point("one", "twin_one"), suite_point("two", "twin_two"))
    with pytest.raises(PluginError, match="suite id 'twin' is also given by one"):
        load_suites()


def test_the_digest_is_of_names_and_contents_and_of_nothing_derived(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    first = tree_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    (tmp_path / "calibration.json").write_text("{}")
    assert tree_digest(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2\n")
    second = tree_digest(tmp_path)
    assert second != first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert tree_digest(tmp_path) not in (first, second)
