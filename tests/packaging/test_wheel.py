"""What the wheel holds, and that plugins are found from both kinds of install."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheels import Install

NAMES = {
    "conformance",
    "conformance_barcode",
    "conformance_ledger",
    "conformance_load",
    "conformance_profiles",
    "conformance_reports",
    "conformance_security",
}

LIST = (
    "import json; from conformance.plugins import load_suites, load_modules;"
    "print(json.dumps({'suites': {s.suite.id: s.source.digest for s in load_suites()},"
    " 'reports': sorted(load_modules('report')), 'home': __import__('conformance').__file__}))"
)


def run(python: Path | str, *arguments: str) -> str:
    # Away from the checkout: Python looks for packages in the working directory first.
    done = subprocess.run([str(python), *arguments], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path, install: Install, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("env"), [wheel])


def test_the_wheel_claims_only_its_own_top_level_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == NAMES


def test_data_files_travel_with_the_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for suite in ("security", "barcode", "ledger", "load"):
        assert any(name.startswith(f"conformance_{suite}/catalogue") and name.endswith(".toml") for name in names)
        assert f"conformance_{suite}/calibration.json" in names
    assert "conformance_profiles/payment-product.toml" in names
    assert "conformance/contract/neutral.toml" in names
    assert "conformance/cli/templates/candidate.toml" in names


def test_plugins_are_found_from_the_wheel_and_from_the_editable_install_alike(installed: Path) -> None:
    from_wheel = json.loads(run(installed, "-c", LIST))
    editable = json.loads(run(sys.executable, "-c", LIST))
    assert str(installed.parent.parent) in from_wheel["home"]
    assert from_wheel["home"] != editable["home"]
    assert set(from_wheel["suites"]) == {"security", "barcode", "ledger", "load"}
    assert from_wheel["suites"] == editable["suites"], "the digests of the same code must not depend on the install"
    assert from_wheel["reports"] == ["allure", "html", "json", "junit", "reproduce", "sarif", "terminal"]


def test_the_command_runs_from_the_wheel(installed: Path) -> None:
    assert "0.1.0" in run(installed, "-m", "conformance.cli.main", "--version")


HEAVY = ("numpy", "locust", "pytest", "requests", "sqlalchemy", "jsonschema", "starlette", "gevent")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["verify", "--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv[1:] = ARGUMENTS\n"
        "from conformance.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    ).replace("ARGUMENTS", repr(arguments))
    assert "HEAVY []" in run(sys.executable, "-c", code)


def test_an_unrelated_pytest_session_sees_no_trace_of_us(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert True\n")
    done = run(sys.executable, "-m", "pytest", "--trace-config", "-p", "no:cacheprovider", str(tmp_path))
    assert "conformance" not in done.replace(str(Path.cwd()), "")
