"""Every check of every suite is proven anew, against the sound reference and each fault."""

from __future__ import annotations

import json

import pytest
from stranger import Run, no_traceback

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("suite", ["security", "barcode", "ledger", "load"])
def test_every_fault_is_found_without_a_false_alarm(conformance: Run, suite: str) -> None:
    done = conformance("calibrate", "--suite", suite, "--format", "json", "--no-save", timeout=1500)
    no_traceback(done)
    summary = json.loads(done.stdout)
    assert summary["checks"] >= 15
    assert summary["detected"] == summary["faults"] >= 15, summary["undetected"]
    assert summary["false_alarms"] == 0, summary["alarms"]
    assert summary["uncalibrated_checks"] == []
    assert done.returncode == 0
