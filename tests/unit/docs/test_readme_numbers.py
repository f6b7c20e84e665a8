"""The README's numbers are those of the installed suites and of their committed calibrations."""

from __future__ import annotations

import re
from pathlib import Path

from conformance.engine.matrix import load_calibration
from conformance.engine.world import load_world

README = Path(__file__).parents[3] / "README.md"
ROW = re.compile(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", re.M)


def test_the_table_of_suites_is_true() -> None:
    rows = {name: tuple(map(int, numbers)) for name, *numbers in ROW.findall(README.read_text(encoding="utf-8"))}
    world = load_world(None, ("security", "barcode", "ledger", "load"))
    found = {}
    for contents in world.suites:
        calibration = load_calibration(contents)
        assert calibration is not None
        detected = calibration.as_json()["detected"]
        assert detected == len(contents.loaded.faults())
        found[contents.id] = (len(contents.catalogue.requirements), len(contents.checks), detected)
    assert rows == found


def test_the_committed_calibrations_are_of_the_committed_code() -> None:
    world = load_world(None, ("security", "barcode", "ledger", "load"))
    stale = [c.id for c in world.suites if not (found := load_calibration(c)) or not found.current]
    assert stale == [], "run `make calibrate` and commit the matrices"
