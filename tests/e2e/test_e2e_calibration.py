"""Every check of every suite is proven anew: it passes the sound reference and finds its fault, in its own words.

That no *other* check raises a false alarm under a fault is what `make calibrate` proves, at the square of the time; its
matrix is committed, is valid for this code alone, and a unit test compares the digests.
"""

from __future__ import annotations

import json

import pytest
from stranger import Run, no_traceback

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("suite", ["security", "barcode", "ledger", "load"])
def test_every_fault_is_found_without_a_false_alarm(conformance: Run, suite: str) -> None:
    done = conformance("calibrate", "--suite", suite, "--format", "json", "--named-only", timeout=1500)
    no_traceback(done)
    summary = json.loads(done.stdout)
    assert summary["checks"] >= 15
    assert summary["detected"] == summary["faults"] >= 15, summary["undetected"]
    assert summary["false_alarms"] == 0, summary["alarms"]
    assert summary["uncalibrated_checks"] == []
    assert done.returncode == 0
