"""The detection matrix: which fault each check was seen to find, for exactly the code that is running.

``conformance calibrate`` writes ``calibration.json`` into a suite's package (or a cache where that is read-only);
it holds for the digest of the suite, the sdk, the drivers and the reference candidate, and for nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import rfc8785

import conformance
from conformance.engine.world import SuiteContents
from conformance.plugins import package_digest, tree_digest

FILE = "calibration.json"

#: The rooms of the core whose code decides what a check sees.
_ROOMS = ("sdk", "candidate", "contract", "reference")


@dataclass(frozen=True, slots=True)
class Detection:
    """One row: a fault, the check it must trip, whether that check failed for its own reason, and what else failed."""

    fault: str
    title: Mapping[str, str]
    check: str
    says: str
    detected: bool
    said: str = ""
    others: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form used in files and reports."""
        return {
            "fault": self.fault,
            "title": dict(self.title),
            "check": self.check,
            "says": self.says,
            "detected": self.detected,
            "said": self.said,
            "others": list(self.others),
        }


@dataclass(frozen=True, slots=True)
class SuiteCalibration:
    """A suite's calibration: every check on the sound reference, and every fault."""

    suite: str
    code: str
    sound: Mapping[str, str]
    rows: tuple[Detection, ...]
    false_alarms: tuple[str, ...] = ()
    current: bool = field(default=True, compare=False)

    def calibrated(self) -> frozenset[str]:
        """Return the checks that passed the sound reference and failed a fault for their own reason."""
        passing = {check for check, outcome in self.sound.items() if outcome == "passed"}
        return frozenset(row.check for row in self.rows if row.detected and row.check in passing)

    def uncalibrated(self) -> list[str]:
        """Return the checks that no fault has proven."""
        return sorted(set(self.sound) - self.calibrated())

    def as_json(self) -> dict[str, Any]:
        """Return the form used in files and reports."""
        return {
            "suite": self.suite,
            "code": self.code,
            "current": self.current,
            "checks": len(self.sound),
            "faults": len({row.fault for row in self.rows}),
            "detected": len({row.fault for row in self.rows} - {row.fault for row in self.rows if not row.detected}),
            "falseAlarms": len(self.false_alarms),
            "alarms": list(self.false_alarms),
            "uncalibrated": self.uncalibrated(),
            "sound": dict(self.sound),
            "matrix": [row.as_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], current: bool) -> SuiteCalibration:
        """Read the form that :meth:`as_json` writes."""
        rows = tuple(
            Detection(
                row["fault"],
                row["title"],
                row["check"],
                row["says"],
                row["detected"],
                row["said"],
                tuple(row["others"]),
            )
            for row in value["matrix"]
        )
        return cls(value["suite"], value["code"], value["sound"], rows, tuple(value["alarms"]), current)


def code_digest(package: str) -> str:
    """Return ``sha256:…`` over the suite's files and the rooms of the core that its checks rely on."""
    home = Path(str(files(conformance)))
    parts = [package_digest(package), *(tree_digest(home / room) for room in _ROOMS)]
    return f"sha256:{hashlib.sha256(''.join(parts).encode()).hexdigest()}"


def load_calibration(contents: SuiteContents) -> SuiteCalibration | None:
    """Return a suite's calibration, marked stale if the code has changed since, or None if there is none."""
    digest = code_digest(contents.loaded.suite.package)
    found = [value for path in _places(contents) if (value := _read(path)) is not None]
    fitting = next((value for value in found if value["code"] == digest), None)
    if fitting is not None:
        return SuiteCalibration.from_json(fitting, current=True)
    return SuiteCalibration.from_json(found[0], current=False) if found else None


def save_calibration(contents: SuiteContents, calibration: SuiteCalibration) -> Path:
    """Write a suite's calibration beside its code, or into the cache where that is read-only."""
    text = json.dumps(calibration.as_json(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    for path in _places(contents):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    raise OSError(f"no place to keep the calibration of {contents.id}")


def matrix_digest(calibrations: list[SuiteCalibration]) -> str:
    """Return ``sha256:…`` over the canonical form of all calibrations."""
    return f"sha256:{hashlib.sha256(rfc8785.dumps([item.as_json() for item in calibrations])).hexdigest()}"


def _places(contents: SuiteContents) -> list[Path]:
    import platformdirs

    own = Path(str(files(contents.loaded.suite.package))) / FILE
    cache = Path(os.environ.get("CONFORMANCE_CACHE") or platformdirs.user_cache_dir("fintech-conformance"))
    return [own, cache / "calibration" / f"{contents.loaded.suite.package}.json"]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and "code" in value else None
