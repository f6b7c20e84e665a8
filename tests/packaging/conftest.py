"""A wheel, built once, and an environment that has it installed beside the dependencies of this one."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from wheels import Install

ROOT = Path(__file__).parents[2]


def build(source: Path, target: Path) -> Path:
    """Build the wheel of a project into ``target``."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harness as a wheel."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def third_party_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of a third party's suite as a wheel."""
    return build(ROOT / "examples" / "third_party_suite", tmp_path_factory.mktemp("third-party"))


@pytest.fixture(scope="session")
def install() -> Install:
    """Install wheels into a new environment that sees this one's dependencies but not its editable install."""

    def make(folder: Path, wheels: list[Path]) -> Path:
        venv.create(folder, with_pip=False, symlinks=True)
        python = folder / "bin" / "python"
        own = Path(
            subprocess.run(
                [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                check=True, capture_output=True, text=True,
            ).stdout.strip()
        )  # fmt: skip
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
        subprocess.run([*pip, *map(str, wheels)], check=True, capture_output=True, text=True)
        # A plain path: editable installs' own .pth files in there are not followed.
        (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return python

    return make
