"""A verb that does not exist is answered with those that it may have been meant to be."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "meant"), [("rum", "run"), ("verfy", "verify"), ("kyes", "keys")])
def test_a_mistyped_verb_is_told_its_likeness(given: str, meant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "conformance.cli.main", given], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"No such command '{given}'. Did you mean {meant}" in done.stderr


def test_a_verb_like_no_other_is_refused_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "conformance.cli.main", "zzz"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "No such command 'zzz'" in done.stderr
